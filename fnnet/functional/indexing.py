"""Elements by index: vectors of indices, gather and its kin, masks.

Indices are checked wherever their values are known."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.adding import add_at, set_at
from fnnet.functional.along import slices_along, taken_along
from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import (
    concrete,
    index_dtype,
    is_bool,
    is_complex,
    is_integral,
    is_number,
    scalar_name,
)
from fnnet.functional.operation import operation

__all__ = [
    "argwhere",
    "gather",
    "index_add",
    "index_copy",
    "index_fill",
    "index_select",
    "masked_fill",
    "masked_scatter",
    "masked_select",
    "nonzero",
    "put",
    "take",
    "take_along_dim",
]


def check_indices(
    index: Any, size: int, message: str, error: type[Exception], *, negative: bool = True
) -> None:
    """Raise `error` where an index is known and out of range; the message has {index} and {size}."""
    values = concrete(index)
    if values is None or values.size == 0:
        return
    bad = values[(values >= size) | (values < (-size if negative else 0))]
    if bad.size:
        raise error(message.format(index=bad.flat[0], size=size))


def require_index(function: str, index: jax.Array) -> None:
    """Raise RuntimeError unless the index is of integers."""
    if not is_integral(index) or is_bool(index):
        raise RuntimeError(
            f"{function}(): Expected dtype int32/int64 for index, but got {scalar_name(index)}"
        )


def _vector(function: str, input: jax.Array, index: jax.Array, dim: int) -> tuple[jax.Array, jax.Array, int]:
    """The input with at least one dimension, the index as a vector, and the axis."""
    input, index = jnp.asarray(input), jnp.asarray(index)
    axis = canonical_dim(dim, input.ndim)
    if index.ndim > 1:
        raise IndexError(f"{function}(): Index is supposed to be a vector, but has {index.ndim} dimensions")
    require_index(function, index)
    lines = input[None] if input.ndim == 0 else input
    check_indices(
        index,
        lines.shape[axis],
        f"{function}(): index out of range in self: {{index}} for dimension {axis} with size {{size}}",
        IndexError,
        negative=False,
    )
    return lines, index.reshape(-1), axis


@operation("torch", "Tensor", grad_fn="IndexSelectBackward0")
def index_select(input: jax.Array, dim: int, index: jax.Array) -> jax.Array:
    """The slices at the indices along `dim`. Raises IndexError out of range."""
    lines, places, axis = _vector("index_select", input, index, dim)
    return slices_along(lines, places, axis).reshape(
        () if jnp.ndim(input) == 0 else _kept(lines, places, axis)
    )


def _kept(lines: jax.Array, places: jax.Array, axis: int) -> tuple[int, ...]:
    return (*lines.shape[:axis], places.shape[0], *lines.shape[axis + 1 :])


def _at(lines: jax.Array, places: jax.Array, axis: int) -> Any:
    return lines.at[(slice(None),) * axis + (places,)]


@operation("torch", "Tensor", in_place=True, grad_fn="IndexAddBackward0")
def index_add(
    input: jax.Array, dim: int, index: jax.Array, source: jax.Array, *, alpha: Any = 1
) -> jax.Array:
    """A copy of input with alpha times the slices of source added at the indices along `dim`."""
    lines, places, axis = _vector("index_add", input, index, dim)
    if jnp.result_type(source) != lines.dtype:
        raise RuntimeError(
            f"index_add_(): self ({scalar_name(lines)}) and source ({scalar_name(source)}) must have the "
            "same scalar type"
        )
    count = jnp.shape(source)[axis] if jnp.ndim(source) == lines.ndim else places.size
    if count != places.size:
        raise RuntimeError(
            f"index_add_(): Number of indices ({places.size}) should be equal to source.size(dim): "
            f"({count}), for dim: {axis}"
        )
    kept = _kept(lines, places, axis)
    if jnp.shape(source) != (kept if jnp.ndim(input) else ()):
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
            f"self.shape = {list(jnp.shape(input))} source.shape = {list(jnp.shape(source))}"
        )
    added = jnp.asarray(source).reshape(kept)
    added = added if added.dtype == jnp.bool_ else added * alpha
    return add_at(_at(lines, places, axis), added.astype(lines.dtype)).reshape(jnp.shape(input))


@operation("torch", "Tensor", in_place=True, grad_fn="IndexCopyBackward0")
def index_copy(input: jax.Array, dim: int, index: jax.Array, source: jax.Array) -> jax.Array:
    """A copy of input with the slices of source at the indices along `dim`."""
    lines, places, axis = _vector("index_copy", input, index, dim)
    given, own = jnp.shape(source), jnp.shape(input)
    if given and own and len(given) != len(own):
        raise IndexError(
            "index_copy_(): When source and destination are not scalars, their dimensionality must match. "
            f"Source dimensionality ({len(given)}), destination dimensionality ({len(own)})"
        )
    if given and own:
        rest = [size for d, size in enumerate(given) if d != axis]
        kept = [size for d, size in enumerate(own) if d != axis]
        if rest != kept:
            raise RuntimeError(
                "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice "
                f"shape: {' '.join(map(str, kept))} at dimension {axis} and source slice shape: "
                f"{' '.join(map(str, rest))} at dimension 0."
            )
    count = given[axis] if given else 1
    if places.shape[0] != count:
        raise IndexError(
            f"index_copy_(): Number of indices ({places.shape[0]}) should be equal to source.size(dim) "
            f"({count})"
        )
    put_there = jnp.asarray(source).reshape(_kept(lines, places, axis))
    return set_at(_at(lines, places, axis), put_there).reshape(jnp.shape(input))


@operation("torch", "Tensor", in_place=True, grad_fn="IndexFillBackward0")
def index_fill(input: jax.Array, dim: int, index: jax.Array, value: Any) -> jax.Array:
    """A copy of input with value in the slices at the indices along `dim`."""
    input = jnp.asarray(input)
    axis = canonical_dim(dim, input.ndim)
    size = input.shape[axis] if input.ndim else 1
    places = jnp.asarray(index)
    places = jnp.where(places < 0, places + size, places)
    lines, places, axis = _vector("index_fill", input, places, dim)
    if jnp.ndim(value):
        raise RuntimeError(
            "index_fill_ only supports a 0-dimensional value tensor, but got tensor with "
            f"{jnp.ndim(value)} dimension(s)."
        )
    return _at(lines, places, axis).set(jnp.asarray(value).astype(input.dtype)).reshape(input.shape)


@operation("torch", "Tensor", grad_fn="GatherBackward0")
def gather(input: jax.Array, dim: int, index: jax.Array, *, sparse_grad: bool = False) -> jax.Array:
    """Elements of input at the indices along `dim`; index is nowhere longer than input in the others.

    Raises RuntimeError for shapes that do not fit and for indices out of range.
    """
    del sparse_grad
    lines, places, axis = aligned("gather", input, dim, index)
    if places.size == 0:
        return jnp.zeros(jnp.shape(index), lines.dtype)
    window = tuple(slice(None) if d == axis else slice(size) for d, size in enumerate(places.shape))
    return taken_along(lines[window], places, axis).reshape(jnp.shape(index))


def aligned(function: str, input: Any, dim: int, index: Any) -> tuple[jax.Array, jax.Array, int]:
    """Input and index with as many dimensions (at least one), checked, and the axis."""
    input, index = jnp.asarray(input), jnp.asarray(index)
    axis = canonical_dim(dim, input.ndim)
    require_index(function, index)
    lines, places = jnp.atleast_1d(input), jnp.atleast_1d(index)
    if index.size == 0:
        return lines, places, axis
    if lines.ndim != places.ndim:
        raise RuntimeError(
            f"{function}(): Index tensor must have the same number of dimensions as input tensor"
        )
    if any(d != axis and size > lines.shape[d] for d, size in enumerate(places.shape)):
        raise RuntimeError(
            f"{function}(): Size does not match at dimension {axis}: expected index {list(index.shape)} "
            "to be no "
            f"larger than self {list(input.shape)} apart from dimension {axis}"
        )
    check_indices(
        places,
        lines.shape[axis],
        f"{function}(): index {{index}} is out of bounds for dimension {axis} with size {{size}}",
        RuntimeError,
        negative=False,
    )
    return lines, places, axis


@operation("torch", "Tensor", grad_fn="TakeBackward0")
def take(input: jax.Array, index: jax.Array) -> jax.Array:
    """Elements of the flattened input, in the shape of index. Raises IndexError out of range."""
    flat, index = jnp.ravel(input), jnp.asarray(index)
    require_index("take", index)
    check_indices(
        index,
        flat.size,
        "out of range: tried to access index {index} on a tensor of {size} elements.",
        IndexError,
    )
    return jnp.take(flat, index) if flat.size else jnp.zeros(index.shape, flat.dtype)


@operation("Tensor", in_place=True, grad_fn="PutBackward0")
def put(input: jax.Array, index: jax.Array, source: jax.Array, accumulate: bool = False) -> jax.Array:
    """A copy of input with source put, or added, at indices into the flattened input."""
    flat, places = jnp.ravel(input), jnp.ravel(index)
    require_index("put_", places)
    check_indices(
        places,
        flat.size,
        "out of range: tried to access index {index} on a tensor of {size} elements.",
        IndexError,
    )
    target = flat.at[places]
    values = jnp.ravel(source)
    if values.size != places.size:
        raise IndexError(
            "put_(): Expected source and index to have the same number of elements, but got source.numel() = "
            f"{values.size}, index.numel() = {places.size}"
        )
    return (add_at(target, values) if accumulate else set_at(target, values)).reshape(jnp.shape(input))


@operation("torch", "Tensor", grad_fn="GatherBackward0")
def take_along_dim(input: jax.Array, indices: jax.Array, dim: int | None = None) -> jax.Array:
    """Elements at the indices along `dim`, the others broadcast; without dim of the flattened input."""
    if dim is None:
        return gather(jnp.ravel(input), 0, jnp.ravel(indices))
    input, indices = jnp.asarray(input), jnp.asarray(indices)
    if input.ndim != indices.ndim:
        raise RuntimeError(
            "torch.take_along_dim(): input and indices should have the same number of dimensions, "
            f"but got {input.ndim} dimensions for input, and {indices.ndim} dimensions for indices"
        )
    axis = canonical_dim(dim, input.ndim)
    check_indices(
        indices,
        input.shape[axis],
        f"index {{index}} is out of bounds for dimension {axis} with size {{size}}",
        RuntimeError,
    )
    return jnp.take_along_axis(input, indices, axis)


@operation("torch", "Tensor", in_place=True, grad_fn="MaskedFillBackward0", promote=())
def masked_fill(input: jax.Array, mask: jax.Array, value: Any) -> jax.Array:
    """Input with value where the mask holds (broadcast). Raises RuntimeError unless the mask is boolean."""
    if not is_bool(mask):
        raise RuntimeError(
            f"masked_fill_ only supports boolean masks, but got mask with dtype {scalar_name(mask)}"
        )
    if not is_number(value) and jnp.ndim(value):
        raise RuntimeError(
            "masked_fill only supports a 0-dimensional value tensor, but got tensor with "
            f"{jnp.ndim(value)} dimension(s)."
        )
    input = jnp.asarray(input)
    if is_complex(value) and not is_complex(input):
        raise RuntimeError(f"value cannot be converted to type {input.dtype.name} without overflow")
    return jnp.where(mask, jnp.asarray(value).astype(input.dtype), input)


@operation("torch", "Tensor", grad_fn="MaskedSelectBackward0", data_dependent=True)
def masked_select(input: jax.Array, mask: jax.Array) -> jax.Array:
    """The elements where the mask holds (broadcast), in one dimension; the mask must be known."""
    if not is_bool(mask):
        raise RuntimeError(f"masked_select: expected BoolTensor for mask, but got {scalar_name(mask)}")
    both = jnp.broadcast_arrays(input, mask)
    return both[0][both[1]]


@operation("torch", "Tensor", in_place=True, grad_fn="MaskedScatterBackward0")
def masked_scatter(input: jax.Array, mask: jax.Array, source: jax.Array) -> jax.Array:
    """Input with the elements of source, in order, where the mask holds (broadcast)."""
    if not is_bool(mask):
        raise RuntimeError(
            f"masked_scatter_ only supports boolean masks, but got mask with dtype {scalar_name(mask)}"
        )
    values, chosen = jnp.broadcast_arrays(input, mask)
    place = jnp.cumsum(chosen.reshape(-1)) - 1
    known = concrete(chosen)
    if known is not None and known.sum() > jnp.size(source):
        raise RuntimeError(
            "masked_scatter: expected self and source to have same dtypes and enough elements in source"
        )
    picked = jnp.take(jnp.ravel(source), place, mode="clip").reshape(values.shape)
    return jnp.where(chosen, picked, values)


@operation("torch", "Tensor", data_dependent=True)
def nonzero(input: jax.Array, *, as_tuple: bool = False) -> Any:
    """The indices (n, ndim) of elements that are not 0, or one vector a dimension; values must be known."""
    if not isinstance(as_tuple, bool):
        raise TypeError(f"nonzero(): argument 'as_tuple' must be bool, not {type(as_tuple).__name__}")
    found = np.nonzero(np.asarray(input)) if jnp.ndim(input) else np.nonzero(np.asarray(input).reshape(1))
    vectors = tuple(jnp.asarray(one, index_dtype()) for one in found)
    if as_tuple:
        return vectors
    return jnp.stack(vectors, 1) if jnp.ndim(input) else jnp.zeros((vectors[0].size, 0), index_dtype())


@operation("torch", "Tensor", data_dependent=True)
def argwhere(input: jax.Array) -> jax.Array:
    """The indices (n, ndim) of elements that are not 0; values must be known."""
    return nonzero(input)
