"""Initial values (`tf.zeros_initializer`, `tf.glorot_uniform_initializer`, ...): makers of tensors."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

from fnnet.tensorflow import arrays, random_ops
from fnnet.tensorflow.graph import Tensor


def _initializer(draw: Callable[..., Tensor], **fixed: Any) -> Any:
    """From `draw(shape, *options)`: a function of the options not fixed, which gives `make(shape, dtype)`."""
    parameters = inspect.signature(draw).parameters.values()
    free = [p for p in list(parameters)[1:] if p.name not in {"name", *fixed}]
    options = inspect.Signature(sorted(free, key=lambda p: p.name == "dtype"))  # the dtype comes last

    def initializer(*args: Any, **named: Any) -> Callable[..., Tensor]:
        given = fixed | options.bind(*args, **named).arguments

        def make(shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
            return draw(shape, **(given if dtype is None else given | {"dtype": dtype}))

        return make

    initializer.__doc__ = f"A maker of initial values {options}."
    return initializer


def _constant(shape: Any, value: Any = 0, dtype: Any = "float32", verify_shape: bool = False) -> Tensor:
    return arrays.constant(value, dtype, shape)


def _scaled(
    shape: Sequence[int], scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal",
    seed: Any = None, dtype: Any = "float32",
) -> Tensor:  # fmt: skip
    """Numbers of variance scale / n, where n is the fan in, the fan out, or their mean ("fan_avg")."""
    fans = (
        [float(math.prod(shape))] * 2 if len(shape) < 2 else [math.prod(shape[:-2]) * n for n in shape[-2:]]
    )
    n = {"fan_in": fans[0], "fan_out": fans[1], "fan_avg": sum(fans) / 2}[mode]
    variance = scale / max(1.0, n)
    if distribution in ("normal", "truncated_normal"):
        # a normal number within two deviations has this deviation itself
        return random_ops.truncated_normal(shape, 0.0, math.sqrt(variance) / 0.87962566103423978, dtype, seed)
    if distribution == "untruncated_normal":
        return random_ops.random_normal(shape, 0.0, math.sqrt(variance), dtype, seed)
    limit = math.sqrt(3.0 * variance)
    return random_ops.random_uniform(shape, -limit, limit, dtype, seed)


zeros_initializer = _initializer(arrays.zeros)
ones_initializer = _initializer(arrays.ones)
constant_initializer = _initializer(_constant)
random_normal_initializer = _initializer(random_ops.random_normal)
truncated_normal_initializer = _initializer(random_ops.truncated_normal)
random_uniform_initializer = _initializer(random_ops.random_uniform)
variance_scaling_initializer = _initializer(_scaled)
glorot_uniform_initializer = _initializer(_scaled, scale=1.0, mode="fan_avg", distribution="uniform")
glorot_normal_initializer = _initializer(_scaled, scale=1.0, mode="fan_avg", distribution="truncated_normal")
__all__ = [name for name in globals() if name.endswith("_initializer") and name[0] != "_"]
