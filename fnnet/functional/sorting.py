"""Order: sorting, the largest and smallest elements, distinct elements."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.along import taken_along
from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import index_dtype
from fnnet.functional.operation import operation
from fnnet.functional.ordering import leading_order, order_at, stable_order
from fnnet.functional.reduction import picked
from fnnet.functional.results import ValuesIndices

__all__ = ["argsort", "kthvalue", "msort", "sort", "topk", "unique", "unique_consecutive"]


@operation("torch", "Tensor", grad_fn="SortBackward0")
def sort(
    input: jax.Array, dim: int = -1, descending: bool = False, stable: bool | None = False
) -> ValuesIndices:
    """The elements in order along `dim`, and where they were; always stable, NaN counts as the largest."""
    del stable  # PyTorch leaves the order of ties open unless asked
    input = jnp.asarray(input)
    axis = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return ValuesIndices(input, jnp.zeros((), index_dtype()))
    order = stable_order(input, axis, descending)
    return ValuesIndices(taken_along(input, order, axis), order)


@operation("torch", "Tensor")
def argsort(input: jax.Array, dim: int = -1, descending: bool = False, stable: bool = False) -> jax.Array:
    """The indices that sort the input along `dim`."""
    return sort(input, dim, descending, stable).indices


@operation("torch", "Tensor", grad_fn="SortBackward0")
def msort(input: jax.Array) -> jax.Array:
    """The elements in order along the first dimension."""
    return sort(input, 0).values


@operation("torch", "Tensor", grad_fn="TopkBackward0")
def topk(input: jax.Array, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> ValuesIndices:
    """The k largest (or smallest) elements along `dim`, in order, and where they are.

    Raises RuntimeError for a k out of range. Among ties PyTorch's choice of indices is its own.
    """
    del sorted  # they come in order anyway
    input = jnp.asarray(input)
    axis = canonical_dim(dim, input.ndim)
    lines = jnp.atleast_1d(input)
    if not 0 <= k <= lines.shape[axis]:
        raise RuntimeError(
            f"selected index k out of range: k = {k} for a dimension of size {lines.shape[axis]}"
        )
    order = leading_order(lines, k, axis, largest)
    values = taken_along(lines, order, axis)
    if input.ndim == 0 and k == 1:
        return ValuesIndices(input, jnp.zeros((), index_dtype()))
    return ValuesIndices(values, order)


@operation("torch", "Tensor", grad_fn="KthvalueBackward0")
def kthvalue(input: jax.Array, k: int, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The k-th smallest element along `dim`, counted from 1, and where it is."""
    input = jnp.asarray(input)
    axis = canonical_dim(dim, input.ndim)
    lines = jnp.atleast_1d(input)
    if not lines.shape[axis]:
        raise IndexError(f"kthvalue(): Expected reduction dim {axis} to have non-zero size.")
    if not 1 <= k <= lines.shape[axis]:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension " + str(axis))
    if input.ndim == 0:
        return ValuesIndices(input, jnp.zeros((), index_dtype()))
    return picked(lines, order_at(lines, k - 1, axis), axis, keepdim)


@operation("torch", "Tensor", data_dependent=True)
def unique(
    input: jax.Array,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements (or slices along `dim`) in order, with the inverse and the counts where asked."""
    del sorted  # they come in order anyway
    axis = None if dim is None else canonical_dim(dim, jnp.ndim(input))
    values, inverse, counts = np.unique(
        np.asarray(input), return_inverse=True, return_counts=True, axis=axis, equal_nan=False
    )
    shape = jnp.shape(input) if axis is None else (jnp.shape(input)[axis],)
    found = [jnp.asarray(values)]
    if return_inverse:
        found.append(jnp.asarray(inverse.reshape(shape), index_dtype()))
    if return_counts:
        found.append(jnp.asarray(counts, index_dtype()))
    return found[0] if len(found) == 1 else tuple(found)


@operation("torch", "Tensor", data_dependent=True)
def unique_consecutive(
    input: jax.Array, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Runs of equal elements (or slices along `dim`) made one; the inverse and the counts where asked."""
    values = np.asarray(input)
    axis = 0 if dim is None else canonical_dim(dim, values.ndim)
    lines = np.moveaxis(values.reshape(-1) if dim is None else values, axis, 0)
    rest = tuple(range(1, lines.ndim))
    fresh = np.concatenate([np.ones(min(len(lines), 1), bool), (lines[1:] != lines[:-1]).any(rest)])
    shape = values.shape if dim is None else (len(lines),)
    found = [jnp.asarray(np.moveaxis(lines[fresh], 0, axis))]
    if return_inverse:
        found.append(jnp.asarray((np.cumsum(fresh) - 1).reshape(shape), index_dtype()))
    if return_counts:
        found.append(jnp.asarray(np.diff(np.append(np.flatnonzero(fresh), len(lines))), index_dtype()))
    return found[0] if len(found) == 1 else tuple(found)
