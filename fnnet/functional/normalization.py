"""Normalisation by the statistics of a batch, a group, a channel or the last dimensions.

PyTorch's `batch_norm` and `instance_norm` change the running statistics that they are given. Here the
functions of those names return the output alone, and `batch_norm_statistics` and `instance_norm_statistics`
return what the running statistics become. Called with the same input under one jit, the statistics are
computed once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dtypes import to_floating
from fnnet.functional.half import widened
from fnnet.functional.operation import operation

__all__ = [
    "batch_norm",
    "batch_norm_statistics",
    "group_norm",
    "instance_norm",
    "instance_norm_statistics",
    "layer_norm",
    "local_response_norm",
    "rms_norm",
]


def _moments(x: jax.Array, axes: tuple[int, ...], axis_name: Any = None) -> tuple[jax.Array, jax.Array]:
    """Mean and biased variance, with the axes kept; over all of a mapped axis too, where one is named."""
    wide = widened(x)
    mean = wide.mean(axis=axes, keepdims=True)
    mean = mean if axis_name is None else jax.lax.pmean(mean, axis_name)
    var = jnp.square(wide - mean).mean(axis=axes, keepdims=True)
    return mean, var if axis_name is None else jax.lax.pmean(var, axis_name)


def _standardised(x: jax.Array, mean: jax.Array, var: jax.Array, eps: float) -> jax.Array:
    return (widened(x) - widened(mean)) * jax.lax.rsqrt(widened(var) + eps)


# By hand because JAX's derivative goes through the variance: so batch_norm takes three quarters of the time.
@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _normal(x: jax.Array, axes: tuple[int, ...], eps: float) -> jax.Array:
    """x standardised by its own moments over the axes, in the wide dtype."""
    return _standardised(x, *_moments(x, axes), eps)


@_normal.defjvp
def _normal_jvp(
    axes: tuple[int, ...], eps: float, primals: Any, tangents: Any
) -> tuple[jax.Array, jax.Array]:
    (x,), change = primals, widened(tangents[0])
    y, factor = _normal(x, axes, eps), jax.lax.rsqrt(_moments(x, axes)[1] + eps)
    along = y * (change * y).mean(axis=axes, keepdims=True)
    return y, (change - change.mean(axis=axes, keepdims=True) - along) * factor


# By hand in PyTorch's form: two sums for each channel of each example give all three gradients. JAX's, in
# shapes other than x's, took 1.8 ms for 32 x 16 x 32 x 32 instead of 0.5 (two busy cores, jaxlib 0.10.2).
@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _grouped(
    groups: int, eps: float, x: jax.Array, weight: jax.Array | None, bias: jax.Array | None
) -> jax.Array:
    """x standardised by the moments of each group of channels, times weight, plus bias."""
    batch, channels = x.shape[:2]
    mean, var = _moments(x.reshape(batch, groups, -1), (2,))
    mean, factor = (
        jnp.repeat(one[..., 0], channels // groups, 1)[..., None] for one in (mean, jax.lax.rsqrt(var + eps))
    )
    factor = factor if weight is None else factor * weight[:, None]
    normal = (x.reshape(batch, channels, -1) - mean) * factor
    return (normal if bias is None else normal + bias[:, None]).reshape(x.shape)


@_grouped.defjvp
def _grouped_jvp(groups: int, eps: float, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x, weight, bias), (change, d_weight, d_bias) = primals, tangents
    batch, channels = x.shape[:2]
    count = x.size // (batch * groups)

    def everywhere(by_channel: jax.Array) -> jax.Array:
        return by_channel.reshape(*by_channel.shape, *[1] * (x.ndim - 2))

    def mean(values: jax.Array) -> jax.Array:
        """The means of the groups, for each channel: (N, C)."""
        sums = values.sum(axis=tuple(range(2, x.ndim))).reshape(batch, groups, -1)
        means = sums.sum(axis=2, keepdims=True) / count
        return jnp.broadcast_to(means, sums.shape).reshape(batch, channels)

    centred = x - everywhere(mean(x))
    factor = jax.lax.rsqrt(mean(jnp.square(centred)) + eps)
    scale = factor if weight is None else factor * weight
    y = centred * everywhere(scale)
    shift, tilt = -scale * mean(change), -scale * jnp.square(factor) * mean(change * centred)
    if d_weight is not None:
        tilt = tilt + factor * d_weight
    if d_bias is not None:
        y, shift = y + everywhere(bias[None]), shift + d_bias
    return y, change * everywhere(scale) + everywhere(shift) + centred * everywhere(tilt)


def _by_channel(x: jax.Array, ndim: int) -> jax.Array:
    return x.reshape(1, -1, *[1] * (ndim - 2))


def _affine(x: jax.Array, weight: jax.Array | None, bias: jax.Array | None, dtype: Any) -> jax.Array:
    """x * weight + bias, computed in the wide dtype of x and rounded to `dtype` once."""
    if weight is not None:
        x = x * weight.astype(x.dtype)
    return (x if bias is None else x + bias.astype(x.dtype)).astype(dtype)


def _check_dtypes(name: str, input: jax.Array, **vectors: jax.Array | None) -> None:
    """Parameters and statistics share one dtype: the input's, or float32 for an input of a half type."""
    given = {argument: vector.dtype for argument, vector in vectors.items() if vector is not None}
    if not set(given.values()) - {input.dtype}:
        return
    shown = ", ".join(f"{argument} {dtype.name}" for argument, dtype in given.items())
    if len(set(given.values())) > 1:
        raise RuntimeError(f"{name}: expected parameters and statistics of one scalar type, got {shown}")
    if input.dtype == jnp.float64:
        raise RuntimeError(
            f"{name}: mixed dtype: all inputs must share same datatype, got input float64 and {shown}"
        )
    half = jnp.finfo(input.dtype).bits < 32
    if not half or set(given.values()) != {jnp.dtype(jnp.float32)}:
        raise RuntimeError(
            f"{name}: mixed dtype: expect parameter to have scalar type of Float, got {shown} for an input "
            f"of {input.dtype.name}"
        )


def _check_channels(name: str, input: jax.Array, **vectors: jax.Array | None) -> None:
    if input.ndim < 2:
        raise RuntimeError(f"{name}: expected input of at least 2 dimensions (N, C, ...), got {input.shape}")
    for argument, vector in vectors.items():
        if vector is not None and vector.size != input.shape[1]:
            raise RuntimeError(
                f"{name}: {argument} should contain {input.shape[1]} elements not {vector.size}"
            )


def _check_batch(name: str, input: jax.Array, axis_name: Any = None) -> int:
    """The number of values of each channel. Raises ValueError where there is one only."""
    count = input.size // input.shape[1] if input.shape[1] else 0
    count *= 1 if axis_name is None else jax.lax.axis_size(axis_name)
    if count == 1:
        raise ValueError(
            f"{name}: Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    return count


@operation("nn.functional", grad_fn="NativeBatchNormBackward0")
def batch_norm(
    input: jax.Array,
    running_mean: jax.Array | None,
    running_var: jax.Array | None,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-05,
    *,
    axis_name: Any = None,
) -> jax.Array:
    """(input - mean) / sqrt(var + eps) * weight + bias for each channel of input (N, C, ...).

    In training mean and biased variance are the batch's, otherwise the running ones. `momentum` plays its
    part in batch_norm_statistics. `axis_name` names the mapped axes (of shard_map, pmap or vmap) over which
    the batch extends. Raises ValueError for one value per channel in training, RuntimeError for sizes and
    dtypes that do not fit and for missing running statistics.
    """
    if input.shape == (0,):
        return input
    _check_channels(
        "batch_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    ndim = input.ndim
    vectors = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    _check_dtypes("batch_norm", input, **vectors)
    if eps < 0 or (training and eps == 0):
        wanted = "positive during training" if training else "non-negative"
        raise ValueError(f"batch_norm eps must be {wanted}, but got {eps}")
    if training:
        _check_batch("batch_norm", input, axis_name)
        axes = (0, *range(2, ndim))
        if axis_name is None:
            normal = _normal(input, axes, eps)
        else:
            normal = _standardised(input, *_moments(input, axes, axis_name), eps)
    else:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: running_mean and running_var must be defined in evaluation mode")
        mean, var = _by_channel(running_mean, ndim), _by_channel(running_var, ndim)
        normal = _standardised(input, mean, var, eps)
    scale, shift = (None if v is None else _by_channel(v, ndim) for v in (weight, bias))
    return _affine(normal, scale, shift, input.dtype)


def _moved(
    running: jax.Array | None,
    new: jax.Array,
    momentum: float | jax.Array | None,
    batches: int | jax.Array | None = None,
) -> Any:
    if running is None:
        return None
    one = jnp.ones((), running.dtype)
    share = one / jnp.asarray(batches, running.dtype) if momentum is None else one * momentum
    return jax.lax.stop_gradient((1 - share) * running + share * new.astype(running.dtype))


@operation()
def batch_norm_statistics(
    input: jax.Array,
    running_mean: jax.Array | None,
    running_var: jax.Array | None,
    momentum: float | jax.Array | None = 0.1,
    batches: int | jax.Array | None = None,
    *,
    axis_name: Any = None,
) -> tuple[Any, Any]:
    """The running mean and variance (C,) after a batch: (1 - momentum) old + momentum new.

    With a momentum of None, the average over the `batches` so far, this one counted. The new variance is the
    unbiased one. What is None stays None, and an empty batch changes nothing. `axis_name` as in batch_norm.
    """
    count = _check_batch("batch_norm", input, axis_name)
    if count == 0:
        return running_mean, running_var
    mean, var = _moments(input, (0, *range(2, input.ndim)), axis_name)
    unbiased = var.ravel() * (count / max(count - 1, 1))
    return tuple(
        _moved(running, new, momentum, batches)
        for running, new in ((running_mean, mean.ravel()), (running_var, unbiased))
    )


@operation("nn.functional", grad_fn="ViewBackward0")
def instance_norm(
    input: jax.Array,
    running_mean: jax.Array | None = None,
    running_var: jax.Array | None = None,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-05,
) -> jax.Array:
    """Normalise each channel of each instance of input (N, C, ...), or by the running statistics; see
    batch_norm.
    """
    _check_channels(
        "instance_norm", input, running_mean=running_mean, running_var=running_var, weight=weight, bias=bias
    )
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    _check_spatial(input)
    vectors = {"weight": weight, "bias": bias, "running_mean": running_mean, "running_var": running_var}
    _check_dtypes("instance_norm", input, **vectors)
    scale, shift = (None if v is None else _by_channel(v, input.ndim) for v in (weight, bias))
    return _affine(_normal(input, tuple(range(2, input.ndim)), eps), scale, shift, input.dtype)


def _check_spatial(input: jax.Array) -> int:
    count = math.prod(input.shape[2:])
    if count == 1:
        raise ValueError(
            "instance_norm: Expected more than 1 spatial element when training, got input size "
            f"{list(input.shape)}"
        )
    return count


@operation()
def instance_norm_statistics(
    input: jax.Array,
    running_mean: jax.Array | None,
    running_var: jax.Array | None,
    momentum: float | jax.Array = 0.1,
) -> tuple[Any, Any]:
    """The running mean and variance (C,) after a batch: means over the instances; see
    batch_norm_statistics.
    """
    count = _check_spatial(input)
    mean, var = _moments(input, tuple(range(2, input.ndim)))
    channels = input.shape[1]
    new_mean = mean.reshape(-1, channels).mean(axis=0)
    new_var = var.reshape(-1, channels).mean(axis=0) * (count / max(count - 1, 1))
    return _moved(running_mean, new_mean, momentum), _moved(running_var, new_var, momentum)


def _trailing(
    name: str,
    input: jax.Array,
    normalized_shape: int | Sequence[int],
    weight: jax.Array | None,
    bias: jax.Array | None,
) -> tuple[int, ...]:
    """The axes that normalized_shape names."""
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape:
        raise RuntimeError(f"{name}: Expected normalized_shape to be at least 1-dimensional, got []")
    for argument, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and parameter.shape != shape:
            raise RuntimeError(
                f"{name}: Expected {argument} to be of same shape as normalized_shape, but got {argument} of "
                f"shape {list(parameter.shape)} and normalized_shape = {list(shape)}"
            )
    if input.shape[-len(shape) :] != shape:
        wanted = ", ".join(map(str, ["*", *shape]))
        raise RuntimeError(
            f"{name}: Given normalized_shape={list(shape)}, expected input with shape [{wanted}], but got "
            "input "
            f"of size{list(input.shape)}"
        )
    return tuple(range(input.ndim - len(shape), input.ndim))


@operation("torch", "nn.functional", grad_fn="NativeLayerNormBackward0")
def layer_norm(
    input: jax.Array,
    normalized_shape: int | Sequence[int],
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-05,
) -> jax.Array:
    """Normalise over the last dimensions, whose sizes are normalized_shape, the shape also of weight and
    bias.

    Raises RuntimeError for shapes that do not fit.
    """
    axes = _trailing("layer_norm", input, normalized_shape, weight, bias)
    if input.size == 0:
        return input
    _check_dtypes("layer_norm", input, weight=weight, bias=bias)
    return _affine(_normal(input, axes, eps), weight, bias, input.dtype)


@operation("torch", "nn.functional", grad_fn="FusedRmsNormBackward0")
def rms_norm(
    input: jax.Array,
    normalized_shape: int | Sequence[int],
    weight: jax.Array | None = None,
    eps: float | None = None,
) -> jax.Array:
    """Input over the root of its mean square (plus eps, the dtype's unless given) over the last
    dimensions.
    """
    axes = _trailing("rms_norm", input, normalized_shape, weight, None)
    wide = widened(input)
    least = float(jnp.finfo(wide.dtype).eps) if eps is None else eps
    mean_square = jnp.square(wide).mean(axis=axes, keepdims=True)
    normal = wide * jax.lax.rsqrt(mean_square + least)
    if weight is not None:
        normal = normal.astype(jnp.promote_types(normal.dtype, widened(weight).dtype))
    return _affine(normal, weight, None, input.dtype)


@operation("torch", "nn.functional", grad_fn="NativeGroupNormBackward0")
def group_norm(
    input: jax.Array,
    num_groups: int,
    weight: jax.Array | None = None,
    bias: jax.Array | None = None,
    eps: float = 1e-05,
) -> jax.Array:
    """Normalise each of num_groups groups of channels of input (N, C, ...); weight and bias are (C,).

    Raises RuntimeError where the channels cannot be divided, ValueError for one value per group.
    """
    _check_channels("group_norm", input, weight=weight, bias=bias)
    batch, channels = input.shape[:2]
    if num_groups <= 0 or channels % num_groups:
        raise RuntimeError(
            "group_norm: Expected number of channels in input to be divisible by num_groups, but got "
            "input of "
            f"shape {list(input.shape)} and num_groups={num_groups}"
        )
    if batch * (channels // num_groups) * math.prod(input.shape[2:]) == 1:
        raise ValueError(
            "group_norm: Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    if input.size == 0:
        return input
    _check_dtypes("group_norm", input, weight=weight, bias=bias)
    wide = widened(input)
    scale, shift = (None if v is None else v.astype(wide.dtype) for v in (weight, bias))
    return _grouped(num_groups, eps, wide, scale, shift).astype(input.dtype)


@operation("nn.functional", grad_fn="DivBackward0")
def local_response_norm(
    input: jax.Array, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> jax.Array:
    """Input over (k + alpha * mean of squares over `size` neighbouring channels) ** beta; input (N, C,
    d...).
    """
    if input.ndim < 3:
        raise ValueError(
            f"local_response_norm: Expected 3D or higher dimensionality input (got {input.ndim} dimensions)"
        )
    if input.size == 0:
        return input
    input = to_floating(input)
    squares = jnp.square(input)
    window = (1, size, *[1] * (input.ndim - 2))
    pads = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (input.ndim - 2)]
    zero = np.zeros((), input.dtype)
    sums = jax.lax.reduce_window(squares, zero, jax.lax.add, window, (1,) * input.ndim, pads)
    return input / (sums / size * alpha + k) ** beta
