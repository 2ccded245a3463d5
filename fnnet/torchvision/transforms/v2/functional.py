"""torchvision.transforms.v2.functional: the same functions, with v2's arithmetic and checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.data.raster import colour, conversion, levels, pillow, placing, warping
from fnnet.data.raster import frame as raster
from fnnet.torch import dtypes as D
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor
from fnnet.torchvision import tv_tensors
from fnnet.torchvision.transforms import editions
from fnnet.torchvision.transforms import functional as v1
from fnnet.torchvision.transforms.computing import array_of, computed
from fnnet.torchvision.transforms.interpolation import InterpolationMode as InterpolationMode
from fnnet.torchvision.transforms.spelling import described, of_edition, spelled, wrong_kind


def _kept(function: Callable[..., Any]) -> Any:
    """A function whose result of a tv_tensors.Image is one too."""

    def kept(*arguments: Any, **named: Any) -> Any:
        if not arguments and "inpt" in named:
            arguments = (named.pop("inpt"),)
        image = arguments[0] if arguments else None
        made = function(*arguments, **named)
        if not isinstance(image, tv_tensors.TVTensor):
            return made
        wrap = tv_tensors.wrap
        return (
            tuple(wrap(one, like=image) for one in made)
            if isinstance(made, tuple)
            else wrap(made, like=image)
        )

    return described(kept, function, "inpt")


horizontal_flip = hflip = _kept(spelled("hflip", 2))
vertical_flip = vflip = _kept(spelled("vflip", 2))
crop = _kept(spelled("crop", 2))
adjust_brightness = _kept(spelled("adjust_brightness", 2))
adjust_contrast = _kept(spelled("adjust_contrast", 2))
adjust_saturation = _kept(spelled("adjust_saturation", 2))
adjust_hue = _kept(spelled("adjust_hue", 2))
adjust_gamma = _kept(spelled("adjust_gamma", 2))
adjust_sharpness = _kept(spelled("adjust_sharpness", 2))
rgb_to_grayscale = to_grayscale = _kept(spelled("rgb_to_grayscale", 2))
invert = _kept(spelled("invert", 2))
posterize = _kept(spelled("posterize", 2))
solarize = _kept(spelled("solarize", 2))
autocontrast = _kept(spelled("autocontrast", 2))
equalize = _kept(spelled("equalize", 2))
resize = _kept(of_edition(editions.resize, 2))
resized_crop = _kept(of_edition(editions.resized_crop, 2))
center_crop = _kept(of_edition(editions.center_crop, 2))
five_crop = _kept(of_edition(editions.five_crop, 2))
ten_crop = _kept(of_edition(editions.ten_crop, 2))
rotate = _kept(of_edition(editions.rotate, 2))
affine = _kept(of_edition(editions.affine, 2))
gaussian_blur = _kept(of_edition(editions.gaussian_blur, 2))
elastic = elastic_transform = _kept(of_edition(editions.elastic_transform, 2))
pil_to_tensor = v1.pil_to_tensor
get_dimensions = v1.get_dimensions
get_num_channels = get_image_num_channels = v1.get_image_num_channels


def get_size(inpt: Any) -> list[int]:
    """[height, width]."""
    return get_dimensions(inpt)[1:]


def is_pure_tensor(inpt: Any) -> bool:
    """Whether it is a tensor of no special kind."""
    return isinstance(inpt, Tensor) and not isinstance(inpt, tv_tensors.TVTensor)


def to_image(inpt: Any) -> Any:
    """A PIL image, array (height, width[, channels]) or tensor as a tv_tensors.Image."""
    if isinstance(inpt, np.ndarray):
        if inpt.ndim not in (2, 3):
            raise ValueError(f"pic should be 2/3 dimensional. Got {inpt.ndim} dimensions.")
        inpt = np.ascontiguousarray(inpt.transpose(2, 0, 1) if inpt.ndim == 3 else inpt[None])
    elif not isinstance(inpt, Tensor) and not pillow.is_picture(inpt):
        raise TypeError(
            f"Input can either be a pure Tensor, a numpy array, or a PIL image, but got {type(inpt)} instead."
        )
    return tv_tensors.Image(inpt)


def to_pil_image(inpt: Any, mode: str | None = None) -> Any:
    """A tensor or array as a PIL image."""
    return v1.to_pil_image(inpt, mode)


def to_tensor(inpt: Any) -> Tensor:
    """v1's to_tensor."""
    return v1.to_tensor(inpt)


@_kept
def to_dtype(inpt: Tensor, dtype: Any = D.float32, scale: bool = False) -> Tensor:
    """Another dtype; with `scale`, full brightness stays full brightness."""
    if not isinstance(inpt, Tensor):
        raise wrong_kind("to_dtype", inpt, 2)
    if inpt.dtype == dtype:
        return inpt
    if not scale:
        moved: Tensor = inpt.to(dtype)
        return moved
    return computed(conversion.convert_dtype, inpt, np.dtype(dtype.numpy), edition=2)


def convert_image_dtype(image: Tensor, dtype: Any = D.float32) -> Tensor:
    """`to_dtype` with scale."""
    made: Tensor = to_dtype(image, dtype, True)
    return made


@_kept
def normalize(inpt: Tensor, mean: Any, std: Any, inplace: bool = False) -> Tensor:
    """(inpt - mean) / std for each channel."""
    if not isinstance(inpt, Tensor):
        raise wrong_kind("normalize", inpt, 2)
    return v1.normalized(inpt, mean, std, inplace, 2)


@_kept
def pad(inpt: Any, padding: Any, fill: Any = None, padding_mode: str = "constant") -> Any:
    """Borders around the picture."""
    if isinstance(inpt, Tensor):
        if padding_mode not in placing.MODES:
            raise ValueError(
                "`padding_mode` should be either `'constant'`, `'edge'`, `'reflect'` or `'symmetric'`, "
                f"but got `'{padding_mode}'`."
            )
        if isinstance(fill, list | tuple) and len(fill) > 1 and padding_mode != "constant":
            raise ValueError(f"Padding mode '{padding_mode}' is not supported if fill is not scalar")
    return editions.bordered(inpt, padding, fill, padding_mode, 2)


@_kept
def perspective(
    inpt: Any,
    startpoints: Any,
    endpoints: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    fill: Any = None,
    coefficients: Any = None,
) -> Any:
    """The picture with four corners moved, or by eight coefficients."""
    if coefficients is not None:
        if startpoints is not None and endpoints is not None:
            raise ValueError(
                "The startpoints/endpoints and the coefficients shouldn't be defined concurrently."
            )
        if len(coefficients) != 8:
            raise ValueError("Argument coefficients should have 8 float values")
    elif startpoints is None or endpoints is None:
        raise ValueError("Either the startpoints/endpoints or the coefficients must have non `None` values.")
    else:
        coefficients = warping.perspective_coefficients(startpoints, endpoints)
    return editions.seen(inpt, coefficients, interpolation, fill, 2)


@_kept
def gaussian_noise(inpt: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """The picture and normal noise."""
    if pillow.is_picture(inpt):
        raise ValueError("Gaussian Noise is not implemented for PIL images.")
    kind = inpt.dtype.numpy if inpt.is_floating_point() else np.float32
    strides = None if inpt.is_contiguous() else inpt.stride()
    noise = default_generator.normal(tuple(inpt.shape), 0.0, 1.0, dtype=kind, strides=strides)
    return computed(levels.add_noise, inpt, noise, mean, sigma, clip)


@_kept
def erase(inpt: Tensor, i: int, j: int, h: int, w: int, v: Any, inplace: bool = False) -> Tensor:
    """The picture with `v` in a rectangle."""
    if pillow.is_picture(inpt):
        value = array_of(v) if isinstance(v, Tensor) else v
        made = placing.erase(pillow.to_array(inpt, keep=True), i, j, h, w, value)
        return pillow.from_array(made.transpose(1, 2, 0), inpt.mode)
    return v1.erase(inpt, i, j, h, w, v, inplace)


@_kept
def permute_channels(inpt: Any, permutation: Any) -> Any:
    """The channels in another order."""
    order = array_of(permutation) if isinstance(permutation, Tensor) else np.asarray(permutation)
    if isinstance(inpt, Tensor):
        return computed(colour.permute_channels, inpt, order)
    made = colour.permute_channels(pillow.to_array(inpt, keep=True), order)
    return pillow.from_array(made.transpose(1, 2, 0))


@_kept
def grayscale_to_rgb(inpt: Any) -> Any:
    """Three channels of one."""
    if pillow.is_picture(inpt):
        return inpt.convert(mode="RGB")
    return inpt if raster.dimensions(inpt)[0] >= 3 else rgb_to_grayscale(inpt, num_output_channels=3)
