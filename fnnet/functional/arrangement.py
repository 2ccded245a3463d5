"""Repeating, turning over, and the parts of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.dimension import canonical_dim, canonical_dims
from fnnet.functional.dtypes import concrete, index_dtype
from fnnet.functional.operation import operation
from fnnet.functional.shape import sizes_of

__all__ = [
    "diag",
    "diag_embed",
    "diagflat",
    "flip",
    "fliplr",
    "flipud",
    "meshgrid",
    "repeat",
    "repeat_interleave",
    "roll",
    "rot90",
    "tile",
    "tril",
    "tril_indices",
    "triu",
    "triu_indices",
]


@operation("Tensor", grad_fn="RepeatBackward0")
def repeat(input: jax.Array, repeats: Any, *more: int) -> jax.Array:
    """The array repeated so many times along each dimension. Raises RuntimeError for too few numbers."""
    input = jnp.asarray(input)
    times = sizes_of(repeats, more)
    if len(times) < input.ndim:
        raise RuntimeError(
            "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor"
        )
    if any(one < 0 for one in times):
        raise RuntimeError(f"Trying to create tensor with negative dimension: repeat by {list(times)}")
    return jnp.tile(input, times)


@operation("torch", "Tensor", grad_fn="RepeatBackward0")
def tile(input: jax.Array, dims: Any, *more: int) -> jax.Array:
    """The array repeated along its last dimensions."""
    return jnp.tile(input, sizes_of(dims, more))


@operation("torch", "Tensor", grad_fn="RepeatInterleaveBackward0")
def repeat_interleave(
    input: jax.Array, repeats: Any = None, dim: int | None = None, *, output_size: int | None = None
) -> jax.Array:
    """Each element repeated, along `dim` or of the flattened input; `repeats` is a number or one an element.

    Without `repeats`, input gives the numbers and what is repeated are 0, 1, 2, ....

    Where the numbers of repetitions are traced, output_size must be given. Raises RuntimeError for a misfit.
    """
    input = jnp.asarray(input)
    if repeats is None:
        input, repeats = jnp.arange(input.size, dtype=index_dtype()), input
    axis = 0 if dim is None else canonical_dim(dim, input.ndim)
    lines = input.reshape(-1) if dim is None or input.ndim == 0 else input
    extent = lines.shape[axis]
    if isinstance(repeats, int):
        if repeats < 0:
            raise RuntimeError("Repeats must be non-negative")
        return jnp.repeat(lines, repeats, axis)
    if jnp.ndim(repeats) > 1 or (jnp.size(repeats) not in (1, extent)):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{jnp.size(repeats)} and input.size({axis}) = {extent}"
        )
    if jnp.result_type(repeats) not in (jnp.int32, jnp.int64):
        raise NotImplementedError(f'"repeat_interleave_cpu" not implemented for {jnp.result_type(repeats)}')
    known = concrete(repeats)
    if known is not None:
        if (known < 0).any():
            raise RuntimeError("repeats can not be negative")
        places = np.repeat(np.arange(extent), known)
        return jnp.take(lines, jnp.asarray(places, index_dtype()), axis)
    return jnp.repeat(lines, repeats, axis, total_repeat_length=output_size)


@operation("torch", "Tensor", grad_fn="FlipBackward0")
def flip(input: jax.Array, dims: Any, *more: int) -> jax.Array:
    """The order of elements turned round along the dimensions."""
    input = jnp.asarray(input)
    named = sizes_of(dims, more)
    return lax.rev(input, canonical_dims(named, input.ndim)) if named else input


@operation("torch", "Tensor", grad_fn="FlipBackward0")
def fliplr(input: jax.Array) -> jax.Array:
    """The order turned round along dimension 1. Raises RuntimeError for fewer than two dimensions."""
    if jnp.ndim(input) < 2:
        raise RuntimeError("Input must be >= 2-d.")
    return lax.rev(input, (1,))


@operation("torch", "Tensor", grad_fn="FlipBackward0")
def flipud(input: jax.Array) -> jax.Array:
    """The order turned round along dimension 0. Raises RuntimeError for a scalar."""
    if jnp.ndim(input) < 1:
        raise RuntimeError("Input must be >= 1-d.")
    return lax.rev(input, (0,))


@operation("torch", "Tensor", grad_fn="RollBackward0")
def roll(input: jax.Array, shifts: int | Sequence[int], dims: int | Sequence[int] | None = None) -> jax.Array:
    """Elements shifted along the dimensions and round the ends; without dims, in the flattened array."""
    steps = [shifts] if isinstance(shifts, int) else list(shifts)
    if not steps:
        raise RuntimeError("`shifts` required")
    if dims is None or dims == () or dims == []:
        if len(steps) != 1:
            raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:0")
        return jnp.roll(input, steps[0])
    axes = [dims] if isinstance(dims, int) else list(dims)
    if len(axes) != len(steps):
        raise RuntimeError(f"shifts and dimensions must align. shifts: {len(steps)}, dims:{len(axes)}")
    if jnp.ndim(input) == 0:
        raise IndexError(f"Dimension specified as {axes[0]} but tensor has no dimensions")
    return jnp.roll(input, steps, [canonical_dim(one, jnp.ndim(input)) for one in axes])


@operation("torch", "Tensor", grad_fn="Rot90Backward0")
def rot90(input: jax.Array, k: int = 1, dims: Sequence[int] = (0, 1)) -> jax.Array:
    """The plane of two dimensions turned k times by 90 degrees, from the first towards the second."""
    if len(dims) != 2:
        raise RuntimeError(f"expected total rotation dims == 2, but got dims = {len(dims)}")
    if jnp.ndim(input) < 2:
        raise RuntimeError(f"expected total dims >= 2, but got total dims = {jnp.ndim(input)}")
    first, second = (canonical_dim(one, jnp.ndim(input)) for one in dims)
    if first == second:
        raise RuntimeError(
            f"expected rotation dims to be different, but got dim0 = {dims[0]} and dim1 = {dims[1]}"
        )
    return jnp.rot90(input, k, (first, second))


def _require_matrix(function: str, input: jax.Array) -> None:
    if jnp.ndim(input) < 2:
        raise RuntimeError(f"{function}: input tensor must have at least 2 dimensions")


@operation("torch", "Tensor", in_place=True, grad_fn="TrilBackward0")
def tril(input: jax.Array, diagonal: int = 0) -> jax.Array:
    """The lower triangle of matrices, zeros above the diagonal."""
    _require_matrix("tril", input)
    return jnp.tril(input, diagonal)


@operation("torch", "Tensor", in_place=True, grad_fn="TriuBackward0")
def triu(input: jax.Array, diagonal: int = 0) -> jax.Array:
    """The upper triangle of matrices, zeros below the diagonal."""
    _require_matrix("triu", input)
    return jnp.triu(input, diagonal)


def _require_lengths(row: int, col: int) -> None:
    for name, length in (("row", row), ("col", col)):
        if length < 0:
            raise RuntimeError(f"{name} must be non-negative, got {length}")


@operation("torch")
def tril_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> jax.Array:
    """The indices (2, n) of the lower triangle of a (row, col) matrix."""
    _require_lengths(row, col)
    return jnp.asarray(np.stack(np.tril_indices(row, offset, col)), dtype or index_dtype())


@operation("torch")
def triu_indices(row: int, col: int, offset: int = 0, *, dtype: Any = None) -> jax.Array:
    """The indices (2, n) of the upper triangle of a (row, col) matrix."""
    _require_lengths(row, col)
    return jnp.asarray(np.stack(np.triu_indices(row, offset, col)), dtype or index_dtype())


@operation("torch", "Tensor", grad_fn="DiagonalBackward0")
def diag(input: jax.Array, diagonal: int = 0) -> jax.Array:
    """The diagonal of a matrix, or the matrix with a vector on its diagonal."""
    if jnp.ndim(input) not in (1, 2):
        raise RuntimeError(f"diag(): Supports 1D or 2D tensors. Got {jnp.ndim(input)}D")
    return jnp.diag(input, diagonal)


@operation("torch", "Tensor", grad_fn="DiagonalBackward0")
def diagflat(input: jax.Array, offset: int = 0) -> jax.Array:
    """The matrix with all elements on its diagonal."""
    return jnp.diag(jnp.ravel(input), offset)


@operation("torch", "Tensor", grad_fn="DiagEmbedBackward0")
def diag_embed(input: jax.Array, offset: int = 0, dim1: int = -2, dim2: int = -1) -> jax.Array:
    """Matrices in dimensions dim1 and dim2 with the last dimension of the input on their diagonals."""
    input = jnp.asarray(input)
    first, second = canonical_dim(dim1, input.ndim + 1), canonical_dim(dim2, input.ndim + 1)
    if first == second:
        raise RuntimeError(f"diagonal dimensions cannot be identical {dim1}, {dim2}")
    size = input.shape[-1]
    places = np.arange(size)
    matrices = jnp.zeros((*input.shape[:-1], size + abs(offset), size + abs(offset)), input.dtype)
    matrices = matrices.at[..., places + max(-offset, 0), places + max(offset, 0)].set(input)
    return jnp.moveaxis(matrices, (-2, -1), (first, second))


@operation("torch", grad_fn="ExpandBackward0", view=True)
def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[jax.Array, ...]:
    """Coordinates of a grid, rows first ("ij", PyTorch's default) or columns first ("xy")."""
    if indexing not in ("ij", "xy"):
        raise RuntimeError(f'torch.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    several = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], Sequence) else tensors
    if not several:
        raise RuntimeError("meshgrid expects a non-empty TensorList")
    for one in several:
        if jnp.ndim(one) > 1:
            raise RuntimeError(
                f"torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: {list(one.shape)}"
            )
    return tuple(jnp.meshgrid(*(jnp.atleast_1d(one) for one in several), indexing=indexing))
