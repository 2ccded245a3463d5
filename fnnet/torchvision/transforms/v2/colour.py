"""v2's transforms of colours and levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnnet.data.raster import drawing
from fnnet.torch.random import default_generator
from fnnet.torchvision.transforms.colour import ColorJitter as _V1Jitter
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.transform import ByChance, Transform, query_chw

_CHANGES = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


class Grayscale(Transform):
    """Without colours."""

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.rgb_to_grayscale(inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(ByChance):
    """Without colours, by chance; as many channels as before."""

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.rgb_to_grayscale(inpt, num_output_channels=params["channels"])


class RGB(Transform):
    """Three channels of one."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.grayscale_to_rgb(inpt)


def _range(
    value: Any, name: str, center: float = 1.0, bound: tuple[float, float] = (0, float("inf"))
) -> tuple[float, float] | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative.")
        low = center - value
        value = [max(low, 0.0) if center else low, center + value]
    elif isinstance(value, Sequence) and len(value) == 2:
        value = [float(one) for one in value]
    else:
        raise TypeError(f"{name}={value} should be a single number or a sequence with length 2.")
    if not bound[0] <= value[0] <= value[1] <= bound[1]:
        raise ValueError(f"{name} values should be between {bound} and increasing, but got {value}.")
    return None if value[0] == value[1] == center else (float(value[0]), float(value[1]))


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in a random order."""

    get_params = staticmethod(_V1Jitter.get_params)

    def __init__(
        self, brightness: Any = None, contrast: Any = None, saturation: Any = None, hue: Any = None
    ) -> None:
        super().__init__()
        self.brightness = _range(brightness, "brightness")
        self.contrast = _range(contrast, "contrast")
        self.saturation = _range(saturation, "saturation")
        self.hue = _range(hue, "hue", 0, (-0.5, 0.5))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        order, factors = drawing.jitter(default_generator, *ranges)
        return {"order": order, "factors": factors}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for which in params["order"]:
            if params["factors"][which] is not None:
                inpt = _CHANGES[which](inpt, params["factors"][which])
        return inpt


class RandomChannelPermutation(Transform):
    """The channels in a random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": drawing.order(default_generator, query_chw(flat_inputs)[0])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.permute_channels(inpt, params["permutation"])


class RandomPhotometricDistort(Transform):
    """Brightness, contrast, saturation, hue and the order of the channels, each changed by chance."""

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels = query_chw(flat_inputs)[0]
        g = default_generator
        ranges = (self.brightness, self.contrast, self.saturation, self.hue)
        factors = [drawing.between(g, *one) if drawing.happens(g, self.p) else None for one in ranges]
        before = drawing.happens(g, 0.5)
        order = drawing.order(g, channels) if drawing.happens(g, self.p) else None
        return {"factors": factors, "order": [0, 1, 2, 3] if before else [0, 2, 3, 1], "channels": order}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        for which in params["order"]:
            if params["factors"][which] is not None:
                inpt = _CHANGES[which](inpt, params["factors"][which])
        return inpt if params["channels"] is None else F.permute_channels(inpt, params["channels"])


class RandomEqualize(ByChance):
    """Levels made equally frequent, by chance."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.equalize(inpt)


class RandomInvert(ByChance):
    """Bright and dark exchanged, by chance."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.invert(inpt)


class RandomPosterize(ByChance):
    """Fewer levels of brightness, by chance."""

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p)
        self.bits = bits

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.posterize(inpt, self.bits)


class RandomSolarize(ByChance):
    """Bright levels inverted, by chance."""

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.threshold = threshold

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.solarize(inpt, self.threshold)


class RandomAutocontrast(ByChance):
    """Levels spread, by chance."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.autocontrast(inpt)


class RandomAdjustSharpness(ByChance):
    """Blurred or sharpened, by chance."""

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.adjust_sharpness(inpt, self.sharpness_factor)
