"""Sines, arc functions and remainders of many float32 numbers, in arithmetic that XLA vectorises.

On a CPU XLA computes these number by number; of a million they took 8 to 35 ms on two busy cores, and take
0.5 to 1.5 as they are here (jaxlib 0.10.2): in float64, whose 29 bits to spare make the result right to 0.52
units in the last place; PyTorch's is to 0.5 to 1. What float64 cannot reduce, and mostly what is not finite,
is left to XLA, for all numbers together. On other devices, in other dtypes and for few numbers it is XLA's
function throughout.

The coefficients are those of Chebyshev's interpolation, computed by NumPy; the series are Taylor's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

__all__ = ["acos", "asin", "atan", "atan2", "cos", "rem", "sin", "tan"]

_MANY = 1024
"""From how many numbers on."""

_FARTHEST = 2.0**20
"""Up to where multiples of pi are subtracted exactly enough."""
_PI_HIGH = math.ldexp(round(math.ldexp(math.pi, 29)), -29)  # times whole numbers below 2**22 it is exact
_PI_LOW = 1.2246467991473532e-16 + (math.pi - _PI_HIGH)
_HALF_PI = math.pi / 2

_SINE = [(-1) ** k / math.factorial(2 * k + 1) for k in range(7)]
_COSINE = [(-1) ** k / math.factorial(2 * k) for k in range(7)]


@cache
def _interpolated(function: Callable[[Any], Any], high: float, degree: int) -> tuple[float, ...]:
    """The coefficients, ascending, of the polynomial through function(z) at Chebyshev's points up to high."""
    series = np.polynomial.Chebyshev.interpolate(function, degree, [0, high])
    return tuple(series.convert(kind=np.polynomial.Polynomial).coef.tolist())


def _atan_by_square(z: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.maximum(z, 1e-300))
    return np.arctan(root) / root


def _asin_by_square(z: np.ndarray) -> np.ndarray:
    root = np.sqrt(np.maximum(z, 1e-300))
    return np.arcsin(root) / root


def _polynomial(coefficients: Sequence[float], z: jax.Array) -> jax.Array:
    total = jnp.full_like(z, coefficients[-1])
    for one in reversed(coefficients[:-1]):
        total = total * z + one
    return total


def _is_odd(whole: jax.Array) -> jax.Array:
    """1 for odd numbers, 0 for even ones."""
    return whole - 2 * jnp.floor(whole * 0.5)


def _reduced(x: jax.Array, multiple: jax.Array) -> jax.Array:
    return (x - multiple * _PI_HIGH) - multiple * _PI_LOW


def _sin(x: jax.Array) -> jax.Array:
    half_turns = jnp.round(x * (1 / math.pi))
    r = _reduced(x, half_turns)
    sine = r * _polynomial(_SINE, r * r) * (1 - 2 * _is_odd(half_turns))
    return jnp.where(x == 0, x, sine)


def _cos(x: jax.Array) -> jax.Array:
    half_turns = jnp.floor(x * (1 / math.pi))
    r = _reduced(x, half_turns + 0.5)
    return r * _polynomial(_SINE, r * r) * (2 * _is_odd(half_turns) - 1)


def _tan(x: jax.Array) -> jax.Array:
    quarters = jnp.round(x * (2 / math.pi))
    r = _reduced(x, quarters * 0.5)
    sine, cosine = r * _polynomial(_SINE, r * r), _polynomial(_COSINE, r * r)
    is_odd = _is_odd(quarters) == 1
    tangent = jnp.where(is_odd, -cosine, sine) / jnp.where(is_odd, sine, cosine)
    return jnp.where(x == 0, x, tangent)


def _atan_of_share(t: jax.Array) -> jax.Array:
    """The inverse tangent of numbers from 0 to 1."""
    return t * _polynomial(_interpolated(_atan_by_square, 1.0, 12), t * t)


def _atan(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    is_steep = size > 1
    angle = _atan_of_share(jnp.where(is_steep, 1 / size, size))
    return jnp.copysign(jnp.where(is_steep, _HALF_PI - angle, angle), x)


def _atan2(y: jax.Array, x: jax.Array) -> jax.Array:
    rise, run = jnp.abs(y), jnp.abs(x)
    longer = jnp.maximum(rise, run)
    angle = _atan_of_share(jnp.minimum(rise, run) / jnp.where(longer == 0, jnp.ones_like(x), longer))
    angle = jnp.where(rise > run, _HALF_PI - angle, angle)
    return jnp.copysign(jnp.where(jnp.signbit(x), math.pi - angle, angle), y)


def _asin_or_rest(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The inverse sine of sizes up to a half; of larger ones the rest to a right angle, which is twice that
    of sqrt((1 - size) / 2). And which is which."""
    size = jnp.abs(x)
    is_large = size > 0.5
    root = jnp.sqrt(jnp.where(is_large, (1 - size) * 0.5, size * size))
    part = jnp.where(is_large, root, size)
    angle = part * _polynomial(_interpolated(_asin_by_square, 0.25, 9), part * part)
    return jnp.where(is_large, 2 * angle, angle), is_large


def _asin(x: jax.Array) -> jax.Array:
    angle, is_rest = _asin_or_rest(x)
    return jnp.copysign(jnp.where(is_rest, _HALF_PI - angle, angle), x)


def _acos(x: jax.Array) -> jax.Array:
    angle, is_rest = _asin_or_rest(x)
    right = jnp.where(is_rest, angle, _HALF_PI - angle)
    left = jnp.where(is_rest, math.pi - angle, _HALF_PI + angle)
    return jnp.where(jnp.signbit(x), left, right)


def _rem(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.copysign(x - jnp.trunc(x / y) * y, x)


def _is_near(x: jax.Array) -> jax.Array:
    return jnp.max(jnp.abs(x)) < np.float32(_FARTHEST)


def _is_finite(*xs: jax.Array) -> jax.Array:
    return jnp.stack([jnp.max(jnp.abs(x)) for x in xs]).max() < np.float32(np.inf)


def _divides_shortly(x: jax.Array, y: jax.Array) -> jax.Array:
    """Whether the quotients have at most 28 bits, so that float64 holds them times y; nothing is infinite."""
    times = jnp.max(jnp.abs(x / y))
    return (times < np.float32(2.0**28)) & (jnp.max(jnp.abs(y)) < np.float32(np.inf))


_FUNCTIONS: dict[str, tuple[Any, Any, Any]] = {
    "sin": (jnp.sin, _sin, _is_near),
    "cos": (jnp.cos, _cos, _is_near),
    "tan": (jnp.tan, _tan, _is_near),
    "asin": (jnp.arcsin, _asin, None),
    "acos": (jnp.arccos, _acos, None),
    "atan": (jnp.arctan, _atan, None),
    "atan2": (lax.atan2, _atan2, _is_finite),
    "rem": (lax.rem, _rem, _divides_shortly),
}
"""XLA's function, that by float64, and when it may be used (None: always)."""

vectorised_p = Primitive("vectorised")


def _apply(name: str, *xs: jax.Array) -> jax.Array:
    is_float32 = all(x.dtype == np.float32 and x.shape == xs[0].shape for x in xs)
    if xs[0].size < _MANY or not is_float32:
        return _FUNCTIONS[name][0](*xs)
    return vectorised_p.bind(*xs, name=name)


sin, cos, tan = partial(_apply, "sin"), partial(_apply, "cos"), partial(_apply, "tan")
asin, acos, atan = partial(_apply, "asin"), partial(_apply, "acos"), partial(_apply, "atan")
atan2, rem = partial(_apply, "atan2"), partial(_apply, "rem")


def _plain(*xs: jax.Array, name: str) -> jax.Array:
    return _FUNCTIONS[name][0](*xs)


def _on_cpu(*xs: jax.Array, name: str) -> jax.Array:
    plain, fast, may_be_used = _FUNCTIONS[name]

    def by_float64(*xs: jax.Array) -> jax.Array:
        with jax.enable_x64(True):
            wide = fast(*[lax.convert_element_type(x, np.dtype(np.float64)) for x in xs])
            return lax.convert_element_type(wide, np.dtype(np.float32))

    return by_float64(*xs) if may_be_used is None else lax.cond(may_be_used(*xs), by_float64, plain, *xs)


@partial(jax.jit, static_argnames="name")
def _compiled(*xs: jax.Array, name: str) -> jax.Array:
    return vectorised_p.bind(*xs, name=name)


def _jvp(primals: Sequence[Any], tangents: Sequence[Any], *, name: str) -> tuple[Any, Any]:
    y = vectorised_p.bind(*primals, name=name)
    total: Any = None
    for place, change in enumerate(tangents):
        if type(change) is ad.Zero:
            continue
        term = change * _slope(name, place, y, *primals)
        total = term if total is None else total + term
    return y, jnp.zeros_like(y) if total is None else total


def _slope(name: str, place: int, y: jax.Array, *xs: jax.Array) -> jax.Array:
    """The derivative by one of the arguments: JAX's."""
    x = xs[0]
    one = jnp.ones_like(x)
    if name in ("sin", "cos"):
        return cos(x) if name == "sin" else -sin(x)
    if name == "tan":
        return one + y * y
    if name == "atan":
        return one / (one + x * x)
    if name in ("asin", "acos"):
        slope = lax.rsqrt(one - x * x)
        return slope if name == "asin" else -slope
    if name == "atan2":
        squares = x * x + xs[1] * xs[1]
        return xs[1] / squares if place == 0 else -x / squares
    return one if place == 0 else -jnp.trunc(x / xs[1])


def _batch(xs: Sequence[Any], places: Sequence[Any], *, name: str) -> tuple[Any, int]:
    """All examples at once, so that one of them decides for all whether float64 will do."""
    moved = [x if place is None else jnp.moveaxis(x, place, 0) for x, place in zip(xs, places, strict=True)]
    return vectorised_p.bind(*jnp.broadcast_arrays(*moved), name=name), 0


vectorised_p.def_impl(_compiled)
vectorised_p.def_abstract_eval(lambda *xs, name: max(xs, key=lambda one: len(getattr(one, "vma", ()))))
ad.primitive_jvps[vectorised_p] = _jvp
batching.primitive_batchers[vectorised_p] = _batch
mlir.register_lowering(vectorised_p, mlir.lower_fun(_plain, multiple_results=False))
mlir.register_lowering(vectorised_p, mlir.lower_fun(_on_cpu, multiple_results=False), platform="cpu")
