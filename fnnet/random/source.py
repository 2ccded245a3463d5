"""Where random numbers come from: a JAX key, or any object that offers the same draws in turn.

Everything in fnnet that draws (initialisers, layers' initial values, dropout, shuffles) takes an argument
that `as_source` accepts, and draws from it in PyTorch's order. A JAX key gives new numbers in every draw and
works under `jit` and `vmap`; a generator gives the numbers that PyTorch gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

Shape: TypeAlias = Sequence[int]


@runtime_checkable
class Source(Protocol):
    """A sequence of draws. Each call returns new numbers; the order of the calls decides which."""

    def uniform(self, shape: Shape, low: float, high: float, dtype: DTypeLike) -> jax.Array:
        """Floats in [low, high)."""
        ...

    def normal(self, shape: Shape, mean: float, std: float, dtype: DTypeLike) -> jax.Array:
        """Normal numbers of mean `mean` and standard deviation `std`."""
        ...

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: DTypeLike
    ) -> jax.Array:
        """Normal numbers restricted to [low, high]."""
        ...

    def bernoulli(self, shape: Shape, p: float) -> jax.Array:
        """Booleans, each True with probability `p`."""
        ...

    def exponential(self, shape: Shape, rate: float, dtype: DTypeLike) -> jax.Array:
        """Exponential numbers of mean 1 / rate."""
        ...

    def integers(self, shape: Shape, low: int, high: int, dtype: DTypeLike) -> jax.Array:
        """Integers in [low, high)."""
        ...

    def permutation(self, n: int) -> jax.Array:
        """A permutation of 0 .. n - 1."""
        ...


class KeySource:
    """Draws from a JAX key: the i-th draw uses `jax.random.fold_in(key, i)`."""

    def __init__(self, key: jax.Array) -> None:
        self._key = key
        self._draws = 0

    def next_key(self) -> jax.Array:
        """A key that no other draw uses."""
        key = jax.random.fold_in(self._key, self._draws)
        self._draws += 1
        return key

    def uniform(self, shape: Shape, low: float, high: float, dtype: DTypeLike) -> jax.Array:
        return jax.random.uniform(self.next_key(), tuple(shape), dtype, low, high)

    def normal(self, shape: Shape, mean: float, std: float, dtype: DTypeLike) -> jax.Array:
        drawn = jax.random.normal(self.next_key(), tuple(shape), dtype)
        return drawn * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: DTypeLike
    ) -> jax.Array:
        lower, upper = jnp.asarray((low - mean) / std, dtype), jnp.asarray((high - mean) / std, dtype)
        drawn = jax.random.truncated_normal(self.next_key(), lower, upper, tuple(shape), dtype)
        drawn = drawn * jnp.asarray(std, dtype) + jnp.asarray(mean, dtype)
        return jnp.clip(drawn, jnp.asarray(low, dtype), jnp.asarray(high, dtype))

    def bernoulli(self, shape: Shape, p: float) -> jax.Array:
        return jax.random.bernoulli(self.next_key(), p, tuple(shape))

    def exponential(self, shape: Shape, rate: float, dtype: DTypeLike) -> jax.Array:
        return jax.random.exponential(self.next_key(), tuple(shape), dtype) / jnp.asarray(rate, dtype)

    def integers(self, shape: Shape, low: int, high: int, dtype: DTypeLike) -> jax.Array:
        return jax.random.randint(self.next_key(), tuple(shape), low, high, dtype)

    def permutation(self, n: int) -> jax.Array:
        return jax.random.permutation(self.next_key(), n)


def as_source(random: Any) -> Source:
    """The source that `random` stands for.

    Args:
        random: a JAX key (`jax.random.key(0)`, or a raw uint32 key of `jax.random.PRNGKey`), an object whose
            `__source__()` gives a source (a `fnnet.random.Generator`), or a source itself.

    Raises:
        TypeError: for anything else, an integer seed included.
    """
    if isinstance(random, jax.Array):
        if jnp.issubdtype(random.dtype, jax.dtypes.prng_key):
            if random.ndim:
                raise TypeError(f"random: expected one JAX key, got an array of keys of shape {random.shape}")
            return KeySource(random)
        if random.dtype == jnp.uint32 and random.ndim == 1:
            return KeySource(jax.random.wrap_key_data(random))
    elif hasattr(random, "__source__"):
        return random.__source__()
    elif isinstance(random, Source):
        return random
    raise TypeError(
        "random: expected a JAX key (jax.random.key(seed)) or a fnnet.random.Generator(seed), "
        f"got {type(random).__name__}"
    )
