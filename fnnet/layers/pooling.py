"""Pooling layers in 1, 2 and 3 dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import jax

from fnnet import functional as F
from fnnet.functional.adaptive_pooling import OutputSize
from fnnet.functional.spatial import Sizes
from fnnet.layers.function_layer import FunctionLayer
from fnnet.layers.layer import Scope

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _StrideIsKernel(FunctionLayer):
    """Pooling whose stride is the size of the window unless given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if getattr(self, "stride") is None:  # noqa: B009
            object.__setattr__(self, "stride", getattr(self, "kernel_size"))  # noqa: B009


@dataclass(frozen=True, repr=False)
class _MaxPoolNd(_StrideIsKernel):
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    dilation: Sizes = 1
    return_indices: bool = False
    ceil_mode: bool = False
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")


class MaxPool1d(_MaxPoolNd):
    """Largest element of each window of (N, C, L) or (C, L), as torch.nn.MaxPool1d."""

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """Largest element of each window of (N, C, H, W) or (C, H, W), as torch.nn.MaxPool2d."""

    function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """Largest element of each window of (N, C, D, H, W) or (C, D, H, W), as torch.nn.MaxPool3d."""

    function = staticmethod(F.max_pool3d)


@dataclass(frozen=True, repr=False)
class AvgPool1d(_StrideIsKernel):
    """Mean of each window of (N, C, L) or (C, L), as torch.nn.AvgPool1d."""

    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    function = staticmethod(F.avg_pool1d)
    shown = ("kernel_size", "stride", "padding")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("kernel_size", "stride", "padding"):
            value = getattr(self, name)
            object.__setattr__(self, name, value if isinstance(value, tuple) else (value,))


@dataclass(frozen=True, repr=False)
class _AvgPoolNd(_StrideIsKernel):
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    ceil_mode: bool = False
    count_include_pad: bool = True
    divisor_override: int | None = None
    shown = ("kernel_size", "stride", "padding")


class AvgPool2d(_AvgPoolNd):
    """Mean of each window of (N, C, H, W) or (C, H, W), as torch.nn.AvgPool2d."""

    function = staticmethod(F.avg_pool2d)


class AvgPool3d(_AvgPoolNd):
    """Mean of each window of (N, C, D, H, W) or (C, D, H, W), as torch.nn.AvgPool3d."""

    function = staticmethod(F.avg_pool3d)


@dataclass(frozen=True, repr=False)
class _LPPoolNd(FunctionLayer):
    norm_type: float
    kernel_size: Sizes
    stride: Sizes | None = None
    ceil_mode: bool = False
    shown = ("norm_type", "kernel_size", "stride", "ceil_mode")


class LPPool1d(_LPPoolNd):
    """Power average of each window of (N, C, L) or (C, L), as torch.nn.LPPool1d."""

    function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """Power average of each window of (N, C, H, W) or (C, H, W), as torch.nn.LPPool2d."""

    function = staticmethod(F.lp_pool2d)


class LPPool3d(_LPPoolNd):
    """Power average of each window of (N, C, D, H, W) or (C, D, H, W), as torch.nn.LPPool3d."""

    function = staticmethod(F.lp_pool3d)


@dataclass(frozen=True, repr=False)
class _AdaptiveAvgPoolNd(FunctionLayer):
    output_size: OutputSize
    shown = ("output_size",)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Means over output_size windows that cover (N, C, L) or (C, L), as torch.nn.AdaptiveAvgPool1d."""

    function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Means over output_size windows that cover (N, C, H, W) or (C, H, W), as torch.nn.AdaptiveAvgPool2d."""

    function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Means over output_size windows that cover (N, C, D, H, W) or (C, D, H, W), as
    torch.nn.AdaptiveAvgPool3d.
    """

    function = staticmethod(F.adaptive_avg_pool3d)


@dataclass(frozen=True, repr=False)
class _AdaptiveMaxPoolNd(FunctionLayer):
    output_size: OutputSize
    return_indices: bool = False
    shown = ("output_size",)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maxima over output_size windows that cover (N, C, L) or (C, L), as torch.nn.AdaptiveMaxPool1d."""

    function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maxima over output_size windows that cover (N, C, H, W) or (C, H, W), as torch.nn.AdaptiveMaxPool2d."""

    function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maxima over output_size windows that cover (N, C, D, H, W) or (C, D, H, W), as
    torch.nn.AdaptiveMaxPool3d.
    """

    function = staticmethod(F.adaptive_max_pool3d)


@dataclass(frozen=True, repr=False)
class _FractionalMaxPoolNd(FunctionLayer):
    kernel_size: Sizes
    output_size: Sizes | None = None
    output_ratio: Any = None
    return_indices: bool = False
    shown = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if (self.output_size is None) == (self.output_ratio is None):
            raise ValueError(
                f"{type(self).__name__}: exactly one of output_size and output_ratio must be given, got "
                f"{self.output_size} and {self.output_ratio}"
            )

    def forward(self, scope: Scope, /, *inputs: Any) -> Any:
        return type(self).function(*inputs, **self.options(), key=scope.source)


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maxima over windows at random steps of (N, C, H, W) or (C, H, W), as torch.nn.FractionalMaxPool2d."""

    function = staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Maxima over windows at random steps of (N, C, D, H, W) or (C, D, H, W), as
    torch.nn.FractionalMaxPool3d.
    """

    function = staticmethod(F.fractional_max_pool3d)


@dataclass(frozen=True, repr=False)
class _MaxUnpoolNd(_StrideIsKernel):
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    shown = ("kernel_size", "stride", "padding")

    def __post_init__(self) -> None:
        super().__post_init__()
        n = int(type(self).__name__[-2])
        for field in fields(self):
            value = getattr(self, field.name)
            object.__setattr__(self, field.name, value if isinstance(value, tuple) else (value,) * n)

    def forward(
        self, scope: Scope, /, input: jax.Array, indices: jax.Array, output_size: Sequence[int] | None = None
    ) -> jax.Array:
        return type(self).function(input, indices, **self.options(), output_size=output_size)


class MaxUnpool1d(_MaxUnpoolNd):
    """Maxima put back where their indices found them in (N, C, L) or (C, L), as torch.nn.MaxUnpool1d."""

    function = staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """Maxima put back where their indices found them in (N, C, H, W) or (C, H, W), as
    torch.nn.MaxUnpool2d.
    """

    function = staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """Maxima put back where their indices found them in (N, C, D, H, W) or (C, D, H, W), as
    torch.nn.MaxUnpool3d.
    """

    function = staticmethod(F.max_unpool3d)
