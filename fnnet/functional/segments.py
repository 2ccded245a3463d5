"""Reductions of runs of rows."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.half import widened
from fnnet.functional.operation import operation

__all__ = ["segment_reduce"]

_NAMES = {"amax": "max", "amin": "min"}
_KNOWN = ("sum", "mean", "max", "min", "prod")
_START = {"sum": 0.0, "mean": 0.0, "max": -float("inf"), "min": float("inf"), "prod": 1.0}


@operation("torch", grad_fn="SegmentReduceBackward0")
def segment_reduce(
    data: jax.Array,
    reduce: str,
    *,
    lengths: jax.Array | None = None,
    indices: jax.Array | None = None,
    offsets: jax.Array | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> jax.Array:
    """The sum, mean, max, min or prod of runs of `data` along `axis`.

    lengths (*batch, segments) tells how long the runs are, offsets (*batch, segments + 1) where they begin
    and end; the batch is the dimensions before `axis`, and the result is (*batch, segments, *rest). A run of
    nothing gives `initial`, or what the reduction begins with (NaN for mean). Of equal largest or smallest
    elements each gets its share of the gradient. Values of lengths and offsets are not looked at.

    Raises RuntimeError for an unknown reduction, without lengths and offsets, and for an axis that is not
    their last.
    """
    kind = _NAMES.get(reduce, reduce)
    if kind not in _KNOWN:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    if indices is not None:
        raise RuntimeError("segment_reduce(): indices based reduction is not supported yet.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    data = jnp.asarray(data)
    axis = canonical_dim(axis, data.ndim)
    places = jnp.asarray(lengths if offsets is None else offsets)
    if axis != places.ndim - 1:
        raise RuntimeError(
            f"segment_reduce(): Expected axis to be the last dimension of "
            f"{'lengths' if offsets is None else 'offsets'} but got {axis}."
        )
    if places.shape[:-1] != data.shape[:axis]:
        raise RuntimeError(
            f"segment_reduce(): Expected the shapes of data {list(data.shape)} and of its segments "
            f"{list(places.shape)} to agree before axis {axis}."
        )
    if offsets is None:
        ends = jnp.cumsum(places, -1)
        places = jnp.concatenate([jnp.zeros_like(ends[..., :1]), ends], -1)
    run = partial(_reduced, kind, None if initial is None else float(initial))
    for _ in range(axis):
        run = jax.vmap(run)
    return run(widened(data), places).astype(data.dtype)


def _owners(places: jax.Array, count: int) -> jax.Array:
    """The segment of each of so many rows; of rows that belong to none the number of segments."""
    rows = jnp.arange(count, dtype=places.dtype)
    found = jnp.searchsorted(places[1:], rows, side="right")
    return jnp.where(rows < places[0], places.shape[0] - 1, found)


@partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _reduced(kind: str, initial: float | None, data: jax.Array, places: jax.Array) -> jax.Array:
    owners, size = _owners(places, data.shape[0]), places.shape[0] - 1
    start = jnp.full((size, *data.shape[1:]), _START[kind] if initial is None else initial, data.dtype)
    at = start.at[owners]
    update = {"max": at.max, "min": at.min, "prod": at.multiply}.get(kind, at.add)
    made = update(data, mode="drop")
    if kind == "mean":
        count = _along(jnp.diff(places), made)
        made = made / (count if initial is None else jnp.maximum(count, 1)).astype(made.dtype)
    return made


def _along(numbers: jax.Array, like: jax.Array) -> jax.Array:
    return numbers.reshape(-1, *[1] * (like.ndim - 1))


def _forward(kind: str, initial: float | None, data: jax.Array, places: jax.Array) -> tuple[jax.Array, Any]:
    made = _reduced(kind, initial, data, places)
    return made, (data, places, made)


def _backward(kind: str, initial: float | None, kept: Any, gradient: jax.Array) -> tuple[jax.Array, None]:
    data, places, made = kept
    owners, size = _owners(places, data.shape[0]), places.shape[0] - 1

    def spread(values: jax.Array) -> jax.Array:
        return jnp.take(values, owners, 0, mode="fill", fill_value=0)

    def total(values: jax.Array) -> jax.Array:
        return jnp.zeros((size, *values.shape[1:]), values.dtype).at[owners].add(values, mode="drop")

    if kind == "sum":
        return spread(gradient), None
    if kind == "mean":
        return spread(gradient / jnp.maximum(_along(jnp.diff(places), made), 1).astype(made.dtype)), None
    if kind in ("max", "min"):
        best = ((data == spread(made)) | jnp.isnan(data)).astype(data.dtype)
        return best * spread(gradient / jnp.maximum(total(best), 1)), None
    zeros = total((data == 0).astype(data.dtype))
    others = _reduced("prod", initial, jnp.where(data == 0, 1, data), places)  # what is not 0
    alone = jnp.where(spread(zeros) == 1, spread(others), 0)
    here = jnp.where(data == 0, alone, spread(made) / jnp.where(data == 0, 1, data))
    return spread(gradient) * here, None


_reduced.defvjp(_forward, _backward)
