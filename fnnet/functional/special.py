"""Special functions: the error function and its kin, the gamma function and its kin, logarithmic sums."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special as jsp

from fnnet.functional.dtypes import is_number, pair, to_floating
from fnnet.functional.elementary import _elementwise
from fnnet.functional.half import once_rounded
from fnnet.functional.operation import operation

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfinv",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "igamma",
    "igammac",
    "lgamma",
    "log_ndtr",
    "logaddexp",
    "logaddexp2",
    "logit",
    "mvlgamma",
    "ndtr",
    "ndtri",
    "polygamma",
    "xlog1py",
    "xlogy",
    "zeta",
]

_BINARY: dict[str, Any] = {"promote": ("input", "other"), "to_float": True}


# XLA's float32 result is good to 1e-6, which the derivative near 1 and -1 multiplies; like PyTorch's, it is
# corrected by Newton's method.
@jax.custom_jvp
def _erf_inv(x: jax.Array) -> jax.Array:
    if x.dtype != jnp.float32:
        return lax.erf_inv(x)
    size = jnp.abs(x)
    y = lax.erf_inv(size)
    off = jnp.where(size > 0.5, (1 - size) - lax.erfc(y), lax.erf(y) - size)
    step = off / (2 / math.sqrt(math.pi) * jnp.exp(-jnp.square(y)))
    return jnp.copysign(jnp.where(jnp.isfinite(step), y - step, y), x)


@_erf_inv.defjvp
def _erf_inv_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    y = _erf_inv(*primals)
    return y, tangents[0] * (math.sqrt(math.pi) / 2 * jnp.exp(jnp.square(y)))


erf = _elementwise("erf", lax.erf, "ErfBackward0", "The error function.")
erfc = _elementwise("erfc", lax.erfc, "ErfcBackward0", "1 - erf(input), exact for large inputs.")
erfinv = _elementwise("erfinv", _erf_inv, "ErfinvBackward0", "The inverse of erf; infinite at -1 and 1.")


# JAX's derivative of i0 at 0 is not 0, and its polygamma of order 1 loses all digits left of 0.
@jax.custom_jvp
def _i0(x: jax.Array) -> jax.Array:
    return jsp.i0(x)


@jax.custom_jvp
def _i1(x: jax.Array) -> jax.Array:
    return jsp.i1(x)


def _i1_slope(g: jax.Array, answer: jax.Array, x: jax.Array) -> jax.Array:
    zero = x == 0
    return g * jnp.where(zero, 0.5, _i0(x) - answer / jnp.where(zero, jnp.ones_like(x), x))


_i0.defjvps(lambda g, answer, x: g * _i1(x))
_i1.defjvps(_i1_slope)


def _trigamma(x: jax.Array) -> jax.Array:
    left = x < 0.5
    right = lax.polygamma(jnp.ones_like(x), jnp.where(left, 1 - x, x))
    sine = jnp.sin(jnp.pi * jnp.where(left, x, jnp.full_like(x, 0.5)))
    right = jnp.where(jnp.isposinf(x), 0, right)
    return jnp.where(left, (jnp.pi / sine) ** 2 - right, right)


i0 = _elementwise("i0", _i0, "I0Backward0", "The modified Bessel function of order 0.")


@jax.custom_jvp
def _digamma(x: jax.Array) -> jax.Array:
    # At 0 PyTorch gives the limit from the side of the zero's sign, at negative integers NaN.
    return jnp.where(x == 0, jnp.copysign(jnp.asarray(jnp.inf, x.dtype), -x), lax.digamma(x))


@jax.custom_jvp
def _lgamma(x: jax.Array) -> jax.Array:
    return lax.lgamma(x)


lgamma = _elementwise("lgamma", _lgamma, "LgammaBackward0", "The logarithm of |gamma(input)|.")
_lgamma.defjvps(lambda g, answer, x: g * _digamma(x))
_digamma.defjvps(lambda g, answer, x: g * _trigamma(x))

digamma = _elementwise("digamma", _digamma, "DigammaBackward0", "The derivative of lgamma.")


def _special(name: str, function: Any, grad_fn: str, doc: str) -> Any:
    function = once_rounded(function)

    def apply(input: jax.Array) -> jax.Array:
        return function(to_floating(input))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = doc
    return operation("special", grad_fn=grad_fn, promote=("input",), to_float=True)(apply)


i0e = _special("i0e", jsp.i0e, "SpecialI0EBackward0", "i0 scaled by exp(-|input|).")
i1 = _special("i1", _i1, "SpecialI1Backward0", "The modified Bessel function of order 1.")
i1e = _special("i1e", jsp.i1e, "SpecialI1EBackward0", "i1 scaled by exp(-|input|).")
entr = _special("entr", jsp.entr, "SpecialEntrBackward0", "-x log(x), 0 at 0, minus infinity below.")
ndtr = _special("ndtr", jsp.ndtr, "SpecialNdtrBackward0", "The normal distribution function.")


@jax.custom_jvp
def _ndtri(x: jax.Array) -> jax.Array:
    return jsp.ndtri(x)


# JAX's derivative is 0 at 0 and 1, where the function is infinite.
_ndtri.defjvps(lambda g, answer, x: g * (math.sqrt(2 * math.pi) * jnp.exp(jnp.square(answer) / 2)))
ndtri = _special("ndtri", _ndtri, "SpecialNdtriBackward0", "The inverse of ndtr.")
log_ndtr = _special("log_ndtr", jsp.log_ndtr, "SpecialLogNdtrBackward0", "The logarithm of ndtr.")


@jax.custom_jvp
def _logit(x: jax.Array) -> jax.Array:
    return jnp.log(x / (1 - x))


# NaN outside [0, 1], infinite at the ends.
_logit.defjvps(lambda g, answer, x: g * jnp.where((x < 0) | (x > 1), jnp.nan, 1 / (jnp.abs(x) * (1 - x))))


@operation("torch", "Tensor", in_place=True, grad_fn="LogitBackward0", to_float=True)
def logit(input: jax.Array, eps: float | None = None) -> jax.Array:
    """log(x / (1 - x)), with the input first bounded to [eps, 1 - eps] where eps is given."""
    x = to_floating(input)
    if eps is None:
        return _logit(x)
    inside = (x >= eps) & (x <= 1 - eps)
    return _logit(jnp.where(inside, x, lax.stop_gradient(jnp.clip(x, eps, 1 - eps))))


def _paired(input: Any, other: Any) -> tuple[jax.Array, jax.Array]:
    """Two floating arrays of one shape and dtype; a number takes the dtype of the array beside it."""
    if not is_number(input):
        input = to_floating(input)
    if not is_number(other):
        other = to_floating(other)
    return pair(input, other)


# 0 log(0) and its derivative by the first argument are 0, where JAX gives an infinite derivative.
@jax.custom_jvp
def _xlogy(x: jax.Array, y: jax.Array) -> jax.Array:
    product = x * jnp.log(jnp.where(x == 0, jnp.ones_like(y), y))
    return jnp.where(jnp.isnan(y), y, jnp.where(x == 0, jnp.zeros_like(x), product))


def _xlogy_by_x(g: jax.Array, answer: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    flat = (x == 0) & (y <= 0)
    return g * jnp.where(flat, 0, jnp.log(jnp.where(flat, jnp.ones_like(y), y)))


_xlogy.defjvps(_xlogy_by_x, lambda g, answer, x, y: g * (x / y))


@jax.custom_jvp
def _xlog1py(x: jax.Array, y: jax.Array) -> jax.Array:
    product = x * jnp.log1p(jnp.where(x == 0, jnp.zeros_like(y), y))
    return jnp.where(jnp.isnan(y), y, jnp.where(x == 0, jnp.zeros_like(x), product))


def _xlog1py_by_x(g: jax.Array, answer: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    flat = (x == 0) & (y <= -1)
    return g * jnp.where(flat, 0, jnp.log1p(jnp.where(flat, jnp.zeros_like(y), y)))


_xlog1py.defjvps(_xlog1py_by_x, lambda g, answer, x, y: g * (x / (y + 1)))


@operation("torch", "Tensor", "special", in_place=True, grad_fn="XlogyBackward0", **_BINARY)
def xlogy(input: Any, other: Any) -> jax.Array:
    """Input times log(other); 0 where input is 0 (unless other is NaN), and so is the derivative by input.

    Differs from PyTorch: a gradient of zero times a logarithm that is not finite is NaN, as always in JAX,
    and not zero; the same holds for xlog1py.
    """
    return _xlogy(*_paired(input, other))


@operation("special", grad_fn="SpecialXlog1PyBackward0", **_BINARY)
def xlog1py(input: Any, other: Any) -> jax.Array:
    """Input times log1p(other); 0 where input is 0 (unless other is NaN)."""
    return _xlog1py(*_paired(input, other))


# Beside an infinity the smaller one's derivative is 0, where JAX gives exp of it.
@jax.custom_jvp
def _logaddexp(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.logaddexp(x, y)


@jax.custom_jvp
def _logaddexp2(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.logaddexp2(x, y)


_logaddexp.defjvps(
    lambda g, answer, x, y: g / (1 + jnp.exp(y - x)),
    lambda g, answer, x, y: g / (1 + jnp.exp(x - y)),
)
_logaddexp2.defjvps(
    lambda g, answer, x, y: g / (1 + jnp.exp2(y - x)),
    lambda g, answer, x, y: g / (1 + jnp.exp2(x - y)),
)


@operation("torch", "Tensor", grad_fn="LogaddexpBackward0", promote=_BINARY["promote"])
def logaddexp(input: jax.Array, other: jax.Array) -> jax.Array:
    """log(exp(input) + exp(other)), without overflow."""
    return _logaddexp(*_paired(input, other))


@operation("torch", "Tensor", grad_fn="Logaddexp2Backward0", promote=_BINARY["promote"])
def logaddexp2(input: jax.Array, other: jax.Array) -> jax.Array:
    """log2(2**input + 2**other), without overflow."""
    return _logaddexp2(*_paired(input, other))


def _at_ends(function: Any, a: jax.Array, x: jax.Array, at_zero: float) -> jax.Array:
    """An incomplete gamma function with its limits at 0 and infinity; `at_zero` is its value at x = 0."""
    a, x = jnp.broadcast_arrays(a, x)
    none = (a < 0) | (x < 0) | (jnp.isinf(a) & jnp.isinf(x)) | ((a == 0) & ~(x > 0))
    end = (a == 0) | (x == 0) | jnp.isinf(a) | jnp.isinf(x)
    one = jnp.ones_like(a)
    inner = function(jnp.where(end | none, one, a), jnp.where(end | none, one, x))
    low = jnp.full_like(a, at_zero)
    limit = jnp.where((a == 0) | (jnp.isinf(x) & ~(x == 0)), 1 - low, low)
    return jnp.where(none, jnp.full_like(a, jnp.nan), jnp.where(end, limit, inner))


@operation("torch", "Tensor", grad_fn="IgammaBackward0", in_place=True, promote=_BINARY["promote"])
def igamma(input: jax.Array, other: jax.Array) -> jax.Array:
    """The regularised lower incomplete gamma function of order input at other."""
    return _at_ends(lax.igamma, *_paired(input, other), 0.0)


@operation("torch", "Tensor", grad_fn="IgammacBackward0", in_place=True, promote=_BINARY["promote"])
def igammac(input: jax.Array, other: jax.Array) -> jax.Array:
    """1 - igamma(input, other)."""
    return _at_ends(lax.igammac, *_paired(input, other), 1.0)


# JAX's zeta is wrong left of 0, so that the argument is first carried to the right by the recurrence.
@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _polygamma(n: int, x: jax.Array) -> jax.Array:
    if n == 1:
        return _trigamma(x)

    def further(state: tuple[jax.Array, jax.Array, jax.Array]) -> jax.Array:
        return jnp.any(state[0] <= 0) & (state[2] < 10_000)

    def step(state: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array, jax.Array]:
        y, total, turn = state
        left = y <= 0
        return jnp.where(left, y + 1, y), total + jnp.where(left, y ** -(n + 1), 0), turn + 1

    y, total, _ = lax.while_loop(further, step, (x, jnp.zeros_like(x), jnp.zeros((), jnp.int32)))
    series = total + lax.zeta(jnp.full_like(y, n + 1), jnp.where(y > 0, y, jnp.nan))
    return (1 if n % 2 else -1) * math.factorial(n) * series


@_polygamma.defjvp
def _polygamma_jvp(n: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    return _polygamma(n, primals[0]), tangents[0] * _polygamma(n + 1, primals[0])


@operation("torch", grad_fn="PolygammaBackward0", to_float=True)
@once_rounded
def polygamma(n: int, input: jax.Array) -> jax.Array:
    """The n-th derivative of digamma. Raises RuntimeError for a negative n."""
    if n < 0:
        raise RuntimeError(f"polygamma(n, x) does not support negative n, but got {n}")
    x = to_floating(input)
    return digamma(x) if n == 0 else _polygamma(n, x)


@operation("torch", "Tensor", in_place=True, grad_fn="MvlgammaBackward0", to_float=True)
@once_rounded
def mvlgamma(input: jax.Array, p: int) -> jax.Array:
    """The logarithm of the gamma function of dimension p. Raises RuntimeError for p < 1."""
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    x = to_floating(input)
    terms = lax.lgamma(x[..., None] - jnp.arange(p, dtype=x.dtype) / 2)
    return terms.sum(-1) + p * (p - 1) / 4 * jnp.log(jnp.asarray(jnp.pi, x.dtype))


@operation("special", **_BINARY)
def zeta(input: Any, other: Any) -> jax.Array:
    """The Hurwitz zeta function."""
    s, q = _paired(input, other)
    pole = (s == 1) | ((q <= 0) & (q == jnp.floor(q)))
    return lax.stop_gradient(jnp.where(s < 1, jnp.nan, jnp.where(pole, jnp.inf, lax.zeta(s, q))))
