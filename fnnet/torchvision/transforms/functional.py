"""torchvision.transforms.functional: the transforms as functions of a Tensor or a PIL image."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster import blurring, conversion, pillow, placing, resampling, warping
from fnnet.data.raster import frame as raster
from fnnet.torch import dtypes as D
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import array_of, computed, tensor_of
from fnnet.torchvision.transforms.interpolation import InterpolationMode as InterpolationMode
from fnnet.torchvision.transforms.interpolation import from_number, interpolation_mode
from fnnet.torchvision.transforms.spelling import spelled, wrong_kind

hflip = spelled("hflip", 1)
vflip = spelled("vflip", 1)
crop = spelled("crop", 1)
adjust_brightness = spelled("adjust_brightness", 1)
adjust_contrast = spelled("adjust_contrast", 1)
adjust_saturation = spelled("adjust_saturation", 1)
adjust_hue = spelled("adjust_hue", 1)
adjust_gamma = spelled("adjust_gamma", 1)
adjust_sharpness = spelled("adjust_sharpness", 1)
rgb_to_grayscale = spelled("rgb_to_grayscale", 1)
invert = spelled("invert", 1)
solarize = spelled("solarize", 1)
autocontrast = spelled("autocontrast", 1)
equalize = spelled("equalize", 1)
_posterize = spelled("posterize", 1)


def get_dimensions(img: Any) -> list[int]:
    """[channels, height, width]."""
    if isinstance(img, Tensor):
        return raster.dimensions(img)
    if pillow.is_picture(img):
        return pillow.dimensions(img)
    raise TypeError(f"Unexpected type {type(img)}")


def get_image_size(img: Any) -> list[int]:
    """[width, height]."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: Any) -> int:
    """The number of channels."""
    return get_dimensions(img)[0]


def to_tensor(pic: Any) -> Tensor:
    """A PIL image or array (height, width[, channels]) as a tensor (channels, height, width); bytes / 255.

    Raises TypeError for anything else, ValueError for an array of other dimensions.
    """
    if isinstance(pic, np.ndarray):
        if pic.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {pic.ndim} dimensions.")
        array = pic.transpose(2, 0, 1) if pic.ndim == 3 else pic[None]
    elif pillow.is_picture(pic):
        array = pillow.to_array(pic)
    else:
        raise TypeError(f"pic should be PIL Image or ndarray. Got {type(pic)}")
    if array.dtype == np.uint8:
        return tensor_of(conversion.unit(array, np.dtype(D.get_default_dtype().numpy)))
    return tensor_of(array.copy())


def pil_to_tensor(pic: Any) -> Tensor:
    """A PIL image as a tensor (channels, height, width) of its own dtype."""
    if not pillow.is_picture(pic):
        raise TypeError(f"pic should be PIL Image. Got {type(pic)}")
    return tensor_of(pillow.to_array(pic, keep=True))


def convert_image_dtype(image: Tensor, dtype: Any = D.float32) -> Tensor:
    """The picture in another dtype, scaled so that full brightness stays full brightness."""
    if not isinstance(image, Tensor):
        raise TypeError("Input img should be Tensor Image")
    return computed(conversion.convert_dtype, image, np.dtype(dtype.numpy))


def to_pil_image(pic: Any, mode: str | None = None) -> Any:
    """A tensor (channels, height, width) or array (height, width, channels) as a PIL image."""
    if isinstance(pic, Tensor):
        array = array_of(pic.detach().cpu())
        if array.ndim == 3:
            array = array.transpose(1, 2, 0)
    elif isinstance(pic, np.ndarray):
        array = pic
    else:
        raise TypeError(f"pic should be Tensor or ndarray. Got {type(pic)}.")
    return pillow.from_array(array, mode)


def normalize(tensor: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(tensor - mean) / std for each channel."""
    if not isinstance(tensor, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(tensor)}")
    return normalized(tensor, mean, std, inplace, 1)


def normalized(tensor: Tensor, mean: Any, std: Any, inplace: bool, edition: int) -> Tensor:
    """`normalize` of either edition."""
    mean, std = (
        array_of(one) if isinstance(one, Tensor) else list(one) if isinstance(one, tuple) else one
        for one in (mean, std)
    )
    made = computed(conversion.normalize, tensor, mean, std, edition=edition)
    return tensor.copy_(made) if inplace else made


def output_size(img: Any, size: Any, max_size: int | None = None) -> tuple[int, int]:
    """The height and width that `resize` gives this picture."""
    _, height, width = get_dimensions(img)
    return placing.resized(height, width, [size] if isinstance(size, int) else size, max_size)


def resize(
    img: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Any:
    """The picture in another size: (height, width), or one number, the length of the shorter side."""
    mode = interpolation_mode(interpolation)
    if isinstance(size, list | tuple):
        if len(size) not in (1, 2):
            raise ValueError(
                f"Size must be an int or a 1 or 2 element tuple/list, not a {len(size)} element tuple/list"
            )
        if max_size is not None and len(size) != 1:
            raise ValueError(
                "max_size should only be passed if size specifies the length of the smaller edge, "
                "i.e. size should be an int or a sequence of length 1 in torchscript mode."
            )
    to = output_size(img, size, max_size)
    if list(to) == get_dimensions(img)[1:]:
        return img
    if isinstance(img, Tensor):
        return computed(resampling.resize, img, list(to), mode.value, antialias)
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.",
            stacklevel=2,
        )
    return pillow.resize(img, to, mode.value)


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Borders around the picture: one number, (left/right, top/bottom), or (left, top, right, bottom)."""
    if isinstance(img, Tensor):
        if fill is not None and not isinstance(fill, int | float):
            raise TypeError("Got inappropriate fill arg")
        return computed(placing.pad, img, padding, 0 if fill is None else fill, padding_mode)
    if pillow.is_picture(img):
        return pillow.pad(img, padding, fill, padding_mode)
    raise wrong_kind("pad", img, 1)


def _two(size: Any) -> Any:
    if isinstance(size, numbers.Number):
        return (int(size), int(size))  # type: ignore[call-overload]
    if isinstance(size, tuple | list) and len(size) == 1:
        return (size[0], size[0])
    return size


def center_crop(img: Any, output_size: Any) -> Any:
    """The middle of the picture; black borders where it is larger than the picture."""
    to_height, to_width = _two(output_size)
    _, height, width = get_dimensions(img)
    if to_width > width or to_height > height:
        img = pad(img, placing.centre_borders(height, width, to_height, to_width), fill=0)
        _, height, width = get_dimensions(img)
        if (to_height, to_width) == (height, width):
            return img
    return crop(img, *placing.centred(height, width, to_height, to_width), to_height, to_width)


def resized_crop(
    img: Any,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Any:
    """A part of the picture in another size."""
    return resize(crop(img, top, left, height, width), size, interpolation, antialias=antialias)


def five_crop(img: Any, size: Any) -> tuple[Any, ...]:
    """The four corners and the middle. Raises ValueError if `size` is larger than the picture."""
    size = _two(size)
    if len(size) != 2:
        raise ValueError("Please provide only two dimensions (h, w) for size.")
    _, height, width = get_dimensions(img)
    to_height, to_width = size
    if to_width > width or to_height > height:
        raise ValueError(f"Requested crop size {size} is bigger than input size {(height, width)}")
    places = placing.corners(height, width, to_height, to_width)
    return tuple(crop(img, *place, to_height, to_width) for place in places)


def ten_crop(img: Any, size: Any, vertical_flip: bool = False) -> tuple[Any, ...]:
    """Five crops of the picture, and five of the flipped one."""
    return five_crop(img, size) + five_crop(vflip(img) if vertical_flip else hflip(img), size)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """The picture with four corners moved."""
    coefficients = warping.perspective_coefficients(startpoints, endpoints)
    mode = interpolation_mode(interpolation).value
    if isinstance(img, Tensor):
        return computed(warping.perspective, img, coefficients, mode, fill)
    return pillow.perspective(img, coefficients, mode, fill)


def rotate(
    img: Any,
    angle: float,
    interpolation: Any = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Any = None,
    fill: Any = None,
) -> Any:
    """The picture turned by `angle` degrees counter-clockwise."""
    mode = interpolation_mode(interpolation).value
    if not isinstance(angle, int | float):
        raise TypeError("Argument angle should be int or float")
    if center is not None and not isinstance(center, list | tuple):
        raise TypeError("Argument center should be a sequence")
    if isinstance(img, Tensor):
        return computed(warping.rotate, img, angle, mode, expand, center, fill)
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
) -> Any:
    """The picture turned clockwise, moved, scaled and sheared about its middle."""
    return moved(img, angle, translate, scale, shear, interpolation_mode(interpolation), fill, center, 1)


def moved(
    img: Any,
    angle: float,
    translate: Any,
    scale: float,
    shear: Any,
    mode: InterpolationMode,
    fill: Any,
    center: Any,
    edition: int,
) -> Any:
    """`affine` of either edition."""
    both = shear_of(angle, translate, scale, shear, center)
    _, height, width = get_dimensions(img)
    middle = [width * 0.5, height * 0.5]
    if isinstance(img, Tensor):
        about = [0.0, 0.0] if center is None else [c - m for c, m in zip(center, middle, strict=True)]
        shift = [float(t) for t in translate]
        matrix = warping.inverse_affine(about, float(angle), shift, scale, both)
        return computed(warping.affine, img, matrix, mode.value, fill, edition=edition)
    matrix = warping.inverse_affine(middle if center is None else center, angle, translate, scale, both)
    return pillow.affine(img, matrix, mode.value, fill)


def to_grayscale(img: Any, num_output_channels: int = 1) -> Any:
    """A PIL image without colours. Raises TypeError for a tensor."""
    if not pillow.is_picture(img):
        raise TypeError("Input should be PIL Image")
    return pillow.grayscale(img, num_output_channels)


def erase(img: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The picture with `v` in the rectangle of top i, left j, height h and width w."""
    if not isinstance(img, Tensor):
        raise TypeError(f"img should be Tensor Image. Got {type(img)}")
    value = array_of(v) if isinstance(v, Tensor) else v
    made = computed(placing.erase, img, i, j, h, w, value)
    return img.copy_(made) if inplace else made


def blurred(img: Any, kernel_size: Any, sigma: Any, edition: int) -> Any:
    """`gaussian_blur` of either edition."""
    sizes = list(blurring.kernel_sizes(kernel_size))
    sigmas = blurring.deviations(sigma, sizes)
    if isinstance(img, Tensor):
        return computed(blurring.gaussian_blur, img, sizes, sigmas, edition)
    if not pillow.is_picture(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    made = blurring.gaussian_blur(pillow.to_array(img, keep=True), sizes, sigmas, edition)
    return pillow.from_array(made.transpose(1, 2, 0), img.mode)


def gaussian_blur(img: Any, kernel_size: Any, sigma: Any = None) -> Any:
    """Each pixel the mean of its neighbours, weighted by a normal distribution."""
    return blurred(img, kernel_size, sigma, 1)


def posterize(img: Any, bits: int) -> Any:
    """Brightness in 2 ** bits levels."""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    return _posterize(img, bits)


def elastic_transform(
    img: Any, displacement: Tensor, interpolation: Any = InterpolationMode.BILINEAR, fill: Any = None
) -> Any:
    """Each pixel looked up at its own place moved by `displacement` (1, height, width, 2)."""
    if isinstance(interpolation, int):
        warnings.warn(
            "Argument interpolation should be of type InterpolationMode instead of int. Please, use "
            "InterpolationMode enum.",
            stacklevel=2,
        )
    return stretched(img, displacement, from_number(interpolation), fill, 1)


def stretched(img: Any, displacement: Tensor, mode: InterpolationMode, fill: Any, edition: int) -> Any:
    """`elastic_transform` of either edition."""
    if not isinstance(displacement, Tensor):
        raise TypeError("Argument displacement should be a Tensor")
    moves = array_of(displacement)
    if isinstance(img, Tensor):
        return computed(warping.elastic, img, moves, mode.value, fill, edition)
    if not pillow.is_picture(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    made = warping.elastic(pillow.to_array(img, keep=True), moves, mode.value, fill, edition)
    return pillow.from_array(made.transpose(1, 2, 0), img.mode)
