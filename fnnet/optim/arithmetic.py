"""PyTorch's element-wise arithmetic in its update rules, and scalars that keep their digits in float32.

PyTorch holds hyper-parameters and bias corrections as Python doubles; a compiled update has them in JAX's
default floating dtype. The functions here keep float32 results within a few ULP of PyTorch's all the same.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Scalar: TypeAlias = float | jax.Array
"""A Python number or a 0-d array, traced or not."""


def is_known(value: Any) -> bool:
    """Whether the value is at hand while tracing, so that it can be checked."""
    return isinstance(value, int | float | np.number)


def is_zero(value: Any) -> bool:
    """Whether the value is at hand and zero: what PyTorch then leaves out is left out."""
    return is_known(value) and value == 0


def scalar_dtype() -> Any:
    """The dtype of scalars in an update: float64 under jax.enable_x64, else float32."""
    return jnp.result_type(float)


def to_bfloat16(x: jax.Array) -> jax.Array:
    """Round to bfloat16 now: XLA may drop a mere conversion between two operations, PyTorch rounds there."""
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7).astype(jnp.bfloat16)


def _in_compute_dtype(function: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """Compute in the dtype of the first argument; float16 and bfloat16 in float32, rounded once."""

    @functools.wraps(function)
    def rounded(x: jax.Array, *operands: Any) -> jax.Array:
        half = x.dtype in (jnp.float16, jnp.bfloat16)
        dtype = jnp.float32 if half else x.dtype

        def cast(value: Any) -> Any:
            return float(value) if is_known(value) else jnp.asarray(value).astype(dtype)

        result = function(*map(cast, (x, *operands)))
        return to_bfloat16(result) if x.dtype == jnp.bfloat16 else result.astype(x.dtype)

    return rounded


@_in_compute_dtype
def add(x: jax.Array, y: Any, alpha: Scalar = 1.0) -> jax.Array:
    """x + alpha * y."""
    return x + y if is_known(alpha) and alpha == 1 else x + alpha * y


@_in_compute_dtype
def mul(x: jax.Array, y: Any) -> jax.Array:
    """x * y."""
    return x * y


@_in_compute_dtype
def div(x: jax.Array, y: Any) -> jax.Array:
    """x / y."""
    return x / y


@_in_compute_dtype
def addcmul(x: jax.Array, y: Any, z: Any, value: Scalar = 1.0) -> jax.Array:
    """x + value * y * z."""
    return x + value * y * z


@_in_compute_dtype
def addcdiv(x: jax.Array, y: Any, z: Any, value: Scalar = 1.0) -> jax.Array:
    """x + value * y / z."""
    return x + value * y / z


@_in_compute_dtype
def lerp(x: jax.Array, end: Any, weight: Scalar) -> jax.Array:
    """x + weight * (end - x), from the nearer end as in PyTorch."""
    near, far = x + weight * (end - x), end - (end - x) * (1 - weight)
    if is_known(weight):
        return near if weight < 0.5 else far
    return jnp.where(weight < 0.5, near, far)


def change_by_add(x: jax.Array, y: Any, alpha: Scalar) -> jax.Array:
    """What to add to x so that it becomes x + alpha * y.

    In half precision PyTorch rounds the sum alone; to round the change as well would be felt.
    """
    if x.dtype in (jnp.float16, jnp.bfloat16):
        return add(x, y, alpha) - x
    return mul(y, alpha)


def change_by_addcdiv(x: jax.Array, y: Any, z: Any, value: Scalar) -> jax.Array:
    """What to add to x so that it becomes x + value * y / z."""
    if x.dtype in (jnp.float16, jnp.bfloat16):
        return addcdiv(x, y, z, value) - x
    return addcdiv(jnp.zeros_like(x), y, z, value)


def sign(x: jax.Array) -> jax.Array:
    """-1, 0 or 1; 0 for NaN, as torch.sign has it on a CPU."""
    return (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype)


def log_of(base: Scalar) -> Scalar:
    """The logarithm, in double precision where the base is at hand."""
    return math.log(base) if is_known(base) else jnp.log(base)


def power(base: Scalar, exponent: Any) -> Any:
    """base ** exponent for an array. A base near 1 keeps its digits: its logarithm is rounded instead."""
    if is_known(base) and base <= 0:
        return jnp.power(jnp.asarray(base, scalar_dtype()), exponent)
    return jnp.exp(exponent * log_of(base))


def one_minus_power(base: Scalar, exponent: Any) -> Any:
    """1 - base ** exponent for a base in [0, 1), without the cancellation that float32 would suffer."""
    if is_zero(base):
        return 1.0 - jnp.power(jnp.zeros((), scalar_dtype()), exponent)
    return -jnp.expm1(exponent * log_of(base))
