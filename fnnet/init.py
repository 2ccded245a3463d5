"""PyTorch's initialisers (torch.nn.init) as functions of a random source and a shape.

The first argument is a JAX key, a `fnnet.random.Generator` or a source (`fnnet.random.as_source`).
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.random.source import Shape, as_source


def uniform(
    random: Any, shape: Shape, a: float = 0.0, b: float = 1.0, dtype: DTypeLike = jnp.float32
) -> jax.Array:
    """Numbers from U(a, b)."""
    return as_source(random).uniform(shape, a, b, dtype)


def kaiming_uniform(random: Any, shape: Shape, a: float = 0.0, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Placeholder signature: completed with mode and nonlinearity."""
    fan = math.prod(shape[1:])
    bound = math.sqrt(3.0) * (math.sqrt(2.0 / (1 + a**2)) / math.sqrt(fan))
    return uniform(random, shape, -bound, bound, dtype)


def fan_in_uniform(random: Any, shape: Shape, fan_in: int, dtype: DTypeLike = jnp.float32) -> jax.Array:
    """Numbers from U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for biases."""
    bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
    return uniform(random, shape, -bound, bound, dtype)
