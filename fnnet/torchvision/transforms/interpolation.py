"""The names of the ways in which pixels are found between pixels."""

from __future__ import annotations

from enum import Enum
from typing import Any


class InterpolationMode(Enum):
    """How Resize, rotations and the like look up pixels. The last three are Pillow's alone."""

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


_OF_PILLOW = {
    0: InterpolationMode.NEAREST,
    1: InterpolationMode.LANCZOS,
    2: InterpolationMode.BILINEAR,
    3: InterpolationMode.BICUBIC,
    4: InterpolationMode.BOX,
    5: InterpolationMode.HAMMING,
}


def from_number(given: Any) -> Any:
    """The mode of one of Pillow's constants; anything else as it is."""
    return _OF_PILLOW[given] if isinstance(given, int) else given


def interpolation_mode(given: Any, names: bool = False) -> InterpolationMode:
    """A mode, of itself, of one of Pillow's constants, or, with `names`, of its name.

    Raises TypeError for anything else, ValueError for an unknown name.
    """
    given = from_number(given)
    if names and isinstance(given, str):
        given = InterpolationMode(given.lower())
    if not isinstance(given, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant"
            + (f", but got {given}." if names else "")
        )
    return given
