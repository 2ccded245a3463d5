"""The larger and the smaller of two, and bounds."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dtypes import is_number, pair
from fnnet.functional.operation import operation

__all__ = [
    "clamp",
    "clamp_max",
    "clamp_min",
    "fmax",
    "fmin",
    "maximum",
    "minimum",
]

Value = Any
_BINARY: dict[str, Any] = {"promote": ("input", "other")}


# Bounds are inclusive: on a bound the derivative by the input is 1, where jnp.clip gives a half.
@jax.custom_jvp
def _bounded(x: jax.Array, low: jax.Array, high: jax.Array) -> jax.Array:
    return jnp.minimum(jnp.maximum(x, low), high)


_bounded.defjvps(
    lambda g, answer, x, low, high: jnp.where((x >= low) & (x <= high), g, 0),
    lambda g, answer, x, low, high: jnp.where((low < high) & (x < low), g, 0),
    lambda g, answer, x, low, high: jnp.where((x > high) | (high < low), g, 0),
)


@jax.custom_jvp
def _bounded_below(x: jax.Array, low: jax.Array) -> jax.Array:
    return jnp.maximum(x, low)


_bounded_below.defjvps(
    lambda g, answer, x, low: jnp.where(x >= low, g, 0),
    lambda g, answer, x, low: jnp.where(x < low, g, 0),
)


@jax.custom_jvp
def _bounded_above(x: jax.Array, high: jax.Array) -> jax.Array:
    return jnp.minimum(x, high)


_bounded_above.defjvps(
    lambda g, answer, x, high: jnp.where(x <= high, g, 0),
    lambda g, answer, x, high: jnp.where(x > high, g, 0),
)


def _bound(input: jax.Array, bound: Value) -> jax.Array:
    return jnp.asarray(bound, input.dtype) if is_number(bound) else jnp.asarray(bound)


@operation(
    "torch",
    "Tensor",
    in_place=True,
    grad_fn="ClampBackward1",
    promote=("input", "min", "max"),
    aliases=("clip",),
)
def clamp(input: jax.Array, min: Value | None = None, max: Value | None = None) -> jax.Array:
    """Input bounded by min and max (numbers or arrays, broadcast); max wins where they cross.

    The derivative on a bound is 1. Raises RuntimeError where both bounds are missing.
    """
    input = jnp.asarray(input)
    if min is None and max is None:
        raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
    if max is None:
        return clamp_min(input, min)
    if min is None:
        return clamp_max(input, max)
    x, low, high = jnp.broadcast_arrays(input, _bound(input, min), _bound(input, max))
    return _bounded(x, low, high)


@operation("torch", "Tensor", in_place=True, grad_fn="ClampMinBackward0", promote=("input", "min"))
def clamp_min(input: jax.Array, min: Value) -> jax.Array:
    """Input where it is not below min, min elsewhere; the derivative on the bound is 1."""
    return _bounded_below(*jnp.broadcast_arrays(input, _bound(input, min)))


@operation("torch", "Tensor", in_place=True, grad_fn="ClampMaxBackward0", promote=("input", "max"))
def clamp_max(input: jax.Array, max: Value) -> jax.Array:
    """Input where it is not above max, max elsewhere; the derivative on the bound is 1."""
    return _bounded_above(*jnp.broadcast_arrays(input, _bound(input, max)))


def _share(g: jax.Array, mine: jax.Array, other: jax.Array, loses: jax.Array) -> jax.Array:
    return jnp.where(loses, 0, jnp.where(mine == other, g / 2, g))


# Equal elements share the derivative as in JAX; beside a NaN, PyTorch passes it on to both, JAX to neither.
@jax.custom_jvp
def _larger(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.maximum(x, y)


_larger.defjvps(
    lambda g, answer, x, y: _share(g, x, y, x < y),
    lambda g, answer, x, y: _share(g, x, y, x > y),
)


@jax.custom_jvp
def _smaller(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.minimum(x, y)


_smaller.defjvps(
    lambda g, answer, x, y: _share(g, x, y, x > y),
    lambda g, answer, x, y: _share(g, x, y, x < y),
)


@operation("torch", "Tensor", grad_fn="MaximumBackward0", **_BINARY)
def maximum(input: jax.Array, other: jax.Array) -> jax.Array:
    """The larger element; NaN where either is. Equal elements share the derivative."""
    return _larger(*pair(input, other))


@operation("torch", "Tensor", grad_fn="MinimumBackward0", **_BINARY)
def minimum(input: jax.Array, other: jax.Array) -> jax.Array:
    """The smaller element; NaN where either is. Equal elements share the derivative."""
    return _smaller(*pair(input, other))


@operation("torch", "Tensor", grad_fn="FmaxBackward0", **_BINARY)
def fmax(input: jax.Array, other: jax.Array) -> jax.Array:
    """The larger element, the other one where one is NaN. On a tie the derivative goes to input."""
    x, y = pair(input, other)
    return jnp.where((x >= y) | jnp.isnan(y), x, y)


@operation("torch", "Tensor", grad_fn="FminBackward0", **_BINARY)
def fmin(input: jax.Array, other: jax.Array) -> jax.Array:
    """The smaller element, the other one where one is NaN. On a tie the derivative goes to input."""
    x, y = pair(input, other)
    return jnp.where((x <= y) | jnp.isnan(y), x, y)
