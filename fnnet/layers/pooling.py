"""Pooling layers in 1, 2 and 3 dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from fnnet import functional as F
from fnnet.functional.spatial import Sizes
from fnnet.layers.layer import Layer, Scope

__all__ = ["MaxPool1d", "MaxPool2d", "MaxPool3d"]


def _hashable(layer: Layer, *names: str) -> None:
    for name in names:
        value = getattr(layer, name)
        if isinstance(value, list):
            object.__setattr__(layer, name, tuple(value))


@dataclass(frozen=True, repr=False)
class _MaxPoolNd(Layer):
    kernel_size: Sizes
    stride: Sizes | None = None
    padding: Sizes = 0
    dilation: Sizes = 1
    return_indices: bool = False
    ceil_mode: bool = False

    function: ClassVar[Any]

    def __post_init__(self) -> None:
        _hashable(self, "kernel_size", "stride", "padding", "dilation")
        if self.stride is None:
            object.__setattr__(self, "stride", self.kernel_size)

    def forward(self, scope: Scope, /, input: Any) -> Any:
        return type(self).function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """Largest element of each window of (N, C, L) or (C, L), as torch.nn.MaxPool1d."""

    function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """Largest element of each window of (N, C, H, W) or (C, H, W), as torch.nn.MaxPool2d."""

    function = staticmethod(F.max_pool2d)


class MaxPool3d(_MaxPoolNd):
    """Largest element of each window of (N, C, D, H, W) or (C, D, H, W), as torch.nn.MaxPool3d."""

    function = staticmethod(F.max_pool3d)
