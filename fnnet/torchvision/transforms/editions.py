"""The functions that torchvision has in two editions, v1 and v2, each once for both.

`spelling.of_edition` makes of one what an edition has; where the editions differ, `edition` says how.
"""

from __future__ import annotations

import numbers
import warnings
from typing import Any

from fnnet.data.raster import blurring, pillow, placing, resampling, warping
from fnnet.data.raster import frame as raster
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import array_of, computed
from fnnet.torchvision.transforms.interpolation import InterpolationMode, from_number, interpolation_mode
from fnnet.torchvision.transforms.spelling import dispatched, wrong_kind

_crop = dispatched("crop")
_hflip, _vflip = dispatched("hflip"), dispatched("vflip")


def mode_of(interpolation: Any, edition: int) -> str:
    """The name of a mode; v2 takes names as well."""
    return interpolation_mode(interpolation, names=edition == 2).value


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    if isinstance(img, Tensor):
        return raster.dimensions(img)
    if pillow.is_picture(img):
        return pillow.dimensions(img)
    raise TypeError(f"Unexpected type {type(img)}")


def _check_size(size: Any, max_size: int | None, edition: int) -> None:
    if edition == 2:
        if not isinstance(size, int) and size is not None and max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size is None or specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
    elif isinstance(size, list | tuple):
        if len(size) not in (1, 2):
            raise ValueError(
                f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list"
            )
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )


def resize(
    img: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
    *,
    edition: int,
) -> Any:
    """The picture in another size: (height, width), or one number, the length of the shorter side."""
    mode = mode_of(interpolation, edition)
    _check_size(size, max_size, edition)
    _, height, width = get_dimensions(img)
    to = placing.resized(height, width, [size] if isinstance(size, int) else size, max_size)
    if tuple(to) == (height, width):
        return img
    if isinstance(img, Tensor):
        return computed(resampling.resize, img, list(to), mode, antialias, edition)
    if antialias is False and edition == 1:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.",
            stacklevel=3,
        )
    return pillow.resize(img, to, mode)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
    *,
    edition: int,
) -> Any:
    """A part of the picture in another size."""
    part = _crop(img, top, left, height, width, edition=edition)
    return resize(part, size, interpolation, antialias=antialias, edition=edition)


def bordered(img: Any, padding: Any, fill: Any, padding_mode: str, edition: int) -> Any:
    """`pad` with arguments that the edition has checked."""
    if isinstance(img, Tensor):
        return computed(placing.pad, img, padding, 0 if fill is None else fill, padding_mode)
    if pillow.is_picture(img):
        return pillow.pad(img, padding, fill, padding_mode)
    raise wrong_kind("pad", img, edition)


def _two(size: Any) -> Any:
    if isinstance(size, numbers.Number):
        return (int(size), int(size))  # type: ignore[call-overload]
    if isinstance(size, tuple | list) and len(size) == 1:
        return (size[0], size[0])
    return size


def center_crop(img: Any, output_size: Any, *, edition: int) -> Any:
    """The middle of the picture; black borders where it is larger than the picture."""
    to_height, to_width = _two(output_size)
    _, height, width = get_dimensions(img)
    if to_width > width or to_height > height:
        borders = placing.centre_borders(height, width, to_height, to_width)
        img = bordered(img, borders, 0, "constant", edition)
        _, height, width = get_dimensions(img)
        if (to_height, to_width) == (height, width):
            return img
    place = placing.centred(height, width, to_height, to_width)
    return _crop(img, *place, to_height, to_width, edition=edition)


def five_crop(img: Any, size: Any, *, edition: int) -> tuple[Any, ...]:
    """The four corners and the middle. Raises ValueError if `size` is larger than the picture."""
    size = _two(size)
    if len(size) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    _, height, width = get_dimensions(img)
    to_height, to_width = size
    if to_width > width or to_height > height:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(height, width)}")
    places = placing.corners(height, width, to_height, to_width)
    return tuple(_crop(img, *place, to_height, to_width, edition=edition) for place in places)


def ten_crop(img: Any, size: Any, vertical_flip: bool = False, *, edition: int) -> tuple[Any, ...]:
    """Five crops of the picture, and five of the flipped one."""
    flipped = (_vflip if vertical_flip else _hflip)(img, edition=edition)
    return five_crop(img, size, edition=edition) + five_crop(flipped, size, edition=edition)


def seen(img: Any, coefficients: Any, interpolation: Any, fill: Any, edition: int) -> Any:
    """`perspective` by its eight coefficients."""
    mode = mode_of(interpolation, edition)
    if isinstance(img, Tensor):
        return computed(warping.perspective, img, coefficients, mode, fill, edition=edition)
    return pillow.perspective(img, coefficients, mode, fill)


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Any = None,
    fill: Any = None,
    *,
    edition: int,
) -> Any:
    """The picture turned by `angle` degrees counter-clockwise."""
    mode = mode_of(interpolation, edition)
    if edition == 1 and not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if edition == 1 and center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")
    if isinstance(img, Tensor):
        return computed(warping.rotate, img, angle, mode, expand, center, fill, edition=edition)
    return pillow.rotate(img, angle, mode, expand, center, fill)


def shear_of(angle: Any, translate: Any, scale: float, shear: Any, center: Any) -> list[float]:
    """Two angles of shear; the other arguments of `affine` are checked too."""
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if not isinstance(translate, list | tuple):
        raise TypeError("Argument translate should be a sequence")
    if len(translate) != 2:
        raise ValueError("Argument translate should be a sequence of length 2")
    if scale <= 0.0:
        raise ValueError("Argument scale should be positive")
    if not isinstance(shear, numbers.Number | list | tuple):
        raise TypeError("Shear should be either a single value or a sequence of two values")
    both: list[Any] = [shear, 0.0] if isinstance(shear, numbers.Number) else list(shear)
    if len(both) == 1:
        both = both * 2
    if len(both) != 2:
        raise ValueError(f"Shear should be a sequence containing two values. Got {both}")
    if center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")
    return both


def affine(
    img: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    interpolation: Any = InterpolationMode.NEAREST,
    fill: Any = None,
    center: Any = None,
    *,
    edition: int,
) -> Any:
    """The picture turned clockwise, moved, scaled and sheared about its middle."""
    mode = mode_of(interpolation, edition)
    both = shear_of(angle, translate, scale, shear, center)
    _, height, width = get_dimensions(img)
    middle = [width * 0.5, height * 0.5]
    if isinstance(img, Tensor):
        about = [0.0, 0.0] if center is None else [c - m for c, m in zip(center, middle, strict=True)]
        shift = [float(t) for t in translate]
        matrix = warping.inverse_affine(about, float(angle), shift, scale, both)
        return computed(warping.affine, img, matrix, mode, fill, edition=edition)
    matrix = warping.inverse_affine(middle if center is None else center, angle, translate, scale, both)
    return pillow.affine(img, matrix, mode, fill)


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None, *, edition: int) -> Any:
    """Each pixel the mean of its neighbours, weighted by a normal distribution."""
    sizes = list(blurring.kernel_sizes(kernel_size))
    sigmas = blurring.deviations(sigma, sizes)
    if isinstance(img, Tensor):
        return computed(blurring.gaussian_blur, img, sizes, sigmas, edition)
    if not pillow.is_picture(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    made = blurring.gaussian_blur(pillow.to_array(img, keep=True), sizes, sigmas, edition)
    return pillow.from_array(made.transpose(1, 2, 0), img.mode)


def elastic_transform(
    img: Any,
    displacement: Tensor,
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
    *,
    edition: int,
) -> Any:
    """Each pixel looked up at its own place moved by `displacement` (1, height, width, 2)."""
    if edition == 1 and isinstance(interpolation, int):
        warnings.warn(
            "Argument interpolation should be of type InterpolationMode instead of int. Please, use "
            "InterpolationMode enum.",
            stacklevel=3,
        )
    mode = from_number(interpolation).value if edition == 1 else mode_of(interpolation, edition)
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    moves = array_of(displacement)
    if isinstance(img, Tensor):
        return computed(warping.elastic, img, moves, mode, fill, edition)
    if not pillow.is_picture(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    made = warping.elastic(pillow.to_array(img, keep=True), moves, mode, fill, edition)
    return pillow.from_array(made.transpose(1, 2, 0), img.mode)
