"""Products of groups, products by scales, attention within sequences against recorded outputs of PyTorch."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import quickly

from fnnet import functional as F

RECORDED = np.load(Path(__file__).parent / "reference" / "groups.npz")
KINDS = F.ScalingType
ENDS = ([0, 2, 6, 9], [0, 3, 5, 8])
WINDOWS = {"all": (-1, -1), "causal": (-1, 0), "near": (1, 1), "left": (1, 0)}


def recorded(name):
    return jnp.asarray(RECORDED[name])


def near(actual, name, rtol=1.3e-6, atol=1e-5):
    np.testing.assert_allclose(np.asarray(actual, np.float32), RECORDED[name], rtol, atol)


@pytest.mark.parametrize("layout", ["rows", "columns", "summed", "batches"])
def test_grouped_mm(layout):
    a, b, cotangent = (recorded(f"{layout}.{name}") for name in ("a", "b", "cotangent"))
    offs = None if layout == "batches" else recorded("offs")

    @quickly.jit
    def both(a, b):
        out, pullback = jax.vjp(lambda a, b: F.grouped_mm(a, b, offs=offs), a, b)
        return out, *pullback(cotangent)

    for found, name in zip(both(a, b), ("out", "da", "db"), strict=True):
        near(found, f"{layout}.{name}")


def test_grouped_mm_of_parts_longer_than_a_block():
    rng = np.random.default_rng(0)
    rows, mats, change = (rng.standard_normal(shape, np.float32) for shape in ((40, 4), (3, 4, 6), (40, 6)))

    @quickly.jit
    def both(offs):
        out, pullback = jax.vjp(lambda a, b: F.grouped_mm(a, b, offs=offs), rows, mats)
        return out, *pullback(change)

    for ends in ([1, 36, 36], [30, 38, 40], [0, 0, 33]):
        wanted = [np.zeros((40, 6)), np.zeros((40, 4)), np.zeros((3, 4, 6))]
        for i, (begin, end) in enumerate(zip([0, *ends], ends, strict=False)):
            part = slice(begin, end)
            wanted[0][part], wanted[1][part] = rows[part] @ mats[i], change[part] @ mats[i].T
            wanted[2][i] = rows[part].T @ change[part]
        for found, expected in zip(both(jnp.asarray(ends, jnp.int32)), wanted, strict=True):
            np.testing.assert_allclose(found, expected, 1.3e-6, 1e-5)


def test_grouped_mm_reads_no_other_group():
    offs = jnp.asarray([1, 2], jnp.int32)
    mats = jnp.stack([jnp.eye(2), jnp.full((2, 2), jnp.inf)])
    rows = jnp.ones((2, 2))
    out, pullback = jax.vjp(lambda a: F.grouped_mm(a, mats, offs=offs), rows)
    assert np.array_equal(out[0], [1, 1])
    assert np.array_equal(pullback(jnp.ones((2, 2)))[0][0], [1, 1])


@pytest.mark.parametrize(
    ("shapes", "given", "words"),
    [
        (((4, 2), (2, 2, 3)), {}, "Have to provide offsets"),
        (((2, 4, 2), (2, 2, 3)), {"offs": np.int32([2, 4])}, "no offset if both matrices are 3d"),
        (((4, 2), (2, 2, 3)), {"offs": np.int32([2, 3, 4])}, "matrix batch sizes have to match"),
        (((2, 4, 2), (3, 2, 3)), {}, "batched dimension has to match"),
        (((4, 3), (2, 2, 3)), {"offs": np.int32([2, 4])}, "contraction dimension"),
        (((4,), (2, 2, 3)), {"offs": np.int32([2, 4])}, "mat_a has to be 2 or 3d"),
        (((4, 2), (2, 2, 3)), {"offs": np.int16([2, 4])}, "Offsets have to be int32"),
        (((4, 2), (2, 2, 3)), {"offs": np.int32([[2, 4]])}, "offs has to be 1D"),
        (((4, 2), (2, 2, 3)), {"offs": np.int32([2, 4]), "bias": np.ones(3)}, "Bias not supported"),
        (((4, 2), (2, 2, 3)), {"offs": np.int32([2, 4]), "out_dtype": "float16"}, "output dtype must match"),
    ],
)
def test_grouped_mm_refuses(shapes, given, words):
    mats = (jnp.ones(shape) for shape in shapes)
    with pytest.raises(RuntimeError, match=words):
        F.grouped_mm(*mats, **given)


def scaled_mats():
    return (jnp.asarray(RECORDED[f"scaled.{side}"].view(jnp.float8_e4m3fn)) for side in "ab")


@pytest.mark.parametrize("kind", ["TensorWise", "RowWise"])
def test_scaled_mm(kind):
    a, b = scaled_mats()
    scales = recorded(f"{kind}.a"), KINDS[kind], recorded(f"{kind}.b"), KINDS[kind]
    out = F.scaled_mm(a, b, *scales, bias=recorded("scaled.bias"), output_dtype=jnp.float32)
    near(out, f"{kind}.out")
    half = F.scaled_mm(a, b, *scales)
    assert half.dtype == jnp.bfloat16
    near(half, f"{kind}.half", 1.6e-2)


def tiled(scales):
    """Scales (rows, columns) in tiles of 128 rows and 4 columns, as NVIDIA's documentation draws them."""
    rows, columns = (-(-scales.shape[0] // 128) * 128, -(-scales.shape[1] // 4) * 4)
    found = np.zeros(rows * columns, scales.dtype)
    for r, c in np.ndindex(scales.shape):
        tile = (r // 128) * (columns // 4) + c // 4
        found[tile * 512 + (r % 32) * 16 + (r % 128 // 32) * 4 + c % 4] = scales[r, c]
    return found


@pytest.mark.parametrize(
    ("kinds", "sides", "swizzle"),
    [
        ((KINDS.BlockWise1x128,) * 2, ((200, 2), (130, 2)), 0),
        ((KINDS.BlockWise1x128, KINDS.BlockWise128x128), ((200, 2), (2, 2)), 0),
        ((KINDS.BlockWise1x32,) * 2, ((200, 8), (130, 8)), 1),
        ((KINDS.BlockWise1x16,) * 2, ((200, 16), (130, 16)), 1),
    ],
)
def test_scaled_mm_by_blocks(kinds, sides, swizzle):
    rng = np.random.default_rng(0)
    mats, scales, wide = [], [], []
    for rows, kind, shape in zip((200, 130), kinds, sides, strict=True):
        mats.append(rng.standard_normal((rows, 256)).astype(jnp.float8_e4m3fn))
        own = 2.0 ** rng.integers(-2, 3, shape).astype(np.float32)
        high = 128 if kind is KINDS.BlockWise128x128 else 1
        each = np.repeat(np.repeat(own, high, 0)[:rows], 256 // shape[1], 1)
        wide.append(mats[-1].astype(np.float64) * each)
        if swizzle:
            small = jnp.float8_e8m0fnu if kind is KINDS.BlockWise1x32 else jnp.float8_e4m3fn
            own = tiled(own).astype(small)
        elif high > 1:
            own = np.pad(own.T, ((0, 2), (0, 0)))
        scales.append(jnp.asarray(own))
    swizzles = [F.SwizzleType(swizzle)] * 2
    given = (scales[0], kinds[0], scales[1], [kinds[1]], *swizzles)
    out = F.scaled_mm(jnp.asarray(mats[0]), jnp.asarray(mats[1].T), *given, output_dtype=jnp.float32)
    np.testing.assert_allclose(out, wide[0] @ wide[1].T, 1e-5, 1e-3)


def test_scaled_mm_refuses():
    a, b = scaled_mats()
    one, kind = jnp.ones(1), KINDS.TensorWise
    with pytest.raises(ValueError, match="Invalid scaling configuration"):
        F.scaled_mm(a, b, one, kind, one, KINDS.RowWise)
    with pytest.raises(ValueError, match="Invalid scaling configuration"):
        F.scaled_mm(a.astype(jnp.float32), b, one, kind, one, kind)
    with pytest.raises(ValueError, match="scale_a must have 1 Float element"):
        F.scaled_mm(a, b, jnp.ones(2), kind, one, kind)
    with pytest.raises(ValueError, match="shapes cannot be multiplied"):
        F.scaled_mm(a, b.T, one, kind, one, kind)
    block = KINDS.BlockWise1x32
    with pytest.raises(ValueError, match="scale_a must have elements of float8_e8m0fnu, got float32"):
        F.scaled_mm(a, b, jnp.ones((6, 1)), block, jnp.ones((8, 1)), block)
    with pytest.raises(ValueError, match=r"scale_a must have .*shape \[6, 1\]"):
        F.scaled_mm(a, b, jnp.ones((5, 1)), KINDS.RowWise, jnp.ones((1, 8)), KINDS.RowWise)


@pytest.mark.parametrize("layout", ["rows", "summed"])
def test_scaled_grouped_mm_is_grouped_mm_of_what_is_scaled(layout):
    a, b = (recorded(f"{layout}.{side}").astype(jnp.float8_e4m3fn) for side in "ab")
    offs = recorded("offs")
    rng = np.random.default_rng(0)
    shapes = [
        x.shape[:1] + x.shape[axis:][:1] if x.ndim == 3 else (x.shape[axis],)
        for x, axis in ((a, -2), (b, -1))
    ]
    groups = 4 if layout == "summed" else 1
    scales = [rng.random((groups * s[0], *s[1:])).astype(np.float32) for s in shapes]
    kind = KINDS.RowWise
    run = quickly.jit(
        lambda a, b, x, y: F.scaled_grouped_mm(a, b, x, kind, y, kind, offs=offs, output_dtype="float32")
    )
    x, y = (np.asarray(one, np.float32) for one in (a, b))
    ends = np.append(0, RECORDED["offs"])
    parts = [slice(*ends[i : i + 2]) for i in range(4)]
    if layout == "summed":
        each = [one.reshape(4, -1) for one in scales]
        wanted = np.stack([x[:, p] @ y[p] for p in parts]) * each[0][:, :, None] * each[1][:, None]
    else:
        x = x * scales[0][:, None]
        wanted = np.concatenate([x[p] @ (y[i] * scales[1][i]) for i, p in enumerate(parts)] + [0 * x[8:, :8]])
    np.testing.assert_allclose(run(a, b, *scales), wanted, 1.3e-6, 1e-5)


@pytest.mark.parametrize("window", ["causal", "near"])
def test_varlen_attn(window):
    arrays = [recorded(f"varlen.{name}") for name in ("query", "key", "value")]
    ends = [jnp.asarray(one, jnp.int32) for one in ENDS]
    cotangent = recorded("varlen.cotangent")

    @quickly.jit
    def both(*arrays):
        def attend(*arrays):
            aux = F.VarlenAuxRequest(lse=True)
            options = {"window_size": WINDOWS[window], "enable_gqa": True, "return_aux": aux}
            return F.varlen_attn(*arrays, *ends, 4, 3, **options)

        out, pullback, lse = jax.vjp(attend, *arrays, has_aux=True)
        return out, lse, *pullback(cotangent)

    for found, name in zip(both(*arrays), ("out", "lse", 0, 1, 2), strict=True):
        near(found, f"varlen.{window}.{name}")


def test_varlen_attn_of_pages_and_of_keys_that_count():
    query, key, value = (recorded(f"varlen.{name}") for name in ("query", "key", "value"))
    ends = [jnp.asarray(one, jnp.int32) for one in ENDS]
    used = jnp.diff(ends[1])
    table = jnp.asarray([[4, 1], [0, 5], [3, 2]], jnp.int32)
    pages = np.full((2, 6, 2, 2, 8), np.nan, np.float32)
    for i in range(3):
        for j in range(int(used[i])):
            for pool, x in zip(pages, (key, value), strict=True):
                pool[table[i, j // 2], j % 2] = x[ends[1][i] + j]
    pages = np.nan_to_num(pages, nan=7.0)  # what does not count is some number
    options = {"enable_gqa": True, "seqused_k": used, "block_table": table}
    run = quickly.jit(lambda *given: F.varlen_attn(*given, ends[0], None, 4, 4, **options))
    near(run(query, *pages), "varlen.all.out")


def test_varlen_attn_refuses():
    query, key = recorded("varlen.query"), recorded("varlen.key")
    ends = [jnp.asarray(one, jnp.int32) for one in ENDS]
    with pytest.raises(ValueError, match="same number of heads but got Hq=4 and Hkv=2"):
        F.varlen_attn(query, key, key, *ends, 4, 3)
    with pytest.raises(ValueError, match="multiple of kv heads"):
        F.varlen_attn(query[:, :3], key, key, *ends, 4, 3, enable_gqa=True)
    with pytest.raises(ValueError, match="window_size must have length 2"):
        F.varlen_attn(key, key, key, *ends, 4, 3, window_size=(1,))


def test_adapter_has_them():
    from fnnet import torch
    from fnnet.torch.nn.attention import varlen

    given = [torch.tensor(RECORDED[f"rows.{side}"], requires_grad=True) for side in "ab"]
    out = torch.nn.functional.grouped_mm(*given, offs=torch.tensor(RECORDED["offs"]))
    out.backward(torch.tensor(RECORDED["rows.cotangent"]))
    near(given[1].grad.numpy(), "rows.db")
    query, key, value = (torch.tensor(RECORDED[f"varlen.{n}"]) for n in ("query", "key", "value"))
    ends = [torch.tensor(one, dtype=torch.int32) for one in ENDS]
    target = torch.zeros_like(query)
    found = varlen.varlen_attn_out(
        target, query, key, value, *ends, 4, 3, enable_gqa=True, return_aux=varlen.AuxRequest(lse=True)
    )
    assert found[0] is target
    near(target.numpy(), "varlen.all.out")
    near(found[1].numpy(), "varlen.all.lse")


def test_adapter_keeps_implementations_of_attention():
    from fnnet.torch.nn import attention

    removed = []
    handle = type("Handle", (), {"remove": lambda self: removed.append(self)})()
    attention.register_flash_attention_impl("mine", register_fn=lambda: handle)
    assert "mine" in attention.list_flash_attention_impls()
    attention.activate_flash_attention_impl("mine")
    assert attention.current_flash_attention_impl() == "mine"
    attention.restore_flash_attention_impl()
    assert removed == [handle]
    assert attention.current_flash_attention_impl() is None
    with pytest.raises(ValueError, match="Unknown flash attention impl 'other'"):
        attention.activate_flash_attention_impl("other")
