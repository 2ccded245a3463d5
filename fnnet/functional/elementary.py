"""Functions of one element at a time: signs, roundings, roots, exponentials, trigonometry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional import exact_powers, vectorised
from fnnet.functional.dtypes import (
    index_dtype,
    is_bool,
    is_complex,
    is_integral,
    is_number,
    pair,
    to_floating,
)
from fnnet.functional.half import once_rounded
from fnnet.functional.operation import operation

__all__ = [
    "abs",
    "acos",
    "acosh",
    "angle",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "ceil",
    "conj",
    "copysign",
    "cos",
    "cosh",
    "deg2rad",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "frac",
    "heaviside",
    "hypot",
    "imag",
    "log",
    "log1p",
    "log2",
    "log10",
    "nan_to_num",
    "neg",
    "positive",
    "rad2deg",
    "real",
    "reciprocal",
    "round",
    "rsqrt",
    "sgn",
    "sign",
    "signbit",
    "sin",
    "sinc",
    "sinh",
    "sqrt",
    "square",
    "tan",
    "trunc",
]

Elementwise = Callable[[jax.Array], jax.Array]


def _elementwise(
    name: str, function: Elementwise, grad_fn: str, doc: str, *, aliases: tuple[str, ...] = ()
) -> Elementwise:
    """Declare a function of one floating argument; integers become float32 first."""
    function = once_rounded(function)

    def apply(input: jax.Array) -> jax.Array:
        return function(to_floating(input))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = doc
    declare = operation(
        "torch", "Tensor", in_place=True, grad_fn=grad_fn, promote=("input",), to_float=True, aliases=aliases
    )
    return declare(apply)


exp = _elementwise("exp", jnp.exp, "ExpBackward0", "e to the power of the input.")
exp2 = _elementwise("exp2", exact_powers.exp2, "Exp2Backward0", "2 to the power of the input.")
expm1 = _elementwise("expm1", jnp.expm1, "Expm1Backward0", "exp(input) - 1, exact near 0.")
log = _elementwise("log", jnp.log, "LogBackward0", "The natural logarithm.")
log1p = _elementwise("log1p", jnp.log1p, "Log1PBackward0", "log(1 + input), exact near 0.")
log2 = _elementwise("log2", jnp.log2, "Log2Backward0", "The logarithm of base 2.")
log10 = _elementwise("log10", jnp.log10, "Log10Backward0", "The logarithm of base 10.")
sqrt = _elementwise("sqrt", jnp.sqrt, "SqrtBackward0", "The square root; its derivative at 0 is infinite.")


@jax.custom_jvp
def _rsqrt(x: jax.Array) -> jax.Array:
    return lax.rsqrt(x)


# By the result, as PyTorch does: the sign at -0.0 follows.
_rsqrt.defjvps(lambda g, answer, x: g * (-0.5 * answer * answer * answer))

rsqrt = _elementwise("rsqrt", _rsqrt, "RsqrtBackward0", "One over the square root.")
reciprocal = _elementwise("reciprocal", jnp.reciprocal, "ReciprocalBackward0", "One over the input.")
sin = _elementwise("sin", vectorised.sin, "SinBackward0", "The sine.")
cos = _elementwise("cos", vectorised.cos, "CosBackward0", "The cosine.")
tan = _elementwise("tan", vectorised.tan, "TanBackward0", "The tangent.")
sinh = _elementwise("sinh", jnp.sinh, "SinhBackward0", "The hyperbolic sine.")
cosh = _elementwise("cosh", jnp.cosh, "CoshBackward0", "The hyperbolic cosine.")
asin = _elementwise("asin", vectorised.asin, "AsinBackward0", "The inverse sine.", aliases=("arcsin",))
acos = _elementwise("acos", vectorised.acos, "AcosBackward0", "The inverse cosine.", aliases=("arccos",))
atan = _elementwise("atan", vectorised.atan, "AtanBackward0", "The inverse tangent.", aliases=("arctan",))
asinh = _elementwise(
    "asinh", jnp.arcsinh, "AsinhBackward0", "The inverse hyperbolic sine.", aliases=("arcsinh",)
)


@jax.custom_jvp
def _acosh(x: jax.Array) -> jax.Array:
    return jnp.arccosh(x)


# Written out, because JAX's own rule differs between its versions left of 1.
_acosh.defjvps(
    lambda g, answer, x: g * (lax.rsqrt(x + 1) * lax.rsqrt(x - 1) if is_complex(x) else lax.rsqrt(x * x - 1))
)

acosh = _elementwise(
    "acosh", _acosh, "AcoshBackward0", "The inverse hyperbolic cosine.", aliases=("arccosh",)
)
atanh = _elementwise(
    "atanh", jnp.arctanh, "AtanhBackward0", "The inverse hyperbolic tangent.", aliases=("arctanh",)
)


@jax.custom_jvp
def _sinc(x: jax.Array) -> jax.Array:
    # Near 0 the branch not taken divides 0 by 0, so its argument is replaced before it.
    zero = x == 0
    angle = jnp.pi * jnp.where(zero, jnp.ones_like(x), x)
    return jnp.where(zero, jnp.ones_like(x), vectorised.sin(angle) / angle)


# PyTorch's quotient: of the two terms that JAX's derivative subtracts near 0 no digit is left.
def _sinc_jvp(change: jax.Array, answer: jax.Array, x: jax.Array) -> jax.Array:
    angle, divisor = jnp.pi * x, jnp.pi * x * x
    zero = divisor == 0
    slope = (angle * vectorised.cos(angle) - vectorised.sin(angle)) / jnp.where(zero, 1, divisor)
    return change * jnp.where(zero, 0, slope)


_sinc.defjvps(_sinc_jvp)


sinc = _elementwise("sinc", _sinc, "SincBackward0", "sin(pi x) / (pi x), 1 at 0, where its derivative is 0.")
deg2rad = _elementwise("deg2rad", lambda x: x * (jnp.pi / 180), "Deg2RadBackward0", "Degrees in radians.")
rad2deg = _elementwise("rad2deg", lambda x: x * (180 / jnp.pi), "Rad2DegBackward0", "Radians in degrees.")


# The derivative at 0 is 0, where JAX gives 1.
@jax.custom_jvp
def _magnitude(x: jax.Array) -> jax.Array:
    return jnp.abs(x)


@_magnitude.defjvp
def _magnitude_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    (x,), (g,) = primals, tangents
    if is_complex(x):
        return _magnitude(x), jnp.real(jnp.conj(sgn(x)) * g)
    return _magnitude(x), g * sgn(x)


@operation("torch", "Tensor", in_place=True, grad_fn="AbsBackward0", aliases=("absolute",))
def abs(input: jax.Array) -> jax.Array:
    """The absolute value; its derivative at 0 is 0."""
    return jnp.abs(input) if is_integral(input) else _magnitude(jnp.asarray(input))


@operation("torch", "Tensor", in_place=True, grad_fn="SgnBackward0")
def sgn(input: jax.Array) -> jax.Array:
    """The sign, for a complex number input / |input|; 0 at 0."""
    input = jnp.asarray(input)
    if is_complex(input):
        zero = input == 0
        safe = jnp.where(zero, jnp.ones_like(input), input)
        return jnp.where(zero, 0, safe / jnp.abs(safe).astype(safe.dtype))
    return sign(input)


@operation("torch", "Tensor", in_place=True, grad_fn="SignBackward0")
def sign(input: jax.Array) -> jax.Array:
    """-1, 0 or 1; 0 for NaN, as PyTorch gives on a CPU. Raises RuntimeError for complex numbers."""
    if is_complex(input):
        raise RuntimeError("sign: Unlike NumPy, torch.sign doesn't support complex numbers; use torch.sgn")
    input = jnp.asarray(input)
    if is_bool(input):
        return input
    return jnp.sign(input) if is_integral(input) else jnp.where(jnp.isnan(input), 0, jnp.sign(input))


@operation("torch", "Tensor")
def signbit(input: jax.Array) -> jax.Array:
    """Whether the sign bit is set (also of -0.0)."""
    return (
        input < 0
        if is_integral(input) and not is_bool(input)
        else (jnp.zeros_like(input) if is_bool(input) else jnp.signbit(input))
    )


@operation("torch", "Tensor", in_place=True, grad_fn="NegBackward0", aliases=("negative",))
def neg(input: jax.Array) -> jax.Array:
    """Minus the input. Raises RuntimeError for booleans."""
    if is_bool(input):
        raise RuntimeError(
            "neg: Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert "
            "a mask, use the `~` or `logical_not()` operator instead."
        )
    return jnp.negative(input)


@operation("torch", "Tensor")
def positive(input: jax.Array) -> jax.Array:
    """The input itself. Raises RuntimeError for booleans."""
    if is_bool(input):
        raise RuntimeError("positive: The `+` operator, on a bool tensor is not supported.")
    return jnp.asarray(input)


@operation("torch", "Tensor", in_place=True, grad_fn="PowBackward0")
def square(input: jax.Array) -> jax.Array:
    """Input times itself; booleans count as int64."""
    return jnp.square(input.astype(index_dtype()) if is_bool(input) else input)


def _rounding(name: str, function: Elementwise, grad_fn: str, doc: str, **aliases: Any) -> Elementwise:
    """Declare a rounding: integers stay, the derivative is 0 everywhere."""

    def apply(input: jax.Array) -> jax.Array:
        return jnp.asarray(input) if is_integral(input) else function(jnp.asarray(input))

    apply.__name__ = apply.__qualname__ = name
    apply.__doc__ = doc
    return operation("torch", "Tensor", in_place=True, grad_fn=grad_fn, **aliases)(apply)


floor = _rounding("floor", jnp.floor, "FloorBackward0", "The largest integer not above the input.")
ceil = _rounding("ceil", jnp.ceil, "CeilBackward0", "The smallest integer not below the input.")
trunc = _rounding("trunc", jnp.trunc, "TruncBackward0", "The integer part.", aliases=("fix",))


@operation("torch", "Tensor", in_place=True, grad_fn="FracBackward0")
def frac(input: jax.Array) -> jax.Array:
    """The fractional part, with the sign of the input."""
    return input - jnp.trunc(input)


@operation("torch", "Tensor", in_place=True, grad_fn="RoundBackward0")
def round(input: jax.Array, *, decimals: int = 0) -> jax.Array:
    """The nearest number of so many decimals, halves to even; the derivative is 0 everywhere."""
    if is_integral(input):
        if decimals:
            raise RuntimeError("round_cpu: decimals are not implemented for integer types")
        return jnp.asarray(input)
    if decimals == 0:
        return jnp.round(input)
    scale = 10.0 ** (decimals if decimals > 0 else -decimals)
    return jnp.round(input * scale) / scale if decimals > 0 else jnp.round(input / scale) * scale


@operation("torch", "Tensor", in_place=True, grad_fn="NanToNumBackward0")
def nan_to_num(
    input: jax.Array, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> jax.Array:
    """NaN replaced by `nan` (0), infinities by posinf and neginf (the dtype's largest and smallest)."""
    if is_integral(input):
        return jnp.asarray(input)
    return jnp.nan_to_num(input, nan=0.0 if nan is None else nan, posinf=posinf, neginf=neginf)


# At (0, 0) the derivatives are 0, where JAX gives NaN.
@jax.custom_jvp
def _atan2(y: jax.Array, x: jax.Array) -> jax.Array:
    return vectorised.atan2(y, x)


def _slope(part: jax.Array, y: jax.Array, x: jax.Array) -> jax.Array:
    squares = x * x + y * y
    origin = squares == 0
    return jnp.where(origin, 0, part / jnp.where(origin, jnp.ones_like(squares), squares))


_atan2.defjvps(
    lambda g, answer, y, x: g * _slope(x, y, x),
    lambda g, answer, y, x: g * -_slope(y, y, x),
)


@operation(
    "torch",
    "Tensor",
    in_place=True,
    grad_fn="Atan2Backward0",
    promote=("input", "other"),
    to_float=True,
    aliases=("arctan2",),
)
def atan2(input: jax.Array, other: jax.Array) -> jax.Array:
    """The angle of the point (other, input); the derivative at the origin is 0."""
    return _atan2(*pair(to_floating(input), to_floating(other)))


@jax.custom_jvp
def _hypot(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.hypot(x, y)


# NaN at the origin and 0 beside an infinity, where JAX gives a half and NaN.
_hypot.defjvps(
    lambda g, answer, x, y: g * (x / answer),
    lambda g, answer, x, y: g * (y / answer),
)


@operation("torch", "Tensor", in_place=True, grad_fn="HypotBackward0", promote=("input", "other"))
def hypot(input: jax.Array, other: jax.Array) -> jax.Array:
    """sqrt(input² + other²), without overflow in between."""
    return _hypot(*pair(input, other))


@jax.custom_jvp
def _with_sign(x: jax.Array, y: jax.Array) -> jax.Array:
    return jnp.copysign(x, y)


def _sign_ratio(g: jax.Array, answer: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
    zero = x == 0
    return g * jnp.where(zero, 0, answer / jnp.where(zero, jnp.ones_like(x), x))


# The derivative at 0 is 0.
_with_sign.defjvps(_sign_ratio, lambda g, answer, x, y: jnp.zeros_like(answer))


@operation(
    "torch", "Tensor", in_place=True, grad_fn="CopysignBackward0", promote=("input", "other"), to_float=True
)
def copysign(input: jax.Array, other: Any) -> jax.Array:
    """The magnitude of input with the sign of other."""
    return _with_sign(*pair(to_floating(input), other if is_number(other) else to_floating(other)))


@operation("torch", "Tensor", in_place=True, promote=("input", "values"))
def heaviside(input: jax.Array, values: jax.Array) -> jax.Array:
    """0 below 0, values at 0, 1 above."""
    x, at_zero = pair(input, values)
    zero = jnp.zeros_like(x)
    step = jnp.where(x > zero, jnp.ones_like(x), zero)
    return lax.stop_gradient(jnp.where(x == zero, at_zero, step))


@operation("torch", "Tensor", grad_fn="RealBackward0", view=True)
def real(input: jax.Array) -> jax.Array:
    """The real part."""
    return jnp.real(input)


@operation("torch", "Tensor", grad_fn="ImagBackward0", view=True)
def imag(input: jax.Array) -> jax.Array:
    """The imaginary part. Raises RuntimeError for real numbers."""
    if not is_complex(input):
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return jnp.imag(input)


@operation("torch", "Tensor", grad_fn="ConjBackward0", view=True)
def conj(input: jax.Array) -> jax.Array:
    """The complex conjugate; a real number itself."""
    return jnp.conj(input) if is_complex(input) else jnp.asarray(input)


@operation("torch", "Tensor", grad_fn="AngleBackward0", to_float=True)
def angle(input: jax.Array) -> jax.Array:
    """The angle in the complex plane: 0 or pi for real numbers, NaN for NaN; the derivative of these is 0."""
    x = to_floating(input)
    if is_complex(x):
        return atan2(jnp.imag(x), jnp.real(x))
    pi = jnp.where(x < 0, jnp.asarray(jnp.pi, x.dtype), jnp.zeros_like(x))
    return lax.stop_gradient(jnp.where(jnp.isnan(x), x, pi))
