"""Copies of arrays of which a part is replaced, and arrays read by strides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.operation import operation

__all__ = [
    "as_strided",
    "as_strided_scatter",
    "diagonal_scatter",
    "index_reduce",
    "select_scatter",
    "slice_scatter",
]


def _positions(
    function: str, count: int, size: Sequence[int], stride: Sequence[int], storage_offset: int | None
) -> np.ndarray[Any, Any]:
    """Where in the flat input each element lies. Raises RuntimeError outside it."""
    if len(size) != len(stride):
        raise RuntimeError(f"{function}: mismatch in length of strides and shape: {size} and {stride}")
    if any(step < 0 for step in stride):
        raise RuntimeError(f"{function}: Negative strides are not supported, got strides: {list(stride)}")
    at = np.full(tuple(size), storage_offset or 0, np.int64)
    for axis, (length, step) in enumerate(zip(size, stride, strict=True)):
        at += (np.arange(length) * step).reshape(-1, *[1] * (len(size) - 1 - axis))
    if at.size and at.max() >= count:
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {storage_offset or 0} "
            f"are out of bounds for storage of {count} elements"
        )
    return at


@operation("torch", "Tensor", grad_fn="AsStridedBackward0")
def as_strided(
    input: jax.Array, size: Sequence[int], stride: Sequence[int], storage_offset: int | None = None
) -> jax.Array:
    """The elements of the flat input at storage_offset + sum_i index_i stride_i.

    Differs from PyTorch: the result is a copy, and the memory that strides refer to is the input's elements
    in order.
    """
    at = _positions("as_strided", input.size, size, stride, storage_offset)
    return input.reshape(-1)[at] if at.size else jnp.zeros(tuple(size), input.dtype)


@operation("torch", "Tensor", grad_fn="AsStridedScatterBackward0")
def as_strided_scatter(
    input: jax.Array,
    src: jax.Array,
    size: Sequence[int],
    stride: Sequence[int],
    storage_offset: int | None = None,
) -> jax.Array:
    """The input with `src` where `as_strided` would read. Raises RuntimeError for another shape of src."""
    if src.shape != tuple(size):
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice "
            f"size = {list(size)}"
        )
    at = _positions("as_strided_scatter", input.size, size, stride, storage_offset)
    return input.reshape(-1).at[at].set(src.astype(input.dtype)).reshape(input.shape)


def _require_shape(src: jax.Array, shape: tuple[int, ...]) -> None:
    if src.shape != shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice "
            f"size = {list(shape)}"
        )


@operation("torch", "Tensor", grad_fn="SelectScatterBackward0")
def select_scatter(input: jax.Array, src: jax.Array, dim: int, index: int) -> jax.Array:
    """The input with `src` in place of `input.select(dim, index)`. Raises RuntimeError, IndexError."""
    axis = canonical_dim(dim, input.ndim)
    size = input.shape[axis]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}"
        )
    _require_shape(src, input.shape[:axis] + input.shape[axis + 1 :])
    return input.at[(slice(None),) * axis + (index,)].set(src.astype(input.dtype))


@operation("torch", "Tensor", grad_fn="SliceScatterBackward0")
def slice_scatter(
    input: jax.Array,
    src: jax.Array,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> jax.Array:
    """The input with `src` in place of `input[start:end:step]` along a dimension."""
    axis = canonical_dim(dim, input.ndim)
    if step <= 0:
        raise RuntimeError(f"slice step must be positive, got {step}")
    part = range(*slice(start, end, step).indices(input.shape[axis]))
    _require_shape(src, (*input.shape[:axis], len(part), *input.shape[axis + 1 :]))
    if not len(part):
        return input
    where = slice(part.start, part.stop, step)
    return input.at[(slice(None),) * axis + (where,)].set(src.astype(input.dtype))


@operation("torch", "Tensor", grad_fn="DiagonalScatterBackward0")
def diagonal_scatter(
    input: jax.Array, src: jax.Array, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> jax.Array:
    """The input with `src` on the diagonal of two dimensions, which comes last in src."""
    first, second = canonical_dim(dim1, input.ndim), canonical_dim(dim2, input.ndim)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    moved = jnp.moveaxis(input, (first, second), (-2, -1))
    rows, columns = moved.shape[-2:]
    length = max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)
    _require_shape(src, (*moved.shape[:-2], length))
    along = np.arange(length)
    filled = moved.at[..., along - min(offset, 0), along + max(offset, 0)].set(src.astype(input.dtype))
    return jnp.moveaxis(filled, (-2, -1), (first, second))


@operation("torch", "Tensor", in_place=True, grad_fn="IndexReduceBackward0")
def index_reduce(
    input: jax.Array,
    dim: int,
    index: jax.Array,
    source: jax.Array,
    reduce: str,
    *,
    include_self: bool = True,
) -> jax.Array:
    """Slices of source reduced ("prod", "mean", "amax" or "amin") into the input's at `index`.

    Raises RuntimeError for shapes that do not fit and another `reduce`.
    """
    from fnnet.functional.scattering import scatter_reduce

    if reduce not in ("prod", "mean", "amax", "amin"):
        raise RuntimeError(
            f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}."
        )
    if index.ndim > 1:
        raise IndexError("index_reduce_(): Index is supposed to be a vector")
    axis = canonical_dim(dim, input.ndim)
    along = source.shape[axis] if source.ndim else 1
    if index.size != along:
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({index.size}) should be equal to source.size(dim): "
            f"({along}), for dim: {axis}"
        )
    if input.ndim == 0:
        whole = index_reduce(
            input.reshape(1), 0, index.reshape(-1), source.reshape(-1), reduce, include_self=include_self
        )
        return whole[0]
    shape = [-1 if one == axis else 1 for one in range(input.ndim)]
    spread = jnp.broadcast_to(index.reshape(shape), source.shape)
    return scatter_reduce(input, axis, spread, source, reduce, include_self=include_self)
