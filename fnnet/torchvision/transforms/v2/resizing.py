"""v2's transforms that give pictures random sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.data.raster import drawing
from fnnet.torch.random import default_generator
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.transform import Transform, query_size


class _Resized(Transform):
    """The base: `make_params` says the size."""

    interpolation: Any
    antialias: Any

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.resize(inpt, params["size"], self.interpolation, antialias=self.antialias)


class RandomResize(_Resized):
    """A random length of the shorter side."""

    def __init__(
        self, min_size: int, max_size: int, interpolation: Any = "bilinear", antialias: bool | None = True
    ) -> None:
        super().__init__()
        self.min_size = min_size
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"size": [drawing.whole(default_generator, self.min_size, self.max_size)]}


class RandomShortestSize(_Resized):
    """A length of the shorter side that is chosen from a list, and a bound on the longer one."""

    def __init__(
        self,
        min_size: Any,
        max_size: int | None = None,
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.min_size = [min_size] if isinstance(min_size, int) else list(min_size)
        self.max_size = max_size
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        by = self.min_size[drawing.whole(default_generator, 0, len(self.min_size))] / min(height, width)
        if self.max_size is not None:
            by = min(by, self.max_size / max(height, width))
        return {"size": (int(height * by), int(width * by))}


class ScaleJitter(_Resized):
    """A size that fits a target, times a random scale."""

    def __init__(
        self,
        target_size: tuple[int, int],
        scale_range: tuple[float, float] = (0.1, 2.0),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.target_size = target_size
        self.scale_range = scale_range
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        low, high = self.scale_range
        scale = np.float32(drawing.chance(default_generator)) * np.float32(high - low) + np.float32(low)
        by = np.float32(min(self.target_size[1] / height, self.target_size[0] / width)) * scale
        return {"size": (int(np.float32(height) * by), int(np.float32(width) * by))}
