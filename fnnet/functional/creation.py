"""New arrays: constants and ranges. Floats are float32 and integers int64 unless a dtype is given."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnnet.functional.dtypes import canonical, index_dtype
from fnnet.functional.operation import operation
from fnnet.functional.shape import sizes_of

__all__ = [
    "arange",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "linspace",
    "logspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def _sizes(function: str, size: tuple[Any, ...]) -> tuple[int, ...]:
    sizes = sizes_of(size[0], size[1:]) if size else ()
    for one in sizes:
        if one < 0:
            raise RuntimeError(
                f"{function}: Trying to create tensor with negative dimension {one}: {list(sizes)}"
            )
    return sizes


def _kind(dtype: DTypeLike | None, otherwise: Any = np.float32) -> Any:
    return canonical(otherwise if dtype is None else dtype)


def _number_kind(value: Any) -> Any:
    """The dtype that PyTorch gives to an array made of a Python number."""
    if isinstance(value, bool):
        return np.bool_
    if isinstance(value, int):
        return index_dtype()
    return np.complex64 if isinstance(value, complex) else np.float32


@operation("torch")
def zeros(*size: Any, dtype: DTypeLike | None = None) -> jax.Array:
    """Zeros of a shape, given as numbers or as one sequence."""
    return jnp.zeros(_sizes("zeros", size), _kind(dtype))


@operation("torch")
def ones(*size: Any, dtype: DTypeLike | None = None) -> jax.Array:
    """Ones of a shape, given as numbers or as one sequence."""
    return jnp.ones(_sizes("ones", size), _kind(dtype))


@operation("torch")
def empty(*size: Any, dtype: DTypeLike | None = None) -> jax.Array:
    """An array whose values are of no meaning; here they are zeros."""
    return jnp.zeros(_sizes("empty", size), _kind(dtype))


@operation("torch")
def full(size: Any, fill_value: Any, *, dtype: DTypeLike | None = None) -> jax.Array:
    """An array filled with one value, of the value's dtype unless one is given."""
    kind = getattr(fill_value, "dtype", None) or _number_kind(fill_value)
    return jnp.full(_sizes("full", (size,)), fill_value, _kind(dtype, kind))


@operation("torch")
def zeros_like(input: jax.Array, *, dtype: DTypeLike | None = None) -> jax.Array:
    """Zeros of the shape and dtype of the input."""
    return jnp.zeros(jnp.shape(input), _kind(dtype, input.dtype))


@operation("torch")
def ones_like(input: jax.Array, *, dtype: DTypeLike | None = None) -> jax.Array:
    """Ones of the shape and dtype of the input."""
    return jnp.ones(jnp.shape(input), _kind(dtype, input.dtype))


@operation("torch")
def empty_like(input: jax.Array, *, dtype: DTypeLike | None = None) -> jax.Array:
    """An array of the shape and dtype of the input whose values are of no meaning; here they are zeros."""
    return zeros_like(input, dtype=dtype)


@operation("torch")
def full_like(input: jax.Array, fill_value: Any, *, dtype: DTypeLike | None = None) -> jax.Array:
    """One value in the shape and dtype of the input."""
    return jnp.full(jnp.shape(input), fill_value, _kind(dtype, input.dtype))


@operation("torch")
def eye(n: int, m: int | None = None, *, dtype: DTypeLike | None = None) -> jax.Array:
    """The (n, m) matrix with ones on its diagonal. Raises RuntimeError for negative sizes."""
    for name, size in (("n", n), ("m", m)):
        if size is not None and size < 0:
            raise RuntimeError(f"{name} must be greater or equal to 0, got {size}")
    return jnp.eye(n, m, dtype=_kind(dtype))


def progression(start: float, end: float, step: float, kind: Any) -> np.ndarray:
    """The numbers of `arange` as an array of this dtype.

    As in PyTorch, integers tell how many there are for int64, doubles for all else, and a dtype of integers
    counts from the whole part of `start` by that of `step`.
    """
    whole = np.issubdtype(kind, np.integer)
    if kind == np.int64:
        start, end, step = int(start), int(end), int(step)
        if not step:
            raise ValueError("step must be nonzero")
        count = max(0, -((start - end) // step))
    else:
        count = max(0, math.ceil((float(end) - float(start)) / float(step)))
    if count >= 2**62:
        raise RuntimeError("invalid size, possible overflow?")
    if whole:
        start, step = int(start), int(step)
    wide: Any = np.int64 if whole else np.float64
    array = np.arange(count, dtype=wide)
    if step != 1:
        array *= wide(step)
    if start != 0:
        array += wide(start)
    return array.astype(kind, copy=False)


@operation("torch")
def arange(start: Any, end: Any = None, step: Any = 1, *, dtype: DTypeLike | None = None) -> jax.Array:
    """Numbers from start (0 if only one is given) to end, which is left out, `step` apart; int64 of integers.

    Raises RuntimeError for a step of 0 or of the wrong sign.
    """
    if end is None:
        start, end = 0, start
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if not all(math.isfinite(one) for one in (start, end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    if (end - start) * step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    whole = all(isinstance(one, int) for one in (start, end, step))
    kind = _kind(dtype, index_dtype() if whole else np.float32)
    return jnp.asarray(progression(start, end, step, np.int64 if whole and dtype is None else kind), kind)


def _spaced(function: str, start: Any, end: Any, steps: int, kind: Any) -> jax.Array:
    """PyTorch's evenly spaced numbers, computed from the nearer end, so that both ends are met exactly."""
    if steps < 0:
        raise RuntimeError(f"{function}: number of steps must be non-negative")
    work = kind if jnp.issubdtype(kind, jnp.inexact) else canonical(np.float64)
    first, last = jnp.asarray(start, work), jnp.asarray(end, work)
    if first.ndim or last.ndim:
        raise RuntimeError(
            f"{function} only supports 0-dimensional start and end tensors, but got start with {first.ndim} "
            f"dimension(s) and end with {last.ndim} dimension(s)."
        )
    if steps == 1:
        return first.reshape(1)
    places = jnp.arange(steps).astype(work)
    step = (last - first) / max(steps - 1, 1)
    return jnp.where(places < steps // 2, first + step * places, last - step * (steps - 1 - places))


@operation("torch")
def linspace(start: Any, end: Any, steps: int, *, dtype: DTypeLike | None = None) -> jax.Array:
    """`steps` numbers from start to end, both included, evenly spaced."""
    kind = _kind(dtype)
    values = _spaced("linspace", start, end, steps, kind)
    return (jnp.trunc(values) if jnp.issubdtype(kind, jnp.integer) else values).astype(kind)


@operation("torch")
def logspace(
    start: Any, end: Any, steps: int, base: float = 10.0, *, dtype: DTypeLike | None = None
) -> jax.Array:
    """`base` to the powers linspace(start, end, steps)."""
    kind = _kind(dtype)
    powers = _spaced("logspace", start, end, steps, kind)
    return jnp.power(jnp.asarray(base, powers.dtype), powers).astype(kind)
