"""Products of the matrices of groups whose parts are uneven, as a mixture of experts has them."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.dtypes import scalar_name
from fnnet.functional.operation import operation

__all__ = ["grouped_mm"]

_KINDS = ("float32", "bfloat16", "float16")


def _check(mat_a: jax.Array, mat_b: jax.Array, offs: jax.Array | None) -> None:
    for name, mat in (("mat_a", mat_a), ("mat_b", mat_b)):
        if mat.ndim not in (2, 3):
            raise RuntimeError(f"grouped_mm: {name} has to be 2 or 3d, got {mat.ndim}d")
    if mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError(
            "grouped_mm: contraction dimension of mat_a and mat_b must match, got "
            f"{list(mat_a.shape)} and {list(mat_b.shape)}"
        )
    if (offs is None) != (mat_a.ndim == 3 and mat_b.ndim == 3):
        raise RuntimeError(
            "grouped_mm: Have to provide offsets if there is a 2d matrix, or no offset if both matrices are "
            f"3d, got {mat_a.ndim}d, {mat_b.ndim}d and {'no ' if offs is None else ''}offsets"
        )
    if offs is not None and offs.ndim != 1:
        raise RuntimeError(f"grouped_mm: offs has to be 1D, got {offs.ndim}D")
    if offs is not None and offs.dtype != jnp.int32:
        raise RuntimeError(f"grouped_mm: Offsets have to be int32, got {scalar_name(offs)}")
    batches = {mat.shape[0] for mat in (mat_a, mat_b) if mat.ndim == 3}
    if offs is not None:
        batches |= {offs.shape[0]} if batches else set()
    if len(batches) > 1:
        words = "batched dimension has to match" if offs is None else "matrix batch sizes have to match"
        raise RuntimeError(f"grouped_mm: {words}, got {sorted(batches)}")


class _Blocks(NamedTuple):
    """Parts cut into blocks of one size: the group of each, its first row, and the row behind its last."""

    group: jax.Array
    start: jax.Array
    stop: jax.Array


def _cut(offs: jax.Array, length: int) -> tuple[_Blocks, int]:
    """The blocks and their size; how many there are is what suffices for every `offs`."""
    groups = offs.shape[0]
    size = min(128, max(8, -(-length // groups)))
    begins = jnp.concatenate([jnp.zeros(1, offs.dtype), offs[:-1]])
    counts = (jnp.maximum(offs - begins, 0) + (size - 1)) // size
    behind = jnp.cumsum(counts, dtype=offs.dtype)
    places = jnp.arange(-(-length // size) + min(groups, length), dtype=offs.dtype)
    group = jnp.minimum(jnp.searchsorted(behind, places, side="right").astype(offs.dtype), groups - 1)
    start = begins[group] + (places - (behind - counts)[group]) * size
    used = places < behind[-1]
    stop = jnp.where(used, jnp.minimum(offs[group], start + size), 0)
    return _Blocks(group, jnp.where(used, start, length), stop), size


def _block_of(x: jax.Array, start: jax.Array, stop: jax.Array, size: int) -> jax.Array:
    """The rows of a block of x, to which as many rows as a block has were added; zeros behind its last."""
    inside = start + jnp.arange(size, dtype=start.dtype) < stop
    part = lax.dynamic_slice(x, (start, jnp.zeros_like(start)), (size, x.shape[1]))
    return jnp.where(inside[:, None], part, jnp.zeros_like(part))


def _wide(dtype: Any) -> Any:
    return jnp.promote_types(dtype, jnp.float32)


# The derivatives by hand: that of a loop over blocks would add up a gradient of all groups in each turn.
@jax.custom_vjp
def _rows(a: jax.Array, b: jax.Array, offs: jax.Array) -> jax.Array:
    """Of a (M, K) and b (G, K, N): the rows of a group times its matrix (M, N)."""
    length = a.shape[0]
    if not length or not b.shape[0]:
        return jnp.zeros((length, b.shape[2]), a.dtype)
    blocks, size = _cut(offs, length)
    padded = jnp.pad(a, ((0, size), (0, 0)))

    def step(out: jax.Array, block: _Blocks) -> tuple[jax.Array, None]:
        product = jnp.matmul(_block_of(padded, block.start, block.stop, size), b[block.group])
        # Rows behind the block are written over by the next, or are behind them all.
        return lax.dynamic_update_slice(out, product, (block.start, jnp.zeros_like(block.start))), None

    out = lax.scan(step, jnp.zeros((length + size, b.shape[2]), a.dtype), blocks)[0]
    there = jnp.arange(length, dtype=offs.dtype) < offs[-1]
    return jnp.where(there[:, None], out[:length], jnp.zeros((), a.dtype))


@jax.custom_vjp
def _summed(a: jax.Array, b: jax.Array, offs: jax.Array) -> jax.Array:
    """Of a (M, K) and b (K, N): the products of each group's columns and rows (G, M, N)."""
    length = b.shape[0]
    shape = (offs.shape[0], a.shape[0], b.shape[1])
    if not length or not offs.shape[0]:
        return jnp.zeros(shape, a.dtype)
    blocks, size = _cut(offs, length)
    left, right = (jnp.pad(x, ((0, size), (0, 0))) for x in (a.T, b))

    def step(out: jax.Array, block: _Blocks) -> tuple[jax.Array, None]:
        parts = (_block_of(x, block.start, block.stop, size) for x in (left, right))
        product = jnp.einsum("km,kn->mn", *parts, preferred_element_type=out.dtype)
        return out.at[block.group].add(product), None

    return lax.scan(step, jnp.zeros(shape, _wide(a.dtype)), blocks)[0].astype(a.dtype)


def _turned(x: jax.Array) -> jax.Array:
    return jnp.swapaxes(x, -1, -2)


Saved = tuple[jax.Array, jax.Array, jax.Array]


def _rows_backward(saved: Saved, change: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    a, b, offs = saved
    return _rows(change, _turned(b), offs), _summed(a.T, change, offs), None


def _summed_backward(saved: Saved, change: jax.Array) -> tuple[jax.Array, jax.Array, None]:
    a, b, offs = saved
    return _rows(b, _turned(change), offs).T, _rows(a.T, change, offs), None


_rows.defvjp(lambda a, b, offs: (_rows(a, b, offs), (a, b, offs)), _rows_backward)
_summed.defvjp(lambda a, b, offs: (_summed(a, b, offs), (a, b, offs)), _summed_backward)


def product_of_groups(mat_a: jax.Array, mat_b: jax.Array, offs: jax.Array | None) -> jax.Array:
    """The product; operands of two dimensions have the parts that `offs` ends."""
    if offs is None:
        return jnp.matmul(mat_a, mat_b)
    if mat_a.ndim == mat_b.ndim:
        return _summed(mat_a, mat_b, offs)
    return _rows(mat_a, mat_b, offs) if mat_a.ndim == 2 else _rows(mat_b.T, _turned(mat_a), offs).T


@operation("nn.functional", grad_fn="GroupedMmBackward0")
def grouped_mm(
    mat_a: jax.Array,
    mat_b: jax.Array,
    *,
    offs: jax.Array | None = None,
    bias: jax.Array | None = None,
    out_dtype: Any = None,
) -> jax.Array:
    """The products of the matrices of groups; of operands with two dimensions `offs` says where a part ends.

    | mat_a | mat_b | result | in parts |
    |---|---|---|---|
    | (G, M, K) | (G, K, N) | (G, M, N) | nothing; `offs` is None |
    | (M, K) | (G, K, N) | (M, N) | the rows of mat_a and of the result |
    | (G, M, K) | (K, N) | (M, N) | the columns of mat_b and of the result |
    | (M, K) | (K, N) | (G, M, N) | the dimension that is summed over |

    `offs` (G,) are int32 and never fall. Raises RuntimeError for shapes, dtypes and offsets that do not fit,
    and, as PyTorch does, for a bias.

    It has no derivative in forward mode, nor has PyTorch's.

    Differs from PyTorch: what lies beyond the last offset is zero, not what the memory held; rows need not be
    multiples of 16 bytes.
    """
    if mat_a.dtype.name not in _KINDS:
        raise RuntimeError(
            f"grouped_mm: Expected mat_a to be Float32, BFloat16 or Float16 matrix, got {scalar_name(mat_a)}"
        )
    if mat_a.dtype != mat_b.dtype:
        raise RuntimeError(
            "grouped_mm: expected m1 and m2 to have the same dtype, but got: "
            f"{scalar_name(mat_a)} != {scalar_name(mat_b)}"
        )
    _check(mat_a, mat_b, offs)
    if bias is not None:
        raise RuntimeError("grouped_mm: Bias not supported yet")
    if out_dtype is not None and jnp.dtype(out_dtype) != mat_a.dtype:
        raise RuntimeError(
            f"grouped_mm: Grouped gemm output dtype must match `mat_a` dtype, got {jnp.dtype(out_dtype).name}"
        )
    return product_of_groups(mat_a, mat_b, offs)
