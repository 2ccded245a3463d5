"""Bessel and Airy functions and erfcx (torch.special), by Cephes' approximations, which PyTorch uses too."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special as jsp

from fnnet.functional import bessel_coefficients as given
from fnnet.functional.dtypes import to_floating
from fnnet.functional.operation import operation

__all__ = [
    "airy_ai",
    "bessel_j0",
    "bessel_j1",
    "bessel_y0",
    "bessel_y1",
    "erfcx",
    "modified_bessel_i0",
    "modified_bessel_i1",
    "modified_bessel_k0",
    "modified_bessel_k1",
    "scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1",
    "spherical_bessel_j0",
]

Function = Callable[[jax.Array], jax.Array]


def _polynomial(z: jax.Array, coefficients: Sequence[float]) -> jax.Array:
    total = jnp.zeros_like(z)
    for one in coefficients:
        total = total * z + one
    return total


def _ratio(z: jax.Array, above: Sequence[float], below: Sequence[float]) -> jax.Array:
    return _polynomial(z, above) / _polynomial(z, below)


def _chebyshev(z: jax.Array, coefficients: Sequence[float]) -> jax.Array:
    """Clenshaw's sum, with half of the last coefficient."""
    before = p = jnp.zeros_like(z)
    total = jnp.full_like(z, coefficients[0])
    for one in coefficients[1:]:
        p, before = before, total
        total = z * before - p + one
    return (total - p) / 2


def _far(x: jax.Array, order: int, cosine: Function, sine: Function, sign: int) -> jax.Array:
    """For x > 5: an oscillation sqrt(2 / (pi x)) (P cos(x - shift) -+ 5 / x Q sin(x - shift))."""
    tables = (given.J0_PP, given.J0_PQ, given.J0_QP, given.J0_QQ)
    if order:
        tables = (given.J1_PP, given.J1_PQ, given.J1_QP, given.J1_QQ)
    z = jnp.square(5 / x)
    p, q = _ratio(z, *tables[:2]), _ratio(z, *tables[2:])
    at = x - (2 * order + 1) * math.pi / 4
    return (p * cosine(at) + sign * 5 / x * q * sine(at)) * math.sqrt(2 / math.pi) / jnp.sqrt(x)


def _j0(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    z = jnp.square(size)
    near = (z - 5.78318596294678452118) * (z - 30.4712623436620863991) * _ratio(z, given.J0_RP, given.J0_RQ)
    far = _far(jnp.maximum(size, 5), 0, jnp.cos, jnp.sin, -1)
    return jnp.where(size < 1e-5, 1 - z / 4, jnp.where(size <= 5, near, far))


def _j1(x: jax.Array) -> jax.Array:
    size = jnp.abs(x)
    z = jnp.square(size)
    near = _ratio(z, given.J1_RP, given.J1_RQ) * size
    near = near * (z - 14.6819706421238932572) * (z - 49.2184563216946036703)
    far = _far(jnp.maximum(size, 5), 1, jnp.cos, jnp.sin, -1)
    return jnp.sign(x) * jnp.where(size <= 5, near, far)


def _second_kind(x: jax.Array, near: jax.Array, order: int) -> jax.Array:
    far = _far(jnp.maximum(x, 5), order, jnp.sin, jnp.cos, 1)
    made = jnp.where(x <= 5, near, far)
    return jnp.where(x == 0, -jnp.inf, jnp.where(x < 0, jnp.nan, made)).astype(x.dtype)


def _y0(x: jax.Array) -> jax.Array:
    safe = jnp.where(x > 0, x, 1)
    near = _ratio(jnp.square(safe), given.Y0_YP, given.Y0_YQ) + 2 / math.pi * jnp.log(safe) * _j0(safe)
    return _second_kind(x, near, 0)


def _y1(x: jax.Array) -> jax.Array:
    safe = jnp.where(x > 0, x, 1)
    near = safe * _ratio(jnp.square(safe), given.Y1_YP, given.Y1_YQ)
    near = near + 2 / math.pi * (_j1(safe) * jnp.log(safe) - 1 / safe)
    return _second_kind(x, near, 1)


def _modified_second_kind(x: jax.Array, order: int, scaled: bool) -> jax.Array:
    safe = jnp.where(x > 0, x, 1)
    if order:
        low = _chebyshev(jnp.square(safe) - 2, given.K1_A) / safe + jnp.log(safe / 2) * jsp.i1(safe)
    else:
        low = _chebyshev(jnp.square(safe) - 2, given.K0_A) - jnp.log(safe / 2) * jsp.i0(safe)
    high = _chebyshev(8 / safe - 2, given.K1_B if order else given.K0_B) / jnp.sqrt(safe)
    made = jnp.where(safe <= 2, low * jnp.exp(jnp.minimum(safe, 2)), high)
    made = made if scaled else made * jnp.exp(-safe)
    return jnp.where(x == 0, jnp.inf, jnp.where(x > 0, made, jnp.nan)).astype(x.dtype)


def _k0(x: jax.Array) -> jax.Array:
    return _modified_second_kind(x, 0, False)


def _k1(x: jax.Array) -> jax.Array:
    return _modified_second_kind(x, 1, False)


def _scaled_k0(x: jax.Array) -> jax.Array:
    return _modified_second_kind(x, 0, True)


def _scaled_k1(x: jax.Array) -> jax.Array:
    return _modified_second_kind(x, 1, True)


def _spherical_j0(x: jax.Array) -> jax.Array:
    z = jnp.square(x)
    near = _polynomial(z, [(-1) ** k / math.factorial(2 * k + 1) for k in range(6, -1, -1)])
    safe = jnp.where(jnp.abs(x) < 0.5, 1, x)
    return jnp.where(jnp.abs(x) < 0.5, near, jnp.where(jnp.isinf(x), 0, jnp.sin(safe) / safe))


def _airy(x: jax.Array) -> jax.Array:
    below = jnp.where(x < -2.09, -x, 2.09)
    zeta = 2 * below * jnp.sqrt(below) / 3
    z = jnp.square(1 / zeta)
    angle = zeta + math.pi / 4
    waves = jnp.sin(angle) * (1 + z * _ratio(z, given.AIRY_AFN, given.AIRY_AFD))
    waves = waves - jnp.cos(angle) * (_ratio(z, given.AIRY_AGN, given.AIRY_AGD) / zeta)
    waves = waves / math.sqrt(math.pi) / jnp.sqrt(jnp.sqrt(below))
    above = jnp.where(x >= 2.09, x, 2.09)
    zeta = 2 * above * jnp.sqrt(above) / 3
    falling = _ratio(1 / zeta, given.AIRY_AN, given.AIRY_AD) / math.sqrt(math.pi)
    falling = falling / (2 * jnp.sqrt(jnp.sqrt(above)) * jnp.exp(zeta))
    middle = jnp.where(jnp.abs(x) <= 2.09, x, 0)
    cube = middle**3
    f = m = jnp.ones_like(x)
    g = n = middle
    for k in range(1, 15):  # the power series, to the last digit of float64
        m = m * cube / ((3 * k - 1) * (3 * k))
        n = n * cube / ((3 * k) * (3 * k + 1))
        f, g = f + m, g + n
    series = 0.355028053887817239260 * f - 0.258819403792806798405 * g
    made = jnp.where(x < -2.09, waves, jnp.where(x >= 2.09, falling, series))
    return jnp.where(jnp.isinf(x) | jnp.isnan(x), jnp.nan, jnp.where(x > 103.892, 0, made)).astype(x.dtype)


def _erfcx(x: jax.Array) -> jax.Array:
    # exp(x^2) erfc(x), and where erfc has no digits left the continued fraction.
    size = jnp.abs(x)
    near = jnp.minimum(size, 4)
    low = jnp.exp(jnp.square(near)) * lax.erfc(near)
    far = jnp.maximum(size, 4)
    tail = far
    for k in range(40, 0, -1):
        tail = far + (k / 2) / tail
    made = jnp.where(size <= 4, low, 1 / math.sqrt(math.pi) / tail)
    made = jnp.where(jnp.isinf(size), 0, made)
    return jnp.where(x < 0, 2 * jnp.exp(jnp.square(x)) - made, made)


def _declared(
    name: str, function: Function, derivative: Function, doc: str, grad_fn: str | None = None
) -> Any:
    @jax.custom_jvp
    def smooth(x: jax.Array) -> jax.Array:
        return function(x)

    @smooth.defjvp
    def jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
        (x,) = primals
        return smooth(x), tangents[0] * derivative(x)

    def apply(input: jax.Array) -> jax.Array:
        return smooth(to_floating(input))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = doc
    return operation("special", grad_fn=grad_fn, promote=("input",), to_float=True)(apply)


bessel_j0 = _declared(
    "bessel_j0", _j0, lambda x: -_j1(x), "The Bessel function of the first kind of order 0."
)
bessel_j1 = _declared(
    "bessel_j1", _j1, lambda x: _j0(x) - _over(_j1(x), x), "The Bessel function of the first kind of order 1."
)
bessel_y0 = _declared(
    "bessel_y0", _y0, lambda x: -_y1(x), "The Bessel function of the second kind of order 0."
)
bessel_y1 = _declared(
    "bessel_y1", _y1, lambda x: _y0(x) - _y1(x) / x, "The Bessel function of the second kind of order 1."
)
modified_bessel_i0 = _declared(
    "modified_bessel_i0", jsp.i0, jsp.i1, "The modified Bessel function of the first kind of order 0."
)
modified_bessel_i1 = _declared(
    "modified_bessel_i1",
    jsp.i1,
    lambda x: jsp.i0(x) - _over(jsp.i1(x), x),
    "The modified Bessel function of the first kind of order 1.",
)
modified_bessel_k0 = _declared(
    "modified_bessel_k0",
    _k0,
    lambda x: -_k1(x),
    "The modified Bessel function of the second kind of order 0.",
)
modified_bessel_k1 = _declared(
    "modified_bessel_k1",
    _k1,
    lambda x: -_k0(x) - _k1(x) / x,
    "The modified Bessel function of the second kind of order 1.",
)
scaled_modified_bessel_k0 = _declared(
    "scaled_modified_bessel_k0", _scaled_k0, lambda x: _scaled_k0(x) - _scaled_k1(x), "exp(x) K_0(x)."
)
scaled_modified_bessel_k1 = _declared(
    "scaled_modified_bessel_k1",
    _scaled_k1,
    lambda x: _scaled_k1(x) - _scaled_k0(x) - _scaled_k1(x) / x,
    "exp(x) K_1(x).",
)
spherical_bessel_j0 = _declared(
    "spherical_bessel_j0",
    _spherical_j0,
    lambda x: jnp.where(jnp.abs(x) < 1e-2, -x / 3 + x**3 / 30, _over(jnp.cos(x) - _spherical_j0(x), x)),
    "sin(x) / x.",
)
airy_ai = _declared(
    "airy_ai", _airy, lambda x: jax.jvp(_airy, (x,), (jnp.ones_like(x),))[1], "The Airy function Ai."
)
erfcx = _declared(
    "erfcx",
    _erfcx,
    lambda x: 2 * x * _erfcx(x) - 2 / math.sqrt(math.pi),
    "exp(x^2) erfc(x), without overflow.",
    "SpecialErfcxBackward0",
)


def _over(y: jax.Array, x: jax.Array) -> jax.Array:
    """Y / x for an odd function of slope 1/2 at 0."""
    return jnp.where(x == 0, 0.5, y / jnp.where(x == 0, 1, x)).astype(x.dtype)
