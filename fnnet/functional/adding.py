"""Adding to and setting elements of an array by their places, as PyTorch means it: truths join by "or"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["add_at", "set_at"]


def add_at(target: Any, values: Any) -> jax.Array:
    """`target.add(values)` of an array's `.at[...]`; a sum of truths is whether one of them holds."""
    truths = jnp.result_type(values) == jnp.bool_
    found: jax.Array = target.max(values) if truths else target.add(values)
    return found


def set_at(target: Any, values: Any) -> jax.Array:
    """`target.set(values)` of an array's `.at[...]`, with PyTorch's derivative.

    Where an element is set more than once each of its values gets the element's gradient, as in PyTorch; JAX
    gives it to the one that stayed, and orders all of them to find it.
    """
    array, index = target.array, target.index
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        found: jax.Array = target.set(values)
        return found
    index = index if isinstance(index, tuple) else (index,)
    places = [one for one in index if isinstance(one, jax.Array | np.ndarray)]
    pattern = tuple(_fixed(one) for one in index)
    return _set(pattern, array, jnp.asarray(values).astype(array.dtype), places)


def _fixed(one: Any) -> Any:
    """A part of an index that can be hashed; `_PLACE` for an array."""
    if isinstance(one, jax.Array | np.ndarray):
        return _PLACE
    return (one.start, one.stop, one.step) if isinstance(one, slice) else one


_PLACE = "array"


def _index(pattern: tuple[Any, ...], places: Sequence[jax.Array]) -> tuple[Any, ...]:
    arrays = iter(places)
    return tuple(
        next(arrays) if one is _PLACE else slice(*one) if isinstance(one, tuple) else one for one in pattern
    )


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _set(
    pattern: tuple[Any, ...], array: jax.Array, values: jax.Array, places: Sequence[jax.Array]
) -> jax.Array:
    return array.at[_index(pattern, places)].set(values)


@_set.defjvp
def _set_jvp(pattern: tuple[Any, ...], primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (array, values, places), (g_array, g_values, _) = primals, tangents
    index = _index(pattern, places)
    kept = jnp.ones(array.shape, bool).at[index].set(False)
    change = jnp.where(kept, g_array, 0).at[index].add(g_values)
    return _set(pattern, array, values, places), change
