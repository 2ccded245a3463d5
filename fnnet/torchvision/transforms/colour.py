"""Transforms of colours and levels."""

from __future__ import annotations

import numbers
from typing import Any

from fnnet.data.raster import drawing
from fnnet.torch import nn
from fnnet.torch.creation import tensor
from fnnet.torch.random import default_generator
from fnnet.torchvision.transforms import functional as F
from fnnet.torchvision.transforms.geometry import ByChance

_CHANGES = ("adjust_brightness", "adjust_contrast", "adjust_saturation", "adjust_hue")


def factor_range(
    value: Any,
    name: str,
    center: float = 1,
    bound: tuple[float, float] = (0, float("inf")),
    clip: bool = True,
) -> tuple[float, float] | None:
    """The range of a factor of ColorJitter; None if it changes nothing."""
    if isinstance(value, numbers.Number):
        if value < 0:  # type: ignore[operator]
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low, high = center - float(value), center + float(value)  # type: ignore[arg-type]
        low = max(low, 0.0) if clip else low
    elif isinstance(value, tuple | list) and len(value) == 2:
        low, high = float(value[0]), float(value[1])
    else:
        raise TypeError(f"{name} should be a single number or a list/tuple with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound}, but got {[low, high]}.")
    return None if low == high == center else (low, high)


class ColorJitter(nn.Module):
    """Brightness, contrast, saturation and hue changed at random, in a random order."""

    def __init__(self, brightness: Any = 0, contrast: Any = 0, saturation: Any = 0, hue: Any = 0) -> None:
        super().__init__()
        self.brightness = factor_range(brightness, "brightness")
        self.contrast = factor_range(contrast, "contrast")
        self.saturation = factor_range(saturation, "saturation")
        self.hue = factor_range(hue, "hue", center=0, bound=(-0.5, 0.5), clip=False)

    @staticmethod
    def get_params(brightness: Any, contrast: Any, saturation: Any, hue: Any) -> tuple[Any, ...]:
        order, factors = drawing.jitter(default_generator, brightness, contrast, saturation, hue)
        return (tensor(order), *factors)

    def forward(self, img: Any) -> Any:
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        order, factors = drawing.jitter(default_generator, *ranges)
        for which in order:
            if factors[which] is not None:
                img = getattr(F, _CHANGES[which])(img, factors[which])
        return img

    def __repr__(self) -> str:
        return (
            f"{self.__class__.__name__}(brightness={self.brightness}, contrast={self.contrast}, "
            f"saturation={self.saturation}, hue={self.hue})"
        )


class Grayscale(nn.Module):
    """Without colours."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def forward(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, num_output_channels=self.num_output_channels)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(num_output_channels={self.num_output_channels})"


class RandomGrayscale(ByChance):
    """Without colours, by chance; as many channels as before."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def change(self, img: Any) -> Any:
        return F.rgb_to_grayscale(img, num_output_channels=F.get_dimensions(img)[0])


class _Exactly(ByChance):
    """By chance, compared in float64 as torchvision does for these."""

    def forward(self, img: Any) -> Any:
        return self.change(img) if drawing.chance(default_generator) < self.p else img


class RandomInvert(_Exactly):
    """Bright and dark exchanged, by chance."""

    def change(self, img: Any) -> Any:
        return F.invert(img)


class RandomPosterize(_Exactly):
    """Fewer levels of brightness, by chance."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def change(self, img: Any) -> Any:
        return F.posterize(img, self.bits)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(bits={self.bits},p={self.p})"


class RandomSolarize(_Exactly):
    """Bright levels inverted, by chance."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def change(self, img: Any) -> Any:
        return F.solarize(img, self.threshold)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(threshold={self.threshold},p={self.p})"


class RandomAdjustSharpness(_Exactly):
    """Blurred or sharpened, by chance."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def change(self, img: Any) -> Any:
        return F.adjust_sharpness(img, self.sharpness_factor)

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(sharpness_factor={self.sharpness_factor},p={self.p})"


class RandomAutocontrast(_Exactly):
    """Levels spread, by chance."""

    def change(self, img: Any) -> Any:
        return F.autocontrast(img)


class RandomEqualize(_Exactly):
    """Levels made equally frequent, by chance."""

    def change(self, img: Any) -> Any:
        return F.equalize(img)
