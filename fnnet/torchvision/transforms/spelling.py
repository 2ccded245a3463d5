"""One function for pictures of either kind, from one for arrays and one for Pillow's pictures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.data.raster import blurring, colour, levels, pillow, placing
from fnnet.torch.tensor import Tensor
from fnnet.torchvision.transforms.computing import computed

# name: of arrays, of Pillow's pictures, whether torchvision's editions v1 and v2 differ
FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any], bool]] = {
    "hflip": (placing.hflip, pillow.hflip, False),
    "vflip": (placing.vflip, pillow.vflip, False),
    "adjust_brightness": (colour.adjust_brightness, pillow.adjust_brightness, True),
    "adjust_contrast": (colour.adjust_contrast, pillow.adjust_contrast, True),
    "adjust_saturation": (colour.adjust_saturation, pillow.adjust_saturation, True),
    "adjust_hue": (colour.adjust_hue, pillow.adjust_hue, True),
    "adjust_gamma": (colour.adjust_gamma, pillow.adjust_gamma, True),
    "adjust_sharpness": (blurring.adjust_sharpness, pillow.adjust_sharpness, True),
    "rgb_to_grayscale": (colour.grayscale, pillow.grayscale, True),
    "invert": (levels.invert, pillow.invert, True),
    "posterize": (levels.posterize, pillow.posterize, True),
    "solarize": (levels.solarize, pillow.solarize, True),
    "autocontrast": (levels.autocontrast, pillow.autocontrast, True),
    "equalize": (levels.equalize, pillow.equalize, True),
    "crop": (placing.crop, pillow.crop, False),
}


def wrong_kind(name: str, given: Any, edition: int) -> TypeError:
    """The error for what is no picture."""
    if edition == 2:
        return TypeError(
            f"Functional F.{name} supports inputs of type torch.Tensor and PIL.Image.Image, "
            f"but got {type(given)} instead."
        )
    return TypeError(f"img should be PIL Image. Got {type(given)}")


def spelled(name: str, edition: int) -> Any:
    """The function `name` of torchvision's transforms, of edition v1 or v2."""
    of_array, of_picture, differs = FUNCTIONS[name]
    own: dict[str, Any] = {"edition": edition} if differs else {}
    first = "img" if edition == 1 else "inpt"

    def function(*arguments: Any, **named: Any) -> Any:
        if not arguments:
            if first not in named:
                raise TypeError(f"{name}() missing 1 required positional argument: '{first}'")
            arguments = (named.pop(first),)
        image, *rest = arguments
        if isinstance(image, Tensor):
            return computed(of_array, image, *rest, **named, **own)
        if pillow.is_picture(image):
            return of_picture(image, *rest, **named)
        raise wrong_kind(name, image, edition)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = of_array.__doc__
    return function
