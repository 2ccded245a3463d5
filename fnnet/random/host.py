"""A generator's draws as JAX arrays: what stands behind `key=generator`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import numpy as np
from jax.typing import DTypeLike

from fnnet.random.source import Shape

if TYPE_CHECKING:
    from fnnet.random.generator import Generator


def is_staging() -> bool:
    """Whether JAX is tracing a program that runs later (jit, scan, eval_shape; not eager grad or vmap)."""
    zero = np.float32(0)
    return isinstance(jax.lax.add(zero, zero), jax.core.Tracer)


def _available(dtype: DTypeLike) -> np.dtype:
    """The dtype that JAX gives for `dtype`: float32 for float64 unless 64-bit mode is on."""
    return np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def _taken_over(drawn: np.ndarray) -> jax.Array:
    """A JAX array in the memory of a NumPy array that nobody else holds, where its alignment allows it."""
    return jax.device_put(drawn, may_alias=True)


class HostSource:
    """Draws from a generator, on the host. Raises RuntimeError while JAX stages a program out."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def _ready(self) -> Generator:
        if is_staging():
            raise RuntimeError(
                "fnnet.random.Generator: drawn from while JAX traces a program (jit, scan, ...): the numbers "
                "would be frozen into the compiled program, the same in every call. Draw before the run with "
                "fnnet.random.ahead and give what it returns as key=, or use a JAX key"
            )
        return self._generator

    def uniform(self, shape: Shape, low: float, high: float, dtype: DTypeLike) -> jax.Array:
        return _taken_over(self._ready().uniform(tuple(shape), low, high, _available(dtype)))

    def normal(self, shape: Shape, mean: float, std: float, dtype: DTypeLike) -> jax.Array:
        return _taken_over(self._ready().normal(tuple(shape), mean, std, _available(dtype)))

    def truncated_normal(
        self, shape: Shape, mean: float, std: float, low: float, high: float, dtype: DTypeLike
    ) -> jax.Array:
        return _taken_over(
            self._ready().truncated_normal(tuple(shape), mean, std, low, high, _available(dtype))
        )

    def bernoulli(self, shape: Shape, p: float) -> jax.Array:
        return _taken_over(self._ready().bernoulli(tuple(shape), p, np.bool_))

    def exponential(self, shape: Shape, rate: float, dtype: DTypeLike) -> jax.Array:
        return _taken_over(self._ready().exponential(tuple(shape), rate, _available(dtype)))

    def integers(self, shape: Shape, low: int, high: int, dtype: DTypeLike) -> jax.Array:
        return _taken_over(self._ready().integers(tuple(shape), low, high, _available(dtype)))

    def permutation(self, n: int) -> jax.Array:
        return _taken_over(self._ready().permutation(n))
