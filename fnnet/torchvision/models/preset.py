"""What a classifier's pictures go through first: resize, centre crop, to floats, normalise."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from fnnet.torch import float32
from fnnet.torch.nn import Module
from fnnet.torch.tensor import Tensor

__all__ = ["ImageClassification"]


class ImageClassification(Module):
    """A PIL picture or a tensor (..., C, H, W) -> a tensor (..., C, crop_size, crop_size), normalised."""

    def __init__(
        self,
        *,
        crop_size: int,
        resize_size: int = 256,
        mean: Sequence[float] = (0.485, 0.456, 0.406),
        std: Sequence[float] = (0.229, 0.224, 0.225),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.crop_size = [crop_size]
        self.resize_size = [resize_size]
        self.mean = list(mean)
        self.std = list(std)
        modes = import_module("fnnet.torchvision.transforms").InterpolationMode
        self.interpolation = modes(interpolation) if isinstance(interpolation, str) else interpolation
        self.antialias = antialias

    def forward(self, img: Any) -> Any:
        """The picture as a network wants it."""
        f = import_module("fnnet.torchvision.transforms.functional")
        img = f.resize(img, self.resize_size, interpolation=self.interpolation, antialias=self.antialias)
        img = f.center_crop(img, self.crop_size)
        if not isinstance(img, Tensor):
            img = f.pil_to_tensor(img)
        img = f.convert_image_dtype(img, float32)
        return f.normalize(img, mean=self.mean, std=self.std)

    def __repr__(self) -> str:
        names = ("crop_size", "resize_size", "mean", "std", "interpolation")
        lines = "".join(f"\n    {name}={getattr(self, name)}" for name in names)
        return f"{type(self).__name__}({lines}\n)"
