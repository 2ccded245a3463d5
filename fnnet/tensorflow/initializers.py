"""Initial values (`tf.zeros_initializer`, `tf.glorot_uniform_initializer`, ...): makers of tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from fnnet.tensorflow import arrays, random_ops
from fnnet.tensorflow.graph import Tensor

__all__ = [
    "constant_initializer",
    "glorot_normal_initializer",
    "glorot_uniform_initializer",
    "ones_initializer",
    "random_normal_initializer",
    "random_uniform_initializer",
    "truncated_normal_initializer",
    "variance_scaling_initializer",
    "zeros_initializer",
]


Maker = Callable[..., Tensor]


def zeros_initializer(dtype: Any = "float32") -> Maker:
    """Zeros."""
    return lambda shape, dtype=dtype, partition_info=None: arrays.zeros(shape, dtype)


def ones_initializer(dtype: Any = "float32") -> Maker:
    """Ones."""
    return lambda shape, dtype=dtype, partition_info=None: arrays.ones(shape, dtype)


def constant_initializer(value: Any = 0, dtype: Any = "float32", verify_shape: bool = False) -> Maker:
    """One number everywhere, or a list of them."""
    return lambda shape, dtype=dtype, partition_info=None: arrays.constant(value, dtype, shape)


def random_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = "float32"
) -> Maker:
    """Normal numbers."""
    return lambda shape, dtype=dtype, partition_info=None: random_ops.random_normal(
        shape, mean, stddev, dtype, seed
    )


def truncated_normal_initializer(
    mean: float = 0.0, stddev: float = 1.0, seed: int | None = None, dtype: Any = "float32"
) -> Maker:
    """Normal numbers within two deviations."""
    return lambda shape, dtype=dtype, partition_info=None: random_ops.truncated_normal(
        shape, mean, stddev, dtype, seed
    )


def random_uniform_initializer(
    minval: float = 0, maxval: float | None = None, seed: int | None = None, dtype: Any = "float32"
) -> Maker:
    """Uniform numbers in [minval, maxval)."""
    return lambda shape, dtype=dtype, partition_info=None: random_ops.random_uniform(
        shape, minval, maxval, dtype, seed
    )


def _fans(shape: Sequence[int]) -> tuple[float, float]:
    if len(shape) < 2:
        size = float(shape[0]) if shape else 1.0
        return size, size
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


def variance_scaling_initializer(
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    seed: int | None = None,
    dtype: Any = "float32",
) -> Maker:
    """Numbers of variance scale / n, with n the fan in, the fan out, or their mean (fan_avg)."""

    def make(shape: Sequence[int], dtype: Any = dtype, partition_info: Any = None) -> Tensor:
        fan_in, fan_out = _fans(shape)
        n = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        variance = scale / max(1.0, n)
        if distribution in ("normal", "truncated_normal"):
            # a normal number within two deviations has this deviation itself
            deviation = math.sqrt(variance) / 0.87962566103423978
            return random_ops.truncated_normal(shape, 0.0, deviation, dtype, seed)
        if distribution == "untruncated_normal":
            return random_ops.random_normal(shape, 0.0, math.sqrt(variance), dtype, seed)
        limit = math.sqrt(3.0 * variance)
        return random_ops.random_uniform(shape, -limit, limit, dtype, seed)

    return make


def glorot_uniform_initializer(seed: int | None = None, dtype: Any = "float32") -> Maker:
    """Uniform numbers of variance 2 / (fan in + fan out)."""
    return variance_scaling_initializer(1.0, "fan_avg", "uniform", seed, dtype)


def glorot_normal_initializer(seed: int | None = None, dtype: Any = "float32") -> Maker:
    """Truncated normal numbers of variance 2 / (fan in + fan out)."""
    return variance_scaling_initializer(1.0, "fan_avg", "truncated_normal", seed, dtype)
