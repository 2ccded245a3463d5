"""Adding to elements of an array by their places, where truths are joined by "or"."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["add_at"]


def add_at(target: Any, values: Any) -> jax.Array:
    """`target.add(values)` of an array's `.at[...]`; a sum of truths is whether one of them holds."""
    truths = jnp.result_type(values) == jnp.bool_
    found: jax.Array = target.max(values) if truths else target.add(values)
    return found
