"""One function for pictures of either kind, from one for arrays and one for Pillow's pictures."""

from __future__ import annotations

import inspect
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


def described(function: Any, like: Callable[..., Any], first: str, name: str = "") -> Any:
    """The function with the name, docstring and signature of another, but for the name of its picture."""
    signature = inspect.signature(like)
    picture, *rest = signature.parameters.values()
    kept = [one for one in rest if one.name != "edition"]
    function.__name__ = function.__qualname__ = name or like.__name__
    function.__doc__ = like.__doc__
    function.__signature__ = signature.replace(parameters=[picture.replace(name=first), *kept])
    return function


def dispatched(name: str) -> Callable[..., Any]:
    """A function of FUNCTIONS for pictures of either kind, of the edition that it is told."""
    of_array, of_picture, differs = FUNCTIONS[name]

    def function(img: Any, *arguments: Any, edition: int, **named: Any) -> Any:
        if isinstance(img, Tensor):
            own = {"edition": edition} if differs else {}
            return computed(of_array, img, *arguments, **named, **own)
        if pillow.is_picture(img):
            return of_picture(img, *arguments, **named)
        raise wrong_kind(name, img, edition)

    return described(function, of_array, "img", name)


def of_edition(function: Callable[..., Any], edition: int) -> Any:
    """A function that serves both editions, as v1 (its picture is `img`) or v2 (`inpt`) has it."""
    first = "img" if edition == 1 else "inpt"

    def own(*arguments: Any, **named: Any) -> Any:
        if not arguments:
            if first not in named:
                raise TypeError(f"{function.__name__}() missing 1 required positional argument: '{first}'")
            arguments = (named.pop(first),)
        return function(*arguments, **named, edition=edition)

    return described(own, function, first)


def spelled(name: str, edition: int) -> Any:
    """The function `name` of torchvision's transforms, of edition v1 or v2."""
    return of_edition(dispatched(name), edition)
