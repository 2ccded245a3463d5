"""Layers that rearrange or resize pictures, and distances between vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fnnet import functional as F
from fnnet.functional.spatial import Sizes
from fnnet.layers.function_layer import FunctionLayer

__all__ = [
    "ChannelShuffle",
    "CosineSimilarity",
    "Fold",
    "PairwiseDistance",
    "PixelShuffle",
    "PixelUnshuffle",
    "Unfold",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
]


@dataclass(frozen=True, repr=False)
class PixelShuffle(FunctionLayer):
    """(..., C r^2, H, W) to (..., C, H r, W r), as torch.nn.PixelShuffle."""

    upscale_factor: int
    function = staticmethod(F.pixel_shuffle)
    shown = ("upscale_factor",)


@dataclass(frozen=True, repr=False)
class PixelUnshuffle(FunctionLayer):
    """(..., C, H r, W r) to (..., C r^2, H, W), as torch.nn.PixelUnshuffle."""

    downscale_factor: int
    function = staticmethod(F.pixel_unshuffle)
    shown = ("downscale_factor",)


@dataclass(frozen=True, repr=False)
class ChannelShuffle(FunctionLayer):
    """Channels dealt out between groups, as torch.nn.ChannelShuffle."""

    groups: int
    function = staticmethod(F.channel_shuffle)
    shown = ("groups",)


@dataclass(frozen=True, repr=False)
class Unfold(FunctionLayer):
    """Sliding blocks as columns, as torch.nn.Unfold."""

    kernel_size: Sizes
    dilation: Sizes = 1
    padding: Sizes = 0
    stride: Sizes = 1
    function = staticmethod(F.unfold)
    shown = ("kernel_size", "dilation", "padding", "stride")


@dataclass(frozen=True, repr=False)
class Fold(FunctionLayer):
    """Columns summed into pictures, as torch.nn.Fold."""

    output_size: Sizes
    kernel_size: Sizes
    dilation: Sizes = 1
    padding: Sizes = 0
    stride: Sizes = 1
    function = staticmethod(F.fold)
    shown = ("output_size", "kernel_size", "dilation", "padding", "stride")


@dataclass(frozen=True, repr=False)
class Upsample(FunctionLayer):
    """Resizing by interpolation, as torch.nn.Upsample."""

    size: Any = None
    scale_factor: Any = None
    mode: str = "nearest"
    align_corners: bool | None = None
    recompute_scale_factor: bool | None = None
    function = staticmethod(F.interpolate)

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.scale_factor, tuple):
            object.__setattr__(self, "scale_factor", tuple(float(factor) for factor in self.scale_factor))
        elif self.scale_factor is not None:
            object.__setattr__(self, "scale_factor", float(self.scale_factor))

    def extra_repr(self) -> str:
        if self.scale_factor is not None:
            return f"scale_factor={self.scale_factor!r}, mode={self.mode!r}"
        return f"size={self.size!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resizing by the nearest element, as torch.nn.UpsamplingNearest2d."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Bilinear resizing with aligned corners, as torch.nn.UpsamplingBilinear2d."""

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)


@dataclass(frozen=True, repr=False)
class CosineSimilarity(FunctionLayer):
    """Cosine of two inputs along `dim`, as torch.nn.CosineSimilarity."""

    dim: int = 1
    eps: float = 1e-8
    function = staticmethod(F.cosine_similarity)


@dataclass(frozen=True, repr=False)
class PairwiseDistance(FunctionLayer):
    """Distance of two inputs along the last dimension, as torch.nn.PairwiseDistance."""

    p: float = 2.0
    eps: float = 1e-6
    keepdim: bool = False
    function = staticmethod(F.pairwise_distance)
