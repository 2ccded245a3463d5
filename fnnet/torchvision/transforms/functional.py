"""torchvision.transforms.functional: the transforms as functions of a Tensor or a PIL image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster import conversion, pillow, placing, warping
from fnnet.torch import dtypes as D
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms import editions
from fnnet.torchvision.transforms.computing import array_of, computed, tensor_of
from fnnet.torchvision.transforms.editions import get_dimensions as get_dimensions
from fnnet.torchvision.transforms.interpolation import InterpolationMode as InterpolationMode
from fnnet.torchvision.transforms.spelling import of_edition, spelled

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
resize = of_edition(editions.resize, 1)
resized_crop = of_edition(editions.resized_crop, 1)
center_crop = of_edition(editions.center_crop, 1)
five_crop = of_edition(editions.five_crop, 1)
ten_crop = of_edition(editions.ten_crop, 1)
rotate = of_edition(editions.rotate, 1)
affine = of_edition(editions.affine, 1)
gaussian_blur = of_edition(editions.gaussian_blur, 1)
elastic_transform = of_edition(editions.elastic_transform, 1)


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


def pad(img: Any, padding: Any, fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Borders around the picture: one number, (left/right, top/bottom), or (left, top, right, bottom)."""
    if isinstance(img, Tensor) and fill is not None and not isinstance(fill, int | float):
        raise TypeError("Got inappropriate fill arg")
    return editions.bordered(img, padding, fill, padding_mode, 1)


def perspective(
    img: Any,
    startpoints: Sequence[Sequence[int]],
    endpoints: Sequence[Sequence[int]],
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
) -> Any:
    """The picture with four corners moved."""
    coefficients = warping.perspective_coefficients(startpoints, endpoints)
    return editions.seen(img, coefficients, interpolation, fill, 1)


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


def posterize(img: Any, bits: int) -> Any:
    """Brightness in 2 ** bits levels."""
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    return _posterize(img, bits)
