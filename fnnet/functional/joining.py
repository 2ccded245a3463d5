"""Joining arrays and splitting them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import concrete
from fnnet.functional.operation import operation

__all__ = [
    "block_diag",
    "cat",
    "chunk",
    "column_stack",
    "diff",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "split",
    "split_with_sizes",
    "stack",
    "tensor_split",
    "unbind",
    "vsplit",
    "vstack",
]

Arrays = Sequence[jax.Array]


@operation("torch", grad_fn="CatBackward0", promote=("tensors",), aliases=("concat", "concatenate"))
def cat(tensors: Arrays, dim: int = 0) -> jax.Array:
    """Arrays joined along a dimension; a one-dimensional empty one counts for nothing.

    Raises RuntimeError where sizes differ elsewhere, IndexError for the dimension, ValueError for no arrays.
    """
    arrays = [jnp.asarray(one) for one in tensors]
    if not arrays:
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    for i, one in enumerate(arrays):
        if one.ndim == 0:
            raise RuntimeError(f"zero-dimensional tensor (at position {i}) cannot be concatenated")
    full = [(i, one) for i, one in enumerate(arrays) if one.shape != (0,)]
    if not full:
        return arrays[0]
    first = full[0][1]
    axis = canonical_dim(dim, first.ndim)
    for i, one in full:
        if one.ndim != first.ndim:
            raise RuntimeError(
                f"Tensors must have same number of dimensions: got {first.ndim} and {one.ndim}"
            )
        for d in range(one.ndim):
            if d != axis and one.shape[d] != first.shape[d]:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {axis}. Expected size "
                    f"{first.shape[d]} but "
                    f"got size {one.shape[d]} for tensor number {i} in the list."
                )
    return lax.concatenate([one for _, one in full], axis)


@operation("torch", grad_fn="StackBackward0", promote=("tensors",))
def stack(tensors: Arrays, dim: int = 0) -> jax.Array:
    """Arrays of one shape joined along a new dimension. Raises RuntimeError where shapes differ."""
    arrays = [jnp.asarray(one) for one in tensors]
    if not arrays:
        raise RuntimeError("stack expects a non-empty TensorList")
    for i, one in enumerate(arrays):
        if one.shape != arrays[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(arrays[0].shape)} at entry 0 and "
                f"{list(one.shape)} at entry {i}"
            )
    return jnp.stack(arrays, canonical_dim(dim, arrays[0].ndim + 1))


def _several(name: str, arrays: list[jax.Array]) -> list[jax.Array]:
    if not arrays:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return arrays


@operation("torch", grad_fn="CatBackward0", promote=("tensors",))
def hstack(tensors: Arrays) -> jax.Array:
    """Arrays joined side by side: along dimension 1, or 0 if they have one."""
    arrays = _several("hstack", [jnp.atleast_1d(one) for one in tensors])
    return cat(arrays, 0 if arrays[0].ndim == 1 else 1)


@operation("torch", grad_fn="CatBackward0", promote=("tensors",), aliases=("row_stack",))
def vstack(tensors: Arrays) -> jax.Array:
    """Arrays joined one under the other, along dimension 0, as matrices."""
    return cat(_several("vstack", [jnp.atleast_2d(one) for one in tensors]), 0)


@operation("torch", grad_fn="CatBackward0", promote=("tensors",))
def dstack(tensors: Arrays) -> jax.Array:
    """Arrays joined along dimension 2."""
    return cat(_several("dstack", [jnp.atleast_3d(one) for one in tensors]), 2)


@operation("torch", grad_fn="CatBackward0", promote=("tensors",))
def column_stack(tensors: Arrays) -> jax.Array:
    """Arrays joined side by side, those of one dimension as columns."""
    arrays = [jnp.asarray(one) for one in tensors]
    return hstack([one.reshape(one.size, 1) if one.ndim <= 1 else one for one in arrays])


@operation("torch", grad_fn="CopySlicesBackward0")
def block_diag(*tensors: jax.Array) -> jax.Array:
    """Matrices along the diagonal of a matrix, zeros elsewhere."""
    return jax.scipy.linalg.block_diag(*(jnp.atleast_2d(one) for one in tensors))


def _pieces(input: jax.Array, bounds: Sequence[int], axis: int) -> tuple[jax.Array, ...]:
    return tuple(
        lax.slice_in_dim(input, start, max(start, end), axis=axis)
        for start, end in itertools.pairwise(bounds)
    )


def _axis(function: str, input: jax.Array, dim: int) -> int:
    if jnp.ndim(input) == 0:
        raise RuntimeError(f"{function} expects at least a 1-dimensional tensor")
    return canonical_dim(dim, jnp.ndim(input))


@operation("torch", "Tensor", grad_fn="SplitBackward0", view=True)
def split(
    tensor: jax.Array, split_size_or_sections: int | Sequence[int], dim: int = 0
) -> tuple[jax.Array, ...]:
    """Pieces along a dimension, all of one size (the last may be smaller) or of the sizes given."""
    axis = _axis("split", tensor, dim)
    extent = tensor.shape[axis]
    if isinstance(split_size_or_sections, int):
        size = split_size_or_sections
        if size < 0 or (size == 0 and extent):
            raise RuntimeError(
                f"split_size can only be 0 if dimension size is 0, but got dimension size of {extent}"
                if size == 0
                else f"split expects split_size be non-negative, but got split_size={size}"
            )
        bounds = [*range(0, extent, size or 1), extent] if extent else [0, 0]
        return _pieces(tensor, bounds, axis)
    sizes = [int(one) for one in split_size_or_sections]
    if sum(sizes) != extent or any(size < 0 for size in sizes):
        raise RuntimeError(
            f"split_with_sizes expects split_sizes to sum exactly to {extent} (input tensor's size at "
            "dimension "
            f"{dim}), but got split_sizes={sizes}"
        )
    return _pieces(tensor, [0, *itertools.accumulate(sizes)], axis)


@operation("torch", "Tensor", grad_fn="SplitWithSizesBackward0", view=True)
def split_with_sizes(input: jax.Array, split_sizes: Sequence[int], dim: int = 0) -> tuple[jax.Array, ...]:
    """Pieces of the given sizes along a dimension."""
    return split(input, split_sizes, dim)


@operation("torch", "Tensor", grad_fn="SplitBackward0", view=True)
def chunk(input: jax.Array, chunks: int, dim: int = 0) -> tuple[jax.Array, ...]:
    """At most so many pieces along a dimension, all but the last of one size."""
    axis = _axis("chunk", input, dim)
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    extent = input.shape[axis]
    if extent == 0:
        return (input,) * chunks
    return split(input, -(-extent // chunks), axis)


@operation("torch", "Tensor", grad_fn="SliceBackward0", view=True)
def tensor_split(input: jax.Array, indices_or_sections: Any, dim: int = 0) -> tuple[jax.Array, ...]:
    """So many pieces along a dimension, the first ones larger by one, or pieces cut at the given indices."""
    axis = _axis("tensor_split", input, dim)
    extent = input.shape[axis]
    if not isinstance(indices_or_sections, int | Sequence):
        known = concrete(indices_or_sections)
        if known is None:
            raise RuntimeError("tensor_split: indices_or_sections must be known when the function is traced")
        indices_or_sections = int(known) if known.ndim == 0 else known.tolist()
    if isinstance(indices_or_sections, int):
        if indices_or_sections <= 0:
            raise RuntimeError(f"number of sections must be larger than 0, got {indices_or_sections}")
        small, larger = divmod(extent, indices_or_sections)
        sizes = [small + (i < larger) for i in range(indices_or_sections)]
        return _pieces(input, [0, *itertools.accumulate(sizes)], axis)
    cuts = [0, *(slice(int(one)).indices(extent)[1] for one in indices_or_sections), extent]
    return _pieces(input, cuts, axis)


def _split_along(function: str, input: jax.Array, indices_or_sections: Any, dim: int, least: int) -> Any:
    if jnp.ndim(input) < least:
        raise RuntimeError(
            f"torch.{function} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but "
            "got a "
            f"tensor with {jnp.ndim(input)} dimensions!"
        )
    if (
        isinstance(indices_or_sections, int)
        and indices_or_sections
        and input.shape[dim] % indices_or_sections
    ):
        raise RuntimeError(
            f"torch.{function} attempted to split along dimension {dim}, but the size of the dimension "
            f"{input.shape[dim]} is not divisible by the split_size {indices_or_sections}!"
        )
    return tensor_split(input, indices_or_sections, dim)


@operation("torch", "Tensor", grad_fn="SliceBackward0", view=True)
def hsplit(input: jax.Array, indices_or_sections: Any) -> tuple[jax.Array, ...]:
    """Pieces along dimension 1, or 0 if there is only one."""
    return _split_along("hsplit", input, indices_or_sections, 0 if jnp.ndim(input) == 1 else 1, 1)


@operation("torch", "Tensor", grad_fn="SliceBackward0", view=True)
def vsplit(input: jax.Array, indices_or_sections: Any) -> tuple[jax.Array, ...]:
    """Pieces along dimension 0 of at least a matrix."""
    return _split_along("vsplit", input, indices_or_sections, 0, 2)


@operation("torch", "Tensor", grad_fn="SliceBackward0", view=True)
def dsplit(input: jax.Array, indices_or_sections: Any) -> tuple[jax.Array, ...]:
    """Pieces along dimension 2."""
    return _split_along("dsplit", input, indices_or_sections, 2, 3)


@operation("torch", "Tensor", grad_fn="UnbindBackward0", view=True)
def unbind(input: jax.Array, dim: int = 0) -> tuple[jax.Array, ...]:
    """All slices along a dimension, which is dropped."""
    if jnp.ndim(input) == 0:
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    axis = canonical_dim(dim, jnp.ndim(input))
    return tuple(lax.index_in_dim(input, i, axis, keepdims=False) for i in range(input.shape[axis]))


@operation("torch", "Tensor", grad_fn="SubBackward0")
def diff(
    input: jax.Array,
    n: int = 1,
    dim: int = -1,
    prepend: jax.Array | None = None,
    append: jax.Array | None = None,
) -> jax.Array:
    """Differences of neighbours along a dimension, taken n times; for n = 0 the input alone."""
    axis = _axis("diff", input, dim)
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    for one in (prepend, append):
        for place, (length, own) in enumerate(zip(getattr(one, "shape", ()), input.shape, strict=False)):
            if length != own and place != axis:
                raise RuntimeError(
                    "diff expects the shape of tensor to prepend or append to match that of input except "
                    f"along the differencing dimension; input.size({place}) = {own}, but got "
                    f"tensor.size({place}) = {length}"
                )
    if n == 0:
        return input
    parts = [one for one in (prepend, input, append) if one is not None]
    with jax.numpy_dtype_promotion("standard"):
        kind = jnp.result_type(*(one.dtype for one in parts))
    joined = cat([one.astype(kind) for one in parts], axis)
    for _ in range(min(n, joined.shape[axis])):
        after, before = (
            lax.slice_in_dim(joined, 1, None, axis=axis),
            lax.slice_in_dim(joined, 0, joined.shape[axis] - 1, axis=axis),
        )
        joined = after != before if joined.dtype == jnp.bool_ else after - before
    return joined
