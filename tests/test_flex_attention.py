"""Attention with functions of scores and positions: fnnet.functional's and fnnet.torch's, as recorded."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F

SCALARS = ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_indices")


@pytest.fixture(scope="module")
def recorded():
    with np.load(Path(__file__).parent / "reference" / "flex_attention.npz") as file:
        return dict(file)


def changed(table):
    return lambda score, b, h, q_idx, kv_idx: score + table[h, q_idx - kv_idx + 4] * (b + 1)


def meets(b, h, q_idx, kv_idx):
    return (q_idx >= kv_idx + 1) | ((h == 2) & (q_idx > 3))


def close(actual, expected):
    np.testing.assert_allclose(np.asarray(actual), expected, 1.3e-6, 1e-5)


def test_of_arrays(recorded):
    mask = F.create_block_mask(meets, None, 4, 6, 5, BLOCK_SIZE=2)

    @jax.jit
    def run(cotangent, *given):
        def attended(query, key, value, table):
            def mod(score, b, h, q, kv):
                return changed(table)(score, b.astype(jnp.float32), h, q, kv)

            options = {"enable_gqa": True, "return_aux": F.AuxRequest(lse=True)}
            output, aux = F.flex_attention(query, key, value, mod, mask, **options)
            return output, aux.lse

        output, pullback, lse = jax.vjp(attended, *given, has_aux=True)
        return output, lse, pullback(cotangent)

    names = ("query", "key", "value", "table")
    output, lse, gradients = run(recorded["cotangent"], *[recorded[name] for name in names])
    close(output, recorded["output"])
    close(lse, recorded["lse"])
    for name, gradient in zip(names, gradients, strict=True):
        close(gradient, recorded[f"d_{name}"])


def test_of_tensors(recorded):
    from fnnet import torch
    from fnnet.torch.nn.attention import flex_attention as flex
    from fnnet.torch.nn.attention.bias import causal_lower_right

    given = [torch.tensor(recorded[name], requires_grad=True) for name in ("query", "key", "value", "table")]
    mask = flex.create_block_mask(meets, None, 4, 6, 5, BLOCK_SIZE=2)
    output, aux = flex.flex_attention(
        *given[:3], changed(given[3]), mask, enable_gqa=True, return_aux=flex.AuxRequest(lse=True)
    )
    output.backward(torch.tensor(recorded["cotangent"]))
    close(output.detach().numpy(), recorded["output"])
    close(aux.lse.detach().numpy(), recorded["lse"])
    for name, one in zip(("query", "key", "value", "table"), given, strict=True):
        close(one.grad.numpy(), recorded[f"d_{name}"])
    for name in SCALARS:
        found = getattr(mask, name)
        assert found.dtype == torch.int32
        np.testing.assert_array_equal(found.numpy(), recorded[name])
    np.testing.assert_array_equal(mask.to_dense().numpy(), recorded["dense"])
    assert mask.sparsity() == pytest.approx(float(recorded["sparsity"]))
    assert mask.shape == (1, 4, 6, 5)
    np.testing.assert_array_equal(flex.create_mask(meets, 1, 4, 6, 5).numpy(), recorded["mask"])
    np.testing.assert_array_equal(causal_lower_right(3, 5).numpy(), recorded["lower_right"])


def test_masks_are_joined(recorded):
    both = F.and_masks(meets, lambda b, h, q, kv: h != 2)
    either = F.or_masks(lambda b, h, q, kv: h == 9, meets)
    found, joined = (np.asarray(F.create_mask(mod, 1, 4, 6, 5)) for mod in (either, both))
    np.testing.assert_array_equal(found, recorded["mask"])
    np.testing.assert_array_equal(joined, recorded["mask"] & (np.arange(4) != 2)[:, None, None])


def test_wrong_calls():
    x = jax.ShapeDtypeStruct((1, 2, 6, 4), jnp.float32)
    few = jax.ShapeDtypeStruct((1, 1, 6, 4), jnp.float32)
    with pytest.raises(ValueError, match="same number of heads but got Hq=2 and Hkv=1"):
        jax.eval_shape(F.flex_attention, x, few, few)
    mask = F.create_block_mask(meets, None, None, 8, 6, BLOCK_SIZE=2)
    with pytest.raises(ValueError, match=r"block_mask was created for block_mask.shape=\(1, 1, 8, 6\)"):
        jax.eval_shape(lambda x: F.flex_attention(x, x, x, block_mask=mask), x)
    with pytest.raises(AssertionError, match="requires a mask_mod"):
        F.create_block_mask(changed(None), None, None, 8, 6)
