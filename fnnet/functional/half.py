"""float16 and bfloat16 as PyTorch has them: computed, and above all summed, in float32, and rounded once.

JAX rounds after every operation, and sums the gradient of what was broadcast in the half type itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp

F = TypeVar("F", bound=Callable[..., Any])

_HALVES = (jnp.float16, jnp.bfloat16)


def is_half(x: Any) -> bool:
    """Whether x is an array of a half type."""
    return getattr(x, "dtype", None) in _HALVES


def widened(x: jax.Array) -> jax.Array:
    """A half type as float32; others as they are."""
    return x.astype(jnp.float32) if is_half(x) else x


def spread(*values: Any) -> tuple[Any, ...]:
    """The values, those of a half type broadcast to the shape of all, so that float32 sums their gradient."""
    if not any(map(is_half, values)):
        return values
    shape = jnp.broadcast_shapes(*(jnp.shape(x) for x in values))
    return tuple(spread_to(x, shape) if is_half(x) and x.shape != shape else x for x in values)


def spread_to(x: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """jnp.broadcast_to, with the gradient of a half type summed in float32."""
    return jnp.broadcast_to(widened(x), shape).astype(x.dtype)


def rounds_once(*arrays: Any) -> bool:
    """Whether a product of these and what is added to it are rounded once, as PyTorch's are: halves on a CPU.

    Elsewhere the product is the half type's own, for which there are units.
    """
    given = [one for one in arrays if one is not None]
    return (
        all(map(is_half, given)) and len({one.dtype for one in given}) == 1 and jax.default_backend() == "cpu"
    )


def once_rounded(function: F) -> F:
    """The function, whose arguments of a half type are computed with in float32.

    Its results are of the half type, unless an argument was wider.
    """

    @wraps(function)
    def apply(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *kwargs.values()]
        halves = [x for x in given if is_half(x)]
        if not halves:
            return function(*args, **kwargs)
        result = function(*map(widened, args), **{name: widened(x) for name, x in kwargs.items()})
        kinds = [x.dtype for x in given if hasattr(x, "dtype") and jnp.issubdtype(x.dtype, jnp.inexact)]
        narrow = max(kinds, key=lambda kind: kind.itemsize)
        if narrow not in _HALVES:
            return result
        return jax.tree.map(lambda x: x.astype(narrow) if x.dtype == jnp.float32 else x, result)

    return cast(F, apply)
