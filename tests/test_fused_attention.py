"""The fused kernel gets what it takes, and means what the plain form means."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet.functional as F
from fnnet.functional import fused_attention


def drawn(*shape: int, seed: int = 0) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.bfloat16)


@pytest.fixture
def kernel(monkeypatch):
    """JAX's own form in place of cuDNN's: the same arguments and conventions, on every device."""
    calls = []
    real = jax.nn.dot_product_attention

    def instead(*args, implementation, **kwargs):
        calls.append(implementation)
        return real(*args, implementation="xla", **kwargs)

    monkeypatch.setattr(jax.nn, "dot_product_attention", instead)
    monkeypatch.setattr(fused_attention, "_on_cuda", lambda: True)
    return calls


@pytest.mark.parametrize(
    ("heads", "mask", "causal"),
    [(2, None, True), (4, (1, 4, 6, 6), False)],
)
def test_the_kernel_means_the_same(kernel, heads, mask, causal) -> None:
    q, k, v = drawn(2, 4, 6, 8), drawn(2, heads, 6, 8, seed=1), drawn(2, heads, 6, 8, seed=2)
    allowed = None if mask is None else np.random.default_rng(3).random(mask) > 0.4
    if allowed is not None:
        allowed[..., 1, :] = False  # a fully masked row
    assert fused_attention.is_fusible(q, k, v, allowed, causal, 0.0)

    @jax.jit
    def both(q, k, v):
        def by(function):
            def loss(q, k, v):
                out = function(q, k, v)
                return (out.astype(jnp.float32) ** 2).sum(), out

            return jax.grad(loss, (0, 1, 2), has_aux=True)(q, k, v)

        plain = by(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, allowed, 0.0, causal, 0.3, True))
        return plain, by(lambda q, k, v: fused_attention.fused(q, k, v, allowed, causal, 0.3))

    with jax.numpy_dtype_promotion("standard"):  # JAX's own form mixes dtypes
        expected, actual = both(q, k, v)
    assert "cudnn" in kernel
    for one, two in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one.astype(jnp.float32), two.astype(jnp.float32), 0.05, 0.05)
    if allowed is not None:
        assert not np.asarray(actual[1][:, :, 1]).astype(np.float32).any()


def test_what_the_kernel_would_not_mean_is_left_to_the_plain_form(kernel) -> None:
    q = drawn(2, 4, 6, 8)
    wrong = [
        (q.astype(jnp.float32), q, None, False, 0.0),
        (q[0], q[0], None, False, 0.0),
        (q, q[:, :, :4], None, True, 0.0),
        (q, q, None, False, 0.1),
        (q, q, jnp.zeros((6, 6), jnp.bfloat16), False, 0.0),
        (q[..., :5, :], q, jnp.ones((5, 6), bool), False, 0.0),
        (q[..., :7], q[..., :7], None, False, 0.0),
        (drawn(1, 1, 2, 136), drawn(1, 1, 2, 136), None, False, 0.0),
    ]
    for query, key, mask, causal, dropout in wrong:
        assert not fused_attention.is_fusible(query, key, key, mask, causal, dropout)


def test_without_cuda_the_plain_form_is_all_there_is() -> None:
    q = drawn(2, 4, 6, 8)
    fusible = fused_attention.is_fusible(q, q, q, None, True, 0.0)
    assert fusible == (jax.default_backend() == "gpu")
