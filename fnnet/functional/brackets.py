"""Indexing by brackets, read and written: integers, slices, None, ..., arrays and masks together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.adding import add_at, set_at
from fnnet.functional.dtypes import index_dtype, is_bool, is_integral
from fnnet.functional.indexing import check_indices
from fnnet.functional.operation import operation

__all__ = ["getitem", "index_put", "setitem"]


def _is_mask(one: Any) -> bool:
    return not isinstance(one, bool) and jnp.result_type(one) in (jnp.bool_, jnp.uint8)


def _consumed(one: Any) -> int:
    """How many dimensions of the input an entry of an index stands for."""
    if isinstance(one, jax.Array) and _is_mask(one):
        return one.ndim
    return not (one is None or one is ... or isinstance(one, bool))


def _basic(input: jax.Array, index: Any) -> tuple[jax.Array, list[Any]]:
    """What integers, slices, None and ... select, and what remains, an entry a dimension (arrays or None)."""
    entries = list(index) if isinstance(index, tuple) else [index]
    entries = [
        one if one is None or one is ... or isinstance(one, slice | bool | int) else jnp.asarray(one)
        for one in (np.asarray(e) if isinstance(e, list | tuple | range) else e for e in entries)
    ]
    used = sum(_consumed(one) for one in entries)
    if used > input.ndim:
        raise IndexError(f"too many indices for tensor of dimension {input.ndim}")
    places = [i for i, one in enumerate(entries) if one is ...]
    if len(places) > 1:
        raise IndexError("an index can only have a single ellipsis ('...')")
    fill: list[Any] = [slice(None)] * (input.ndim - used)
    at = places[0] if places else len(entries)
    entries = entries[:at] + fill + entries[at + 1 :]
    left: list[Any] = []
    result, axis, original = input, 0, 0
    for one in entries:
        if one is None:
            result = jnp.expand_dims(result, axis)
            left.append(None)
            axis += 1
        elif isinstance(one, bool):
            result = jnp.expand_dims(result, axis)
            left.append(jnp.asarray([one]))
            axis += 1
        elif isinstance(one, slice):
            if one.step is not None and one.step <= 0:
                raise ValueError("step must be greater than zero")
            bounds = one.indices(result.shape[axis])
            result = lax.slice_in_dim(result, bounds[0], max(bounds[0], bounds[1]), bounds[2], axis)
            left.append(None)
            axis, original = axis + 1, original + 1
        elif isinstance(one, int) or (one.ndim == 0 and not _is_mask(one)):
            size = result.shape[axis]
            check_indices(
                one,
                size,
                f"index {{index}} is out of bounds for dimension {original} with size {{size}}",
                IndexError,
            )
            static = isinstance(one, int)
            drop = lax.index_in_dim if static else lax.dynamic_index_in_dim
            result = drop(result, one, axis, keepdims=False)
            original += 1
        else:
            left.append(one)
            step = one.ndim if _is_mask(one) else 1
            left.extend([_COVERED] * (step - 1))
            axis, original = axis + step, original + step
            if _is_mask(one) and one.ndim == 0:
                result = jnp.expand_dims(result, axis)
                left[-1] = one[None]
                axis += 1
    return result, left


_COVERED = object()


def _advanced(result: jax.Array, left: list[Any]) -> tuple[Any, ...] | None:
    """The arrays that remain as an index for JAX, or None where nothing remains."""
    if not any(isinstance(one, jax.Array) for one in left):
        return None
    arrays: list[Any] = []
    for one in left:
        if one is _COVERED:
            continue
        axis = sum(a.ndim if isinstance(a, jax.Array) and _is_mask(a) else 1 for a in arrays)
        if one is None:
            arrays.append(slice(None))
            continue
        if _is_mask(one):
            shape = result.shape[axis : axis + one.ndim]
            if one.shape != shape:
                raise IndexError(
                    f"The shape of the mask {list(one.shape)} at index {axis} does not match the shape "
                    "of the "
                    f"indexed tensor {list(result.shape)} at index {axis}"
                )
            arrays.append(one.astype(bool))
            continue
        if not is_integral(one):
            raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
        size = result.shape[axis]
        check_indices(
            one, size, f"index {{index}} is out of bounds for dimension {axis} with size {{size}}", IndexError
        )
        arrays.append(one)
    return tuple(arrays)


@operation("Tensor", grad_fn="IndexBackward0", spelled="__getitem__")
def getitem(input: jax.Array, index: Any) -> jax.Array:
    """input[index] as PyTorch reads it: integers select first, then arrays and masks index what is left.

    Masks must be known when the function is traced. Raises IndexError out of range, ValueError for a slice
    with a negative step.
    """
    result, left = _basic(jnp.asarray(input), index)
    arrays = _advanced(result, left)
    return result if arrays is None else result[arrays]


def _fitted(value: Any, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    array = jnp.asarray(value).astype(dtype)
    while array.ndim > len(shape) and array.shape[0] == 1:
        array = array[0]
    try:
        return jnp.broadcast_to(array, shape)
    except ValueError as error:
        raise RuntimeError(
            f"shape mismatch: value tensor of shape {list(array.shape)} cannot be broadcast to indexing "
            "result of "
            f"shape {list(shape)}"
        ) from error


@operation("Tensor", grad_fn="IndexPutBackward0", spelled="__setitem__")
def setitem(input: jax.Array, index: Any, value: Any) -> jax.Array:
    """A copy of input in which the elements input[index] are value (broadcast).

    A mask may be traced where value is a single number. Raises RuntimeError for a value that does not fit.
    """
    input = jnp.asarray(input)
    if isinstance(index, jax.Array) and is_bool(index) and jnp.size(value) == 1 and jnp.ndim(value) <= 1:
        _advanced(input, [index])
        mask = index.reshape(index.shape + (1,) * (input.ndim - index.ndim))
        return jnp.where(mask, jnp.asarray(value).astype(input.dtype).reshape(()), input)
    entries = index if isinstance(index, tuple) else (index,)
    if all(
        one is None or one is ... or (isinstance(one, slice | int) and one is not True) for one in entries
    ):
        shape = jax.eval_shape(lambda x: _basic(x, index)[0], input).shape
        return input.at[entries].set(_fitted(value, shape, input.dtype))
    places = jnp.arange(input.size, dtype=index_dtype()).reshape(input.shape)
    chosen = getitem(places, index)
    filled = set_at(input.reshape(-1).at[chosen], _fitted(value, chosen.shape, input.dtype))
    return filled.reshape(input.shape)


@operation("torch", "Tensor", in_place=True, grad_fn="IndexPutBackward0")
def index_put(
    input: jax.Array, indices: Sequence[Any], values: jax.Array, accumulate: bool = False
) -> jax.Array:
    """A copy of input with values put, or added, at the indices; repeated indices add up with accumulate."""
    input = jnp.asarray(input)
    full = [None if one is None else jnp.asarray(one) for one in indices]
    arrays = _advanced(input, full) or ()
    shape = jax.eval_shape(lambda x: x[arrays], input).shape if arrays else input.shape
    target = input.at[arrays] if arrays else input.at[...]
    fitted = _fitted(values, shape, input.dtype)
    return add_at(target, fitted) if accumulate else target.set(fitted)
