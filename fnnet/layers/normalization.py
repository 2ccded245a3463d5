"""Normalisation layers. Running statistics are buffers: a call in training returns the new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.functional.operation import warn
from fnnet.layers.function_layer import FunctionLayer
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.random.source import Source

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "CrossMapLRN2d",
    "GroupNorm",
    "InstanceNorm1d",
    "InstanceNorm2d",
    "InstanceNorm3d",
    "LayerNorm",
    "LocalResponseNorm",
    "RMSNorm",
    "SyncBatchNorm",
]


def _scale_and_shift(shape: Sequence[int], weight: bool, bias: bool, dtype: DTypeLike) -> Params:
    params = {"weight": init.ones(shape, dtype)} if weight else {}
    return {**params, "bias": init.zeros(shape, dtype)} if bias else params


class _RunningNorm(Layer):
    """Normalisation of channels that keeps running statistics."""

    dimensions: ClassVar[tuple[int, ...]] = ()
    """How many an input may have; none are named where any number will do."""

    num_features: int
    eps: float
    momentum: float | None
    affine: bool
    track_running_stats: bool
    bias: bool

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return _scale_and_shift((self.num_features,), self.affine, self.affine and self.bias, dtype)

    def own_buffers(self, dtype: DTypeLike) -> Params:
        if not self.track_running_stats:
            return {}
        return {
            "running_mean": jnp.zeros((self.num_features,), dtype),
            "running_var": jnp.ones((self.num_features,), dtype),
            "num_batches_tracked": jnp.zeros((), int),
        }

    def _parameters(self, scope: Scope) -> tuple[Any, Any]:
        weight = scope["weight"] if self.affine else None
        return weight, scope["bias"] if self.affine and self.bias else None

    def _running(self, scope: Scope) -> tuple[Any, Any]:
        if not self.track_running_stats:
            return None, None
        return scope.buffer("running_mean"), scope.buffer("running_var")

    def _check_dimensions(self, input: jax.Array) -> None:
        if self.dimensions and input.ndim not in self.dimensions:
            wanted = " or ".join(f"{n}D" for n in self.dimensions)
            raise ValueError(f"{type(self).__name__}: expected {wanted} input (got {input.ndim}D input)")

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.affine and self.bias}, track_running_stats={self.track_running_stats}"
        )


@dataclass(frozen=True, repr=False)
class _BatchNorm(_RunningNorm):
    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True
    _: KW_ONLY
    bias: bool = True

    axis_name: ClassVar[Any] = None

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        self._check_dimensions(input)
        weight, bias = self._parameters(scope)
        mean, var = self._running(scope)
        by_batch = scope.training or not self.track_running_stats
        axis = {} if self.axis_name is None or not scope.training else {"axis_name": self.axis_name}
        output = F.batch_norm(input, mean, var, weight, bias, by_batch, eps=self.eps, **axis)
        if scope.training and self.track_running_stats:
            batches = scope.buffer("num_batches_tracked") + 1
            new_mean, new_var = F.batch_norm_statistics(input, mean, var, self.momentum, batches, **axis)
            scope.update(running_mean=new_mean, running_var=new_var, num_batches_tracked=batches)
        return output


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L), as torch.nn.BatchNorm1d."""

    dimensions = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W), as torch.nn.BatchNorm2d."""

    dimensions = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W), as torch.nn.BatchNorm3d."""

    dimensions = (5,)


@dataclass(frozen=True, repr=False)
class SyncBatchNorm(_BatchNorm):
    """Batch normalisation of (N, C, ...) over all devices, as torch.nn.SyncBatchNorm.

    `process_group` names the mapped axes (of shard_map, pmap or vmap), a string or a tuple of them, over
    which the batch is spread; every device then has the same statistics. Without it, BatchNorm.
    """

    num_features: int
    eps: float = 1e-5
    momentum: float | None = 0.1
    affine: bool = True
    track_running_stats: bool = True
    process_group: Any = None
    _: KW_ONLY
    bias: bool = True

    @property
    def axis_name(self) -> Any:
        """The axes over which the statistics are taken."""
        return self.process_group

    def _check_dimensions(self, input: jax.Array) -> None:
        if input.ndim < 2:
            raise ValueError(f"expected at least 2D input (got {input.ndim}D input)")
        if input.shape[1] == 0:
            raise ValueError("SyncBatchNorm number of input channels should be non-zero")

    def ungrouped(self) -> SyncBatchNorm:
        """The same for one process."""
        return replace(self, process_group=None)

    @classmethod
    def convert_sync_batchnorm(cls, module: Layer, process_group: Any = None) -> Layer:
        """The network with SyncBatchNorm for every BatchNorm; parameters and buffers stay the same."""

        def convert(layer: Layer) -> Layer:
            if not isinstance(layer, _BatchNorm):
                return layer
            options = (layer.eps, layer.momentum, layer.affine, layer.track_running_stats, process_group)
            return cls(layer.num_features, *options, bias=layer.bias)

        return module.replace(convert)


@dataclass(frozen=True, repr=False)
class _InstanceNorm(_RunningNorm):
    num_features: int
    eps: float = 1e-5
    momentum: float = 0.1
    affine: bool = False
    track_running_stats: bool = False
    _: KW_ONLY
    bias: bool = True

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        self._check_dimensions(input)
        weight, bias = self._parameters(scope)
        mean, var = self._running(scope)
        by_instance = scope.training or not self.track_running_stats
        self._check_features(input)
        batch = input[None] if input.ndim == self.dimensions[0] else input
        output = F.instance_norm(batch, mean, var, weight, bias, by_instance, eps=self.eps)
        if scope.training and self.track_running_stats:
            share = 0.0 if self.momentum is None else self.momentum
            new_mean, new_var = F.instance_norm_statistics(batch, mean, var, share)
            scope.update(running_mean=new_mean, running_var=new_var)
        return output[0] if input.ndim == self.dimensions[0] else output

    def _check_features(self, input: jax.Array) -> None:
        dim = input.ndim - self.dimensions[0]
        if input.shape[dim] == self.num_features:
            return
        if self.affine:
            raise ValueError(
                f"{type(self).__name__}: expected input's size at dim={dim} to match num_features "
                f"({self.num_features}), but got: {input.shape[dim]}."
            )
        warn(
            f"input's size at dim={dim} does not match num_features. You can silence this warning by not "
            "passing in num_features, which is not used because affine=False",
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L) or (C, L), as torch.nn.InstanceNorm1d."""

    dimensions = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W) or (C, H, W), as torch.nn.InstanceNorm2d."""

    dimensions = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W) or (C, D, H, W), as torch.nn.InstanceNorm3d."""

    dimensions = (4, 5)


def _as_shape(layer: Layer, normalized_shape: int | Sequence[int]) -> None:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    object.__setattr__(layer, "normalized_shape", shape)


@dataclass(frozen=True, repr=False)
class LayerNorm(Layer):
    """Normalisation over the last dimensions, as torch.nn.LayerNorm."""

    normalized_shape: Any
    eps: float = 1e-5
    elementwise_affine: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        _as_shape(self, self.normalized_shape)

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        affine = self.elementwise_affine
        return _scale_and_shift(self.normalized_shape, affine, affine and self.bias, dtype)

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        weight = scope["weight"] if self.elementwise_affine else None
        bias = scope["bias"] if self.elementwise_affine and self.bias else None
        return F.layer_norm(input, self.normalized_shape, weight, bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.elementwise_affine and self.bias}"
        )


@dataclass(frozen=True, repr=False)
class RMSNorm(Layer):
    """Division by the root mean square over the last dimensions, as torch.nn.RMSNorm."""

    normalized_shape: Any
    eps: float | None = None
    elementwise_affine: bool = True

    def __post_init__(self) -> None:
        _as_shape(self, self.normalized_shape)

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return _scale_and_shift(self.normalized_shape, self.elementwise_affine, False, dtype)

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        weight = scope["weight"] if self.elementwise_affine else None
        return F.rms_norm(input, self.normalized_shape, weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


@dataclass(frozen=True, repr=False)
class GroupNorm(Layer):
    """Normalisation over groups of channels, as torch.nn.GroupNorm."""

    num_groups: int
    num_channels: int
    eps: float = 1e-5
    affine: bool = True
    _: KW_ONLY
    bias: bool = True

    def __post_init__(self) -> None:
        if self.num_channels % self.num_groups:
            raise ValueError(
                f"GroupNorm: num_channels ({self.num_channels}) must be divisible by num_groups "
                f"({self.num_groups})"
            )

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return _scale_and_shift((self.num_channels,), self.affine, self.affine and self.bias, dtype)

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        weight = scope["weight"] if self.affine else None
        bias = scope["bias"] if self.affine and self.bias else None
        return F.group_norm(input, self.num_groups, weight, bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.affine and self.bias}"
        )


@dataclass(frozen=True, repr=False)
class LocalResponseNorm(FunctionLayer):
    """Division by the squares of neighbouring channels, as torch.nn.LocalResponseNorm."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0
    function = staticmethod(F.local_response_norm)
    shown = ("=size", "alpha", "beta", "k")


@dataclass(frozen=True, repr=False)
class CrossMapLRN2d(FunctionLayer):
    """Division by the squares of neighbouring channels of (N, C, H, W), as torch.nn.CrossMapLRN2d."""

    size: int
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1
    function = staticmethod(F.cross_map_lrn2d)
    shown = ("=size", "alpha", "beta", "k")
