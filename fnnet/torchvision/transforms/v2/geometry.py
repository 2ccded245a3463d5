"""v2's transforms that move pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster import drawing, placing, warping
from fnnet.torch.random import default_generator
from fnnet.torchvision.transforms import checking
from fnnet.torchvision.transforms import geometry as v1
from fnnet.torchvision.transforms.spoiling import ElasticTransform as _V1Elastic
from fnnet.torchvision.transforms.spoiling import displacement_of
from fnnet.torchvision.transforms.v2 import functional as F
from fnnet.torchvision.transforms.v2.transform import ByChance, Transform, fill_of, query_size, setup_fill

_MODES = ("constant", "edge", "reflect", "symmetric")


class RandomHorizontalFlip(ByChance):
    """Left and right exchanged, by chance."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.horizontal_flip(inpt)


class RandomVerticalFlip(ByChance):
    """Top and bottom exchanged, by chance."""

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.vertical_flip(inpt)


class Resize(Transform):
    """Another size: (height, width), the length of the shorter side, or None to fit `max_size`."""

    def __init__(
        self, size: Any, interpolation: Any = "bilinear", max_size: int | None = None, antialias: Any = True
    ) -> None:
        super().__init__()
        if isinstance(size, int):
            size = [size]
        elif isinstance(size, Sequence) and len(size) in (1, 2):
            size = list(size)
        elif size is not None:
            raise ValueError(
                f"size can be an integer, a sequence of one or two integers, or None, but got {size} instead."
            )
        elif not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        self.size = size
        self.interpolation = interpolation
        self.max_size = max_size
        self.antialias = antialias

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.resize(inpt, self.size, self.interpolation, self.max_size, self.antialias)


class CenterCrop(Transform):
    """The middle."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = checking.setup_size(size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.center_crop(inpt, self.size)


class RandomResizedCrop(Transform):
    """A random part in a given size."""

    get_params = staticmethod(v1.RandomResizedCrop.get_params)

    def __init__(
        self,
        size: Any,
        scale: Any = (0.08, 1.0),
        ratio: Any = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: Any = "bilinear",
        antialias: bool | None = True,
    ) -> None:
        super().__init__()
        self.size = checking.setup_size(size)
        if not isinstance(scale, Sequence) or len(scale) != 2:
            raise TypeError("Scale should be a sequence of two floats.")
        if not isinstance(ratio, Sequence) or len(ratio) != 2:
            raise TypeError("Ratio should be a sequence of two floats.")
        checking.check_ranges(scale, ratio)
        self.scale = scale
        self.ratio = ratio
        self.interpolation = interpolation
        self.antialias = antialias

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        part = drawing.resized_crop(default_generator, query_size(flat_inputs), self.scale, self.ratio)
        return dict(zip(("top", "left", "height", "width"), part, strict=True))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        how = {"interpolation": self.interpolation, "antialias": self.antialias}
        return F.resized_crop(inpt, **params, size=self.size, **how)


class FiveCrop(Transform):
    """The four corners and the middle, a tuple."""

    def __init__(self, size: Any) -> None:
        super().__init__()
        self.size = checking.setup_size(size)

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.five_crop(inpt, self.size)


class TenCrop(Transform):
    """Five crops, and five of the flipped picture."""

    def __init__(self, size: Any, vertical_flip: bool = False) -> None:
        super().__init__()
        self.size = checking.setup_size(size)
        self.vertical_flip = vertical_flip

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.ten_crop(inpt, self.size, vertical_flip=self.vertical_flip)


def _check_padding(padding: Any, mode: str) -> None:
    whole = isinstance(padding, int)
    if isinstance(padding, tuple | list):
        whole = len(padding) in (1, 2, 4) and all(isinstance(one, int) for one in padding)
    if not whole:
        raise ValueError(f"Padding must be an int or a 1, 2, or 4 element of tuple or list, got {padding}.")
    if mode not in _MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")


class Pad(Transform):
    """Borders."""

    def __init__(self, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> None:
        super().__init__()
        _check_padding(padding, padding_mode)
        self.padding = padding if isinstance(padding, int) else list(padding)
        self.fill = fill
        self._fill = setup_fill(fill)
        self.padding_mode = padding_mode

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pad(inpt, self.padding, fill_of(self._fill, inpt), self.padding_mode)


class RandomZoomOut(ByChance):
    """The picture somewhere on a larger canvas, by chance."""

    def __init__(self, fill: Any = 0, side_range: Any = (1.0, 4.0), p: float = 0.5) -> None:
        super().__init__(p)
        self.fill = fill
        self._fill = setup_fill(fill)
        checking.check_sequence(side_range, "side_range", (2,))
        self.side_range = side_range
        if side_range[0] < 1.0 or side_range[0] > side_range[1]:
            raise ValueError(f"Invalid side range provided {side_range}.")

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        low, high = self.side_range
        by = np.float32(drawing.chance(default_generator)) * np.float32(high - low) + np.float32(low)
        wide, tall = int(np.float32(width) * by), int(np.float32(height) * by)
        shares = default_generator.uniform((2,), 0.0, 1.0)
        left, top = int(np.float32(wide - width) * shares[0]), int(np.float32(tall - height) * shares[1])
        return {"padding": [left, top, wide - (left + width), tall - (top + height)]}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.pad(inpt, **params, fill=fill_of(self._fill, inpt))


class RandomRotation(Transform):
    """Turned by a random angle."""

    get_params = staticmethod(v1.RandomRotation.get_params)

    def __init__(
        self,
        degrees: Any,
        interpolation: Any = "nearest",
        expand: bool = False,
        center: Any = None,
        fill: Any = 0,
    ) -> None:
        super().__init__()
        self.degrees = checking.setup_angle(degrees, "degrees")
        self.interpolation = interpolation
        self.expand = expand
        self.fill = fill
        self._fill = setup_fill(fill)
        if center is not None:
            checking.check_sequence(center, "center", (2,))
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"angle": drawing.between(default_generator, *self.degrees)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        fill = fill_of(self._fill, inpt)
        return F.rotate(inpt, params["angle"], self.interpolation, self.expand, self.center, fill)


class RandomAffine(Transform):
    """Turned, moved, scaled and sheared at random."""

    get_params = staticmethod(v1.RandomAffine.get_params)

    def __init__(
        self,
        degrees: Any,
        translate: Any = None,
        scale: Any = None,
        shear: Any = None,
        interpolation: Any = "nearest",
        fill: Any = 0,
        center: Any = None,
    ) -> None:
        super().__init__()
        self.degrees = checking.setup_angle(degrees, "degrees")
        checking.check_affine(translate, scale, center)
        self.translate = translate
        self.scale = scale
        self.shear = None if shear is None else checking.setup_angle(shear, "shear", (2, 4))
        self.interpolation = interpolation
        self.fill = fill
        self._fill = setup_fill(fill)
        self.center = center

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        size = query_size(flat_inputs)[::-1]
        ranges = (self.degrees, self.translate, self.scale, self.shear)
        drawn = drawing.affine(default_generator, *ranges, size)
        return dict(zip(("angle", "translate", "scale", "shear"), drawn, strict=True))

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        how = {"interpolation": self.interpolation, "fill": fill_of(self._fill, inpt)}
        return F.affine(inpt, **params, **how, center=self.center)


class RandomCrop(Transform):
    """A part at a random place."""

    get_params = staticmethod(v1.RandomCrop.get_params)

    def __init__(
        self,
        size: Any,
        padding: Any = None,
        pad_if_needed: bool = False,
        fill: Any = 0,
        padding_mode: str = "constant",
    ) -> None:
        super().__init__()
        self.size = checking.setup_size(size)
        if pad_if_needed or padding is not None:
            _check_padding(0 if padding is None else padding, padding_mode)
        left, top, right, bottom = placing.borders_of(padding) if padding else (0, 0, 0, 0)
        self.padding = [left, right, top, bottom] if padding else None
        self.pad_if_needed = pad_if_needed
        self.fill = fill
        self._fill = setup_fill(fill)
        self.padding_mode = padding_mode

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        left, right, top, bottom = self.padding or (0, 0, 0, 0)
        height, width = height + top + bottom, width + left + right
        to_height, to_width = self.size
        if self.pad_if_needed:
            down, across = max(to_height - height, 0), max(to_width - width, 0)
            top, bottom, height = top + down, bottom + down, height + 2 * down
            left, right, width = left + across, right + across, width + 2 * across
        if height < to_height or width < to_width:
            raise ValueError(
                f"Required crop size {(to_height, to_width)} is larger than "
                f"{'padded ' if self.padding is not None else ''}input image size {(height, width)}."
            )
        at = [
            drawing.whole(default_generator, 0, room + 1) if room > 0 else 0
            for room in (height - to_height, width - to_width)
        ]
        needs = (height, width) != (to_height, to_width)
        return {
            "padding": [left, top, right, bottom],
            "part": (*at, to_height, to_width) if needs else None,
        }

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        if any(params["padding"]):
            inpt = F.pad(inpt, params["padding"], fill_of(self._fill, inpt), self.padding_mode)
        return inpt if params["part"] is None else F.crop(inpt, *params["part"])


class RandomPerspective(ByChance):
    """Seen at a random angle, by chance."""

    get_params = staticmethod(v1.RandomPerspective.get_params)

    def __init__(
        self, distortion_scale: float = 0.5, p: float = 0.5, interpolation: Any = "bilinear", fill: Any = 0
    ) -> None:
        super().__init__(p)
        if not 0 <= distortion_scale <= 1:
            raise ValueError("Argument distortion_scale value should be between 0 and 1")
        self.distortion_scale = distortion_scale
        self.interpolation = interpolation
        self.fill = fill
        self._fill = setup_fill(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        height, width = query_size(flat_inputs)
        points = drawing.perspective(default_generator, width, height, self.distortion_scale)
        return {"coefficients": warping.perspective_coefficients(*points)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        fill = fill_of(self._fill, inpt)
        return F.perspective(inpt, None, None, self.interpolation, fill, **params)


class ElasticTransform(Transform):
    """Distorted as if seen through water."""

    get_params = staticmethod(_V1Elastic.get_params)

    def __init__(
        self, alpha: Any = 50.0, sigma: Any = 5.0, interpolation: Any = "bilinear", fill: Any = 0
    ) -> None:
        super().__init__()
        self.alpha = number_or_pair(alpha, "alpha")
        self.sigma = number_or_pair(sigma, "sigma")
        self.interpolation = interpolation
        self.fill = fill
        self._fill = setup_fill(fill)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"displacement": displacement_of(self.alpha, self.sigma, query_size(flat_inputs), 2)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        return F.elastic(inpt, **params, interpolation=self.interpolation, fill=fill_of(self._fill, inpt))


def number_or_pair(given: Any, name: str) -> list[float]:
    """Two floats of one number or two."""
    if not isinstance(given, int | float | Sequence):
        raise TypeError(f"{name} should be a number or a sequence of numbers. Got {type(given)}")
    if isinstance(given, int | float):
        return [float(given)] * 2
    if len(given) not in (1, 2):
        raise ValueError(f"If {name} is a sequence its length should be 1 or 2. Got {len(given)}")
    for one in given:
        if not isinstance(one, int | float):
            raise ValueError(f"{name} should be a sequence of numbers. Got {type(one)}")
    return [float(given[0]), float(given[-1])]
