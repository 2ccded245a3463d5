"""Which dtype a result has, and PyTorch's names of dtypes for messages."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from fnnet.functional.half import spread

_SCALAR_NAMES = {
    "float16": "Half",
    "bfloat16": "BFloat16",
    "float32": "Float",
    "float64": "Double",
    "complex64": "ComplexFloat",
    "complex128": "ComplexDouble",
    "uint8": "Byte",
    "int8": "Char",
    "int16": "Short",
    "int32": "Int",
    "int64": "Long",
    "bool": "Bool",
}


def scalar_name(x: Any) -> str:
    """PyTorch's name of the scalar type of an array or dtype: "Float", "Long", ..."""
    name = np.dtype(getattr(x, "dtype", x)).name
    return _SCALAR_NAMES.get(name, name)


def index_dtype() -> np.dtype[Any]:
    """int64, PyTorch's dtype of indices and integer sums, or int32 where JAX runs without 64 bits."""
    return np.dtype(jax.dtypes.canonicalize_dtype(np.int64))


def canonical(dtype: DTypeLike) -> np.dtype[Any]:
    """`dtype`, or the 32-bit one in its place where JAX runs without 64 bits."""
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def is_number(x: Any) -> bool:
    """Whether x is a Python (or NumPy) number rather than an array."""
    return isinstance(x, bool | int | float | complex | np.generic)


def is_integral(x: Any) -> bool:
    """Whether an array or number is of integers or booleans."""
    dtype = jnp.result_type(x)
    return bool(jnp.issubdtype(dtype, jnp.integer) or dtype == jnp.bool_)


def is_bool(x: Any) -> bool:
    """Whether an array or number is boolean."""
    return bool(jnp.result_type(x) == jnp.bool_)


def is_complex(x: Any) -> bool:
    """Whether an array or number is complex."""
    return bool(jnp.issubdtype(jnp.result_type(x), jnp.complexfloating))


def to_floating(x: Any) -> jax.Array:
    """x as it is where it is floating or complex; integers become float32, PyTorch's default dtype."""
    array = jnp.asarray(x)
    return array.astype(jnp.float32) if is_integral(array) else array


def require_floating(function: str, x: jax.Array) -> None:
    """Raise RuntimeError, in PyTorch's words, where an operation asks for a floating or complex argument."""
    if is_integral(x):
        raise RuntimeError(
            f"{function}(): could not infer output dtype. Input dtype must be either a floating point or "
            f"complex dtype. Got: {scalar_name(x)}"
        )


def concrete(x: Any) -> np.ndarray[Any, Any] | None:
    """The values of x, or None under a JAX transformation, where only shapes are known."""
    return None if isinstance(x, jax.core.Tracer) else np.asarray(x)


def pair(input: Any, other: Any) -> tuple[jax.Array, jax.Array]:
    """Arrays of one dtype and one shape; a number takes the dtype of the array beside it."""
    if is_number(other) and not is_number(input):
        input = jnp.asarray(input)
        other = jnp.asarray(other, input.dtype)
    elif is_number(input) and not is_number(other):
        other = jnp.asarray(other)
        input = jnp.asarray(input, other.dtype)
    left, right = jnp.broadcast_arrays(*spread(jnp.asarray(input), jnp.asarray(other)))
    if left.dtype != right.dtype and jnp.result_type(left, right) == left.dtype:
        return left, right.astype(left.dtype)
    return left, right
