"""Where pixels are: crops, borders, flips, erasing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster.frame import check_picture, dimensions, library

MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect", "symmetric": "symmetric"}


def hflip(x: Any) -> Any:
    """Left and right exchanged."""
    check_picture(x)
    return x[..., ::-1]


def vflip(x: Any) -> Any:
    """Top and bottom exchanged."""
    check_picture(x)
    return x[..., ::-1, :]


def crop(x: Any, top: int, left: int, height: int, width: int) -> Any:
    """A part of the picture; what lies outside of it is zero."""
    _, h, w = dimensions(x)
    bottom, right = top + height, left + width
    if left >= 0 and top >= 0 and right <= w and bottom <= h:
        return x[..., top:bottom, left:right]
    borders = (
        max(min(right, 0) - left, 0),
        max(min(bottom, 0) - top, 0),
        max(right - max(w, left), 0),
        max(bottom - max(h, top), 0),
    )
    return pad(x[..., max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)], borders)


def borders_of(padding: int | Sequence[int]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of 1, 2 or 4 numbers. Raises TypeError, ValueError for others."""
    if isinstance(padding, int | np.integer):
        return (int(padding),) * 4
    if not isinstance(padding, tuple | list):
        raise TypeError("Got inappropriate padding arg")
    if len(padding) not in (1, 2, 4):
        raise ValueError(
            f"Padding must be an int or a 1, 2, or 4 element tuple, not a {len(padding)} element tuple"
        )
    left, top, right, bottom = (list(padding) * 4)[:4]
    return left, top, right, bottom


def pad(x: Any, padding: int | Sequence[int], fill: Any = 0, padding_mode: str = "constant") -> Any:
    """Borders around the picture; negative ones cut it.

    Args:
        x: (..., channels, height, width).
        padding: one number, (left and right, top and bottom), or (left, top, right, bottom).
        fill: the value of a constant border, or one for each channel.
        padding_mode: "constant", "edge", "reflect" (without the edge) or "symmetric" (with it).

    Raises:
        TypeError, ValueError: for arguments of another kind or value.
        RuntimeError: for a reflection wider than the picture.
    """
    check_picture(x)
    left, top, right, bottom = borders_of(padding)
    if not isinstance(padding_mode, str):
        raise TypeError("Got inappropriate padding_mode arg")
    if padding_mode not in MODES:
        raise ValueError("Padding mode should be either constant, edge, reflect or symmetric")
    h, w = x.shape[-2:]
    x = x[..., max(-top, 0) : h - max(-bottom, 0), max(-left, 0) : w - max(-right, 0)]
    h, w = x.shape[-2:]
    widths = [(0, 0)] * (x.ndim - 2) + [(max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0))]
    xp = library(x)
    if padding_mode == "reflect" and (max(left, right) >= w or max(top, bottom) >= h):
        number, sides, dim = (4, (left, right), -1) if max(left, right) >= w else (6, (top, bottom), -2)
        raise RuntimeError(
            f"Argument #{number}: Padding size should be less than the corresponding input dimension, but "
            f"got: padding {sides} at dimension {4 + dim} of input {[*[1] * (4 - x.ndim), *x.shape]}"
        )
    if padding_mode == "symmetric" and (max(left, right) > w or max(top, bottom) > h):
        raise IndexError(f"pad: symmetric borders {padding} are wider than the picture {[h, w]}")
    if padding_mode != "constant":
        return xp.pad(x, widths, mode=MODES[padding_mode])
    if isinstance(fill, int | float):
        return xp.pad(x, widths, constant_values=np.asarray(fill).astype(x.dtype))
    colour = np.asarray(fill).astype(x.dtype).reshape(-1, 1, 1)
    if len(colour) not in (1, channels := dimensions(x)[0]):
        raise RuntimeError(
            f"The expanded size of the tensor ({channels}) must match the existing size ({len(colour)}): "
            "pad: fill needs one number, or one for each channel"
        )
    inside = np.zeros((h + widths[-2][0] + widths[-2][1], w + widths[-1][0] + widths[-1][1]), bool)
    inside[widths[-2][0] : widths[-2][0] + h, widths[-1][0] : widths[-1][0] + w] = True
    return xp.where(inside, xp.pad(x, widths), colour)


def centred(height: int, width: int, to_height: int, to_width: int) -> tuple[int, int]:
    """The top and left of a crop in the middle."""
    return round((height - to_height) / 2.0), round((width - to_width) / 2.0)


def centre_borders(height: int, width: int, to_height: int, to_width: int) -> list[int]:
    """The borders that a crop of the middle needs where it is larger than the picture."""
    down, across = max(to_height - height, 0), max(to_width - width, 0)
    return [across // 2, down // 2, (across + 1) // 2, (down + 1) // 2]


def corners(height: int, width: int, to_height: int, to_width: int) -> list[tuple[int, int]]:
    """Top and left of the five crops: the four corners, and the middle. Raises ValueError for larger ones."""
    if to_width > width or to_height > height:
        raise ValueError(
            f"Requested crop size {(to_height, to_width)} is bigger than input size {(height, width)}"
        )
    down, across = height - to_height, width - to_width
    return [(0, 0), (0, across), (down, 0), (down, across), centred(height, width, to_height, to_width)]


def erase(x: Any, top: int, left: int, height: int, width: int, value: Any) -> Any:
    """The picture with `value` in a rectangle."""
    check_picture(x)
    value = np.broadcast_to(np.asarray(value), (*x.shape[:-2], height, width)).astype(x.dtype)
    if not isinstance(x, np.ndarray):
        return x.at[..., top : top + height, left : left + width].set(value)
    made = x.copy()
    made[..., top : top + height, left : left + width] = value
    return made


def resized(
    height: int, width: int, size: Sequence[int] | None, max_size: int | None = None
) -> tuple[int, int]:
    """The height and width that Resize gives a picture.

    Args:
        height: of the picture.
        width: of the picture.
        size: (height, width), or one number: the length of the shorter side; None to fit `max_size`.
        max_size: how long the longer side may become.

    Raises ValueError for a `max_size` that is not larger than the shorter side.
    """
    short, long = min(height, width), max(height, width)
    if size is None:
        if not isinstance(max_size, int):
            raise ValueError(f"max_size must be an integer when size is None, but got {max_size} instead.")
        new_short, new_long = int(max_size * short / long), max_size
    elif len(size) == 1:
        new_short, new_long = size[0], int(size[0] * long / short)
        if max_size is not None:
            if max_size <= size[0]:
                raise ValueError(
                    f"max_size = {max_size} must be strictly greater than the requested size for the "
                    f"smaller edge size = {list(size)}"
                )
            if new_long > max_size:
                new_short, new_long = int(max_size * new_short / new_long), max_size
    else:
        return size[0], size[1]
    return (new_long, new_short) if width <= height else (new_short, new_long)
