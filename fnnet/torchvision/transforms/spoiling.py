"""Transforms that spoil pictures: erased rectangles, blur, distortion."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster import blurring, drawing
from fnnet.torch import nn
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms import checking
from fnnet.torchvision.transforms import functional as F
from fnnet.torchvision.transforms.computing import tensor_of
from fnnet.torchvision.transforms.geometry import ByChance
from fnnet.torchvision.transforms.interpolation import InterpolationMode, from_number


class RandomErasing(ByChance):
    """A random rectangle of a tensor replaced, by chance."""

    def __init__(
        self,
        p: float = 0.5,
        scale: Any = (0.02, 0.33),
        ratio: Any = (0.3, 3.3),
        value: Any = 0,
        inplace: bool = False,
    ) -> None:
        super().__init__(p)
        checking.check_erasing(value, scale, ratio)
        if p < 0 or p > 1:
            raise ValueError("Random erasing probability should be between 0 and 1")
        self.scale = scale
        self.ratio = ratio
        self.value = value
        self.inplace = inplace

    @staticmethod
    def get_params(img: Tensor, scale: Any, ratio: Any, value: Any = None) -> tuple[Any, ...]:
        shape = img.shape[-3:]
        drawn = drawing.erasing(default_generator, shape, scale, ratio, value)
        if drawn is None:
            return 0, 0, shape[1], shape[2], img
        return (*drawn[:4], tensor_of(np.array(drawn[4])))

    def change(self, img: Any) -> Any:
        value = self.value
        if isinstance(value, str):
            value = None
        elif isinstance(value, int | float):
            value = [float(value)]
        elif isinstance(value, list | tuple):
            value = [float(one) for one in value]
        checking.check_erased(value, img.shape[-3], "input")
        top, left, height, width, new = self.get_params(img, self.scale, self.ratio, value)
        return F.erase(img, top, left, height, width, new, self.inplace)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(p={self.p}, scale={self.scale}, ratio={self.ratio}, "
            f"value={self.value}, inplace={self.inplace})"
        )


class GaussianBlur(nn.Module):
    """Blurred by a random deviation."""

    def __init__(self, kernel_size: Any, sigma: Any = (0.1, 2.0)) -> None:
        super().__init__()
        self.kernel_size = checking.setup_size(
            kernel_size, "Kernel size should be a tuple/list of two integers"
        )
        checking.check_kernel(self.kernel_size)
        if isinstance(sigma, numbers.Number):
            if sigma <= 0:  # type: ignore[operator]
                raise ValueError("If sigma is a single number, it must be positive.")
            sigma = (sigma, sigma)
        elif isinstance(sigma, Sequence) and len(sigma) == 2:
            if not 0.0 < sigma[0] <= sigma[1]:
                raise ValueError("sigma values should be positive and of the form (min, max).")
        else:
            raise ValueError("sigma should be a single number or a list/tuple with length 2.")
        self.sigma = sigma

    @staticmethod
    def get_params(sigma_min: float, sigma_max: float) -> float:
        return drawing.between(default_generator, sigma_min, sigma_max)

    def forward(self, img: Any) -> Any:
        sigma = self.get_params(self.sigma[0], self.sigma[1])
        return F.gaussian_blur(img, self.kernel_size, [sigma, sigma])

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(kernel_size={self.kernel_size}, sigma={self.sigma})"


def _pair(given: Any, name: str) -> list[float]:
    if not isinstance(given, float | Sequence):
        raise TypeError(f"{name} should be float or a sequence of floats. Got {type(given)}")
    if isinstance(given, float):
        return [given, given]
    if len(given) != 2:
        raise ValueError(f"If {name} is a sequence its length should be 2. Got {len(given)}")
    for one in given:
        if not isinstance(one, float):
            raise TypeError(f"{name} should be a sequence of floats. Got {type(one)}")
    return given  # type: ignore[return-value]


def displacement_of(alpha: Any, sigma: Any, size: Any, edition: int) -> Tensor:
    """What ElasticTransform draws: moves (1, height, width, 2), smoothed by `sigma`, as long as `alpha`."""
    moves = []
    for length, deviation, over in ((alpha[0], sigma[0], size[1]), (alpha[1], sigma[1], size[0])):
        drawn = default_generator.uniform((1, 1, *size), 0.0, 1.0) * np.float32(2) - np.float32(1)
        if deviation > 0.0:
            kernel = int(8 * deviation + 1) | 1
            drawn = blurring.gaussian_blur(drawn, [kernel, kernel], list(sigma), edition)
        moves.append(drawn * np.float32(length) / np.float32(over))
    return tensor_of(np.concatenate(moves, 1).transpose(0, 2, 3, 1))


class ElasticTransform(nn.Module):
    """Distorted as if seen through water."""

    def __init__(
        self,
        alpha: Any = 50.0,
        sigma: Any = 5.0,
        interpolation: Any = InterpolationMode.BILINEAR,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.alpha = _pair(alpha, "alpha")
        self.sigma = _pair(sigma, "sigma")
        self.interpolation = from_number(interpolation)
        if isinstance(fill, int | float):
            fill = [float(fill)]
        elif isinstance(fill, list | tuple):
            fill = [float(one) for one in fill]
        else:
            raise TypeError(f"fill should be int or float or a list or tuple of them. Got {type(fill)}")
        self.fill = fill

    @staticmethod
    def get_params(alpha: Any, sigma: Any, size: Any) -> Tensor:
        return displacement_of(alpha, sigma, size, 1)

    def forward(self, tensor: Any) -> Any:
        _, height, width = F.get_dimensions(tensor)
        moves = self.get_params(self.alpha, self.sigma, [height, width])
        return F.elastic_transform(tensor, moves, self.interpolation, self.fill)

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(alpha={self.alpha}, sigma={self.sigma}, "
            f"interpolation={self.interpolation}, fill={self.fill})"
        )
