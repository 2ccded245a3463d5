"""Scattering along a dimension, counting, and search in sorted values."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.adding import add_at, set_at
from fnnet.functional.arithmetic import Value
from fnnet.functional.dtypes import concrete, index_dtype, is_integral, is_number, scalar_name
from fnnet.functional.indexing import aligned
from fnnet.functional.operation import operation

__all__ = [
    "bincount",
    "bucketize",
    "histc",
    "scatter",
    "scatter_add",
    "scatter_reduce",
    "searchsorted",
]


def _target(function: str, input: Any, dim: int, index: Any, src: Any) -> Any:
    """The input, the places to which index points, and the source cut to the index."""
    lines, places, axis = aligned(function, input, dim, index)
    if is_number(src):
        values = jnp.full(places.shape, src, lines.dtype)
    else:
        values = jnp.atleast_1d(jnp.asarray(src))
        if values.dtype != lines.dtype:
            raise RuntimeError(
                f"{function}(): Expected self.dtype to be equal to src.dtype, but got "
                f"{scalar_name(lines)} and "
                f"{scalar_name(values)}"
            )
        if places.ndim != values.ndim:
            raise RuntimeError("Index tensor must have the same number of dimensions as src tensor")
        if places.size and any(a > b for a, b in zip(places.shape, values.shape, strict=True)):
            raise RuntimeError(
                f"{function}(): Expected index {list(places.shape)} to be no larger than src "
                f"{list(values.shape)}"
            )
        values = values[tuple(slice(size) for size in places.shape)]
    where = tuple(
        places if d == axis else lax.broadcasted_iota(places.dtype, places.shape, d)
        for d in range(places.ndim)
    )
    return lines, where, values


@operation("torch", "Tensor", in_place=True, grad_fn="ScatterBackward0")
def scatter(
    input: jax.Array,
    dim: int,
    index: jax.Array,
    src: Any = None,
    *,
    value: Any = None,
    reduce: str | None = None,
) -> jax.Array:
    """A copy of input with src (an array or a number) at the indices along `dim`; reduce "add" or "multiply".

    Which of several sources for one place stays is not defined. Raises RuntimeError for shapes and dtypes
    that do not fit and for indices out of range.
    """
    source = value if src is None else src
    if source is None:
        raise TypeError("scatter() missing the argument src (or value)")
    lines, where, values = _target("scatter", input, dim, index, source)
    if values.size == 0:
        return jnp.asarray(input)
    if reduce not in (None, "add", "multiply"):
        raise RuntimeError(f"reduce argument must be either add or multiply, but got {reduce!r}")
    if reduce is None:
        return set_at(lines.at[where], values).reshape(jnp.shape(input))
    put = reduce
    if values.dtype == jnp.bool_:
        put = {"add": "max", "multiply": "min"}.get(put, put)
    return getattr(lines.at[where], put)(values).reshape(jnp.shape(input))


@operation("torch", "Tensor", in_place=True, grad_fn="ScatterAddBackward0")
def scatter_add(input: jax.Array, dim: int, index: jax.Array, src: jax.Array) -> jax.Array:
    """A copy of input with src added at the indices along `dim`."""
    lines, where, values = _target("scatter_add", input, dim, index, src)
    return add_at(lines.at[where], values).reshape(jnp.shape(input)) if values.size else jnp.asarray(input)


# JAX has no derivative of scattered extremes and products; PyTorch shares an extreme's among ties.
@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _scattered(kind: str, lines: jax.Array, where: tuple[jax.Array, ...], values: jax.Array) -> jax.Array:
    product = "min" if lines.dtype == jnp.bool_ else "multiply"
    put = {"amax": "max", "amin": "min", "prod": product}[kind]
    return getattr(lines.at[where], put)(values)


@_scattered.defjvp
def _scattered_jvp(kind: str, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (lines, where, values), (g_lines, _, g_values) = primals, tangents
    result = _scattered(kind, lines, where, values)
    if kind != "prod":
        mine = lines == result
        theirs = values == result[where]
        count = mine.astype(lines.dtype).at[where].add(theirs.astype(lines.dtype))
        change = jnp.where(mine, g_lines, 0).at[where].add(jnp.where(theirs, g_values, 0))
        return result, change / count
    one = jnp.ones_like
    solid = jnp.where(lines == 0, one(lines), lines)
    by_lines = _scattered(kind, solid, where, values) / solid
    zero = values == 0
    zeros = jnp.zeros_like(lines).at[where].add(zero.astype(lines.dtype))[where]
    single = zero & (zeros == 1)
    without = _scattered(kind, lines, where, jnp.where(single, one(values), values))
    by_values = jnp.where(single, without[where], result[where] / jnp.where(zero, one(values), values))
    by_values = jnp.where(zeros > 1, 0, by_values)
    return result, (g_lines * by_lines).at[where].add(g_values * by_values)


@operation("torch", "Tensor", in_place=True, grad_fn="ScatterReduceBackward0")
def scatter_reduce(
    input: jax.Array, dim: int, index: jax.Array, src: jax.Array, reduce: str, *, include_self: bool = True
) -> jax.Array:
    """Input combined with src at the indices along `dim` by "sum", "prod", "mean", "amax" or "amin".

    With include_self=False the input's own elements count only where nothing is scattered.
    """
    if reduce not in ("sum", "prod", "mean", "amax", "amin"):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    lines, where, values = _target("scatter_reduce", input, dim, index, src)
    if values.size == 0:
        return jnp.asarray(input)
    if not include_self:
        if lines.dtype == jnp.bool_:
            neutral: Any = reduce in ("amin", "prod")
        elif is_integral(lines):
            limits = jnp.iinfo(lines.dtype)
            neutral = {"amax": limits.min, "amin": limits.max}.get(reduce, int(reduce == "prod"))
        else:
            neutral = {"amax": -jnp.inf, "amin": jnp.inf}.get(reduce, float(reduce == "prod"))
        lines = lines.at[where].set(jnp.asarray(neutral, lines.dtype))
    if reduce in ("sum", "mean"):
        result = add_at(lines.at[where], values)
        if reduce == "mean":
            count = jnp.full_like(lines, 1) if include_self else jnp.ones_like(lines).at[where].set(0)
            count = jnp.maximum(count.at[where].add(jnp.ones_like(values)), 1)
            result = jnp.floor_divide(result, count) if is_integral(result) else result / count
    else:
        result = _scattered(reduce, lines, where, values)
    return result.reshape(jnp.shape(input))


@operation("torch")
def searchsorted(
    sorted_sequence: jax.Array,
    input: Value,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: jax.Array | None = None,
) -> jax.Array:
    """Where to insert input so that the last dimension of the sequence stays sorted."""
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while "
            "right was True"
        )
    sequence = jnp.asarray(sorted_sequence)
    values = jnp.asarray(input, sequence.dtype) if is_number(input) else jnp.asarray(input)
    if sorter is not None:
        sequence = jnp.take_along_axis(sequence, sorter, -1)
    kind = np.dtype(np.int32) if out_int32 else index_dtype()
    hand = "right" if right or side == "right" else "left"

    def search(line: jax.Array, some: jax.Array) -> jax.Array:
        return jnp.searchsorted(line, some, side=hand).astype(kind)

    if values.size == 0:
        return jnp.zeros(values.shape, kind)
    if sequence.ndim <= 1:
        return search(sequence, values)
    if sequence.shape[:-1] != values.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
            "boundaries tensor and input value tensor must match, but we got boundaries tensor "
            f"{list(sequence.shape)} "
            f"and input value tensor {list(values.shape)}"
        )
    lines = sequence.reshape(-1, sequence.shape[-1])
    return jax.vmap(search)(lines, values.reshape(lines.shape[0], values.shape[-1])).reshape(values.shape)


@operation("torch")
def bucketize(
    input: Any, boundaries: jax.Array, *, out_int32: bool = False, right: bool = False
) -> jax.Array:
    """The bucket of each element between sorted boundaries; on a boundary the one before, unless `right`."""
    if jnp.ndim(boundaries) != 1:
        raise RuntimeError(
            f"bucketize(): boundaries tensor must be 1 dimension, but got dim({jnp.ndim(boundaries)})"
        )
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)


@operation("torch", "Tensor")
def histc(input: jax.Array, bins: int = 100, min: float = 0, max: float = 0) -> jax.Array:
    """How many elements fall into each of the equal bins from min to max (if equal, the input's own)."""
    x = jnp.ravel(input)
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    if max < min:
        raise RuntimeError("max must be larger than min")
    low, high = (jnp.asarray(bound, x.dtype) for bound in (min, max))
    if min == max and x.size:
        low, high = jnp.min(x), jnp.max(x)
    flat = low == high
    low, high = jnp.where(flat, low - 1, low), jnp.where(flat, high + 1, high)
    place = ((x - low) / (high - low) * bins).astype(jnp.int32)
    place = jnp.minimum(place, bins - 1)
    inside = (x >= low) & (x <= high)
    return jnp.zeros(bins, x.dtype).at[jnp.where(inside, place, bins)].add(1, mode="drop")


@operation("torch", "Tensor", data_dependent=True)
def bincount(input: jax.Array, weights: jax.Array | None = None, minlength: int = 0) -> jax.Array:
    """How often each number from 0 on occurs, or the sum of its weights; values must be known."""
    values = concrete(input)
    if jnp.ndim(input) != 1 or not is_integral(input) or (values is not None and (values < 0).any()):
        raise RuntimeError("bincount only supports 1-d non-negative integral inputs.")
    if weights is not None and jnp.shape(weights) != jnp.shape(input):
        raise RuntimeError("bincount: weights should be 1-d and have the same length as input")
    if minlength < 0:
        raise RuntimeError("bincount: minlength should be >= 0")
    known = np.asarray(input)
    length = max(minlength, int(known.max()) + 1 if known.size else 0)
    if weights is None:
        return jnp.asarray(np.bincount(known, minlength=length), index_dtype())
    weights = jnp.asarray(weights)
    wide = (
        weights if weights.dtype == jnp.float32 else weights.astype(jax.dtypes.canonicalize_dtype(np.float64))
    )
    return jnp.zeros(length, wide.dtype).at[jnp.asarray(input)].add(wide)
