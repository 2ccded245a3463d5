"""Comparison of elements, tests of elements, logic, and bits."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dtypes import is_bool, is_complex, is_integral, pair, scalar_name
from fnnet.functional.half import spread
from fnnet.functional.operation import operation

__all__ = [
    "allclose",
    "bitwise_and",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "eq",
    "equal",
    "ge",
    "gt",
    "isclose",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isneginf",
    "isposinf",
    "isreal",
    "le",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "lt",
    "ne",
    "where",
]

_BINARY: dict[str, Any] = {"in_place": True, "promote": ("input", "other")}


@operation("torch", "Tensor", **_BINARY)
def eq(input: jax.Array, other: Any) -> jax.Array:
    """Whether elements are equal; NaN equals nothing."""
    return jnp.equal(*pair(input, other))


@operation("torch", "Tensor", aliases=("not_equal",), **_BINARY)
def ne(input: jax.Array, other: Any) -> jax.Array:
    """Whether elements differ."""
    return jnp.not_equal(*pair(input, other))


def _ordered(function: str, input: Any, other: Any) -> tuple[jax.Array, jax.Array]:
    if is_complex(input) or is_complex(other):
        raise NotImplementedError(f'"{function}_cpu" not implemented for complex numbers: they have no order')
    return pair(input, other)


@operation("torch", "Tensor", aliases=("less",), **_BINARY)
def lt(input: jax.Array, other: Any) -> jax.Array:
    """Whether input < other. Raises RuntimeError for complex numbers."""
    return jnp.less(*_ordered("lt", input, other))


@operation("torch", "Tensor", aliases=("less_equal",), **_BINARY)
def le(input: jax.Array, other: Any) -> jax.Array:
    """Whether input <= other. Raises RuntimeError for complex numbers."""
    return jnp.less_equal(*_ordered("le", input, other))


@operation("torch", "Tensor", aliases=("greater",), **_BINARY)
def gt(input: jax.Array, other: Any) -> jax.Array:
    """Whether input > other. Raises RuntimeError for complex numbers."""
    return jnp.greater(*_ordered("gt", input, other))


@operation("torch", "Tensor", aliases=("greater_equal",), **_BINARY)
def ge(input: jax.Array, other: Any) -> jax.Array:
    """Whether input >= other. Raises RuntimeError for complex numbers."""
    return jnp.greater_equal(*_ordered("ge", input, other))


@operation("torch", "Tensor")
def isclose(
    input: jax.Array, other: jax.Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> jax.Array:
    """Whether |input - other| <= atol + rtol |other|. Raises RuntimeError for dtypes that differ."""
    x, y = jnp.asarray(input), jnp.asarray(other)
    if x.dtype != y.dtype:
        raise RuntimeError(f"isclose: {scalar_name(x)} did not match {scalar_name(y)}")
    if rtol < 0 or atol < 0:
        raise RuntimeError(f"isclose: rtol and atol must be >= 0, but are {rtol} and {atol}")
    close = x == y
    if equal_nan and not is_integral(x):
        close |= jnp.isnan(x) & jnp.isnan(y)
    if rtol == 0 and atol == 0:
        return close
    if is_integral(x):
        x, y = x.astype(jnp.float32), y.astype(jnp.float32)
    difference = jnp.abs(x - y)
    return close | (jnp.isfinite(difference) & (difference <= atol + jnp.abs(rtol * y)))


@operation("torch", "Tensor")
def allclose(
    input: jax.Array, other: jax.Array, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> jax.Array:
    """Whether all elements are close, as a 0-d boolean array, so that it can be traced."""
    return jnp.all(isclose(input, other, rtol, atol, equal_nan))


@operation("torch", "Tensor")
def equal(input: jax.Array, other: jax.Array) -> jax.Array:
    """Whether shapes and all elements are equal, as a 0-d boolean array, so that it can be traced."""
    if jnp.shape(input) != jnp.shape(other):
        return jnp.asarray(False)
    return jnp.all(jnp.equal(*pair(input, other)))


def _integers_have_none(input: jax.Array) -> jax.Array:
    return jnp.zeros(jnp.shape(input), bool)


@operation("torch", "Tensor")
def isnan(input: jax.Array) -> jax.Array:
    """Whether elements are NaN."""
    return _integers_have_none(input) if is_integral(input) else jnp.isnan(input)


@operation("torch", "Tensor")
def isinf(input: jax.Array) -> jax.Array:
    """Whether elements are infinite."""
    return _integers_have_none(input) if is_integral(input) else jnp.isinf(input)


@operation("torch", "Tensor")
def isposinf(input: jax.Array) -> jax.Array:
    """Whether elements are plus infinity."""
    return _integers_have_none(input) if is_integral(input) else jnp.equal(input, jnp.inf)


@operation("torch", "Tensor")
def isneginf(input: jax.Array) -> jax.Array:
    """Whether elements are minus infinity."""
    return _integers_have_none(input) if is_integral(input) else jnp.equal(input, -jnp.inf)


@operation("torch", "Tensor")
def isfinite(input: jax.Array) -> jax.Array:
    """Whether elements are neither infinite nor NaN."""
    return jnp.ones(jnp.shape(input), bool) if is_integral(input) else jnp.isfinite(input)


@operation("torch", "Tensor")
def isreal(input: jax.Array) -> jax.Array:
    """Whether the imaginary part is 0."""
    return jnp.imag(input) == 0 if is_complex(input) else jnp.ones(jnp.shape(input), bool)


@operation("torch", promote=("elements", "test_elements"))
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False
) -> jax.Array:
    """Whether each of elements is among test_elements; `invert` asks whether it is not."""
    del assume_unique  # a hint about speed only
    candidates = jnp.asarray(test_elements).ravel()
    found = (jnp.asarray(elements)[..., None] == candidates).any(-1)
    return ~found if invert else found


def _truth(x: Any) -> jax.Array:
    x = jnp.asarray(x)
    return x if is_bool(x) else x != 0


@operation("torch", "Tensor", in_place=True)
def logical_and(input: jax.Array, other: jax.Array) -> jax.Array:
    """Whether both are not 0."""
    return _truth(input) & _truth(other)


@operation("torch", "Tensor", in_place=True)
def logical_or(input: jax.Array, other: jax.Array) -> jax.Array:
    """Whether either is not 0."""
    return _truth(input) | _truth(other)


@operation("torch", "Tensor", in_place=True)
def logical_xor(input: jax.Array, other: jax.Array) -> jax.Array:
    """Whether one and only one is not 0."""
    return _truth(input) ^ _truth(other)


@operation("torch", "Tensor", in_place=True)
def logical_not(input: jax.Array) -> jax.Array:
    """Whether the input is 0."""
    return ~_truth(input)


def _bits(function: str, *inputs: Any) -> None:
    for x in inputs:
        if not is_integral(x):
            raise RuntimeError(f"\"{function}_cpu\" not implemented for '{scalar_name(jnp.result_type(x))}'")


@operation("torch", "Tensor", **_BINARY)
def bitwise_and(input: Any, other: Any) -> jax.Array:
    """Bits set in both. Raises RuntimeError for floats."""
    _bits("bitwise_and", input, other)
    return jnp.bitwise_and(*pair(input, other))


@operation("torch", "Tensor", **_BINARY)
def bitwise_or(input: Any, other: Any) -> jax.Array:
    """Bits set in either. Raises RuntimeError for floats."""
    _bits("bitwise_or", input, other)
    return jnp.bitwise_or(*pair(input, other))


@operation("torch", "Tensor", **_BINARY)
def bitwise_xor(input: Any, other: Any) -> jax.Array:
    """Bits set in one only. Raises RuntimeError for floats."""
    _bits("bitwise_xor", input, other)
    return jnp.bitwise_xor(*pair(input, other))


@operation("torch", "Tensor", in_place=True)
def bitwise_not(input: jax.Array) -> jax.Array:
    """Bits turned over; of booleans, not. Raises RuntimeError for floats."""
    _bits("bitwise_not", input)
    return jnp.bitwise_not(input)


@operation("torch", "Tensor", **_BINARY)
def bitwise_left_shift(input: Any, other: Any) -> jax.Array:
    """Bits moved to the left. Raises RuntimeError for floats."""
    _bits("lshift", input, other)
    return jnp.left_shift(*pair(input, other))


@operation("torch", "Tensor", **_BINARY)
def bitwise_right_shift(input: Any, other: Any) -> jax.Array:
    """Bits moved to the right, the sign kept. Raises RuntimeError for floats."""
    _bits("rshift", input, other)
    return jnp.right_shift(*pair(input, other))


@operation("torch", "Tensor", grad_fn="WhereBackward0", promote=("input", "other"))
def where(condition: jax.Array, input: Any, other: Any) -> jax.Array:
    """Input where the condition holds, other elsewhere (all broadcast).

    Raises RuntimeError for a condition that is not boolean.
    """
    if not is_bool(condition) and jnp.result_type(condition) != jnp.uint8:
        raise RuntimeError(
            f"where expected condition to be a boolean tensor, but got {scalar_name(condition)}"
        )
    truth, left, right = spread(_truth(condition), *pair(input, other))
    return jnp.where(truth, left, right)
