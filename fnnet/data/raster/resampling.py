"""Other sizes: each pixel a weighted sum of old ones, along one axis and then along the other.

The weights are those of torch.nn.functional.interpolate, and so is the arithmetic: in floats, or, for bytes
in torchvision's v2 transforms, in whole numbers as Pillow does it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fnnet.data.raster.frame import as_float, back, check_picture, library

MODES = ("nearest", "nearest-exact", "bilinear", "bicubic", "lanczos")


def _triangle(x: Any) -> Any:
    return np.maximum(1 - np.abs(x), 0).astype(x.dtype)


def _cubic(x: Any, a: float, spread: bool = False) -> Any:
    x = np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a if spread else (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0)).astype(x.dtype)


def cubic_shares(t: Any, a: float = -0.75) -> list[Any]:
    """The weights of the pixels at -1, 0, 1, 2 for a place t from 0 to 1 (cubic convolution)."""
    outer = [((a * x - 5 * a) * x + 8 * a) * x - 4 * a for x in (t + 1, 2 - t)]
    inner = [((a + 2) * x - (a + 3)) * x * x + 1 for x in (t, 1 - t)]
    return [outer[0], *inner, outer[1]]


def _lanczos(x: Any) -> Any:
    """sinc(x) sinc(x / 3) from -3 to 3."""
    return np.where((x >= -3) & (x < 3), np.sinc(x) * np.sinc(x / 3), 0).astype(x.dtype)


FILTERS: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "bilinear": (2, _triangle),
    "bicubic": (4, functools.partial(_cubic, a=-0.5)),
    "lanczos": (6, _lanczos),
}


class Taps(NamedTuple):
    """For each new pixel of an axis the old ones that it is made of, (new, taps), and their weights."""

    places: np.ndarray
    weights: np.ndarray


@functools.lru_cache(maxsize=256)
def taps(old: int, new: int, mode: str, antialias: bool, wide: bool) -> Taps:
    """How `new` pixels are made of `old` ones; `wide` for weights in float64."""
    kind: Any = np.float64 if wide else np.float32
    scale = kind(old) / kind(new)
    steps = np.arange(new).astype(kind)
    if mode == "nearest":
        return Taps(np.minimum(np.floor(steps * scale).astype(np.int64), old - 1)[:, None], np.ones((new, 1)))
    if mode == "nearest-exact":
        at = np.floor((steps + kind(0.5)) * scale).astype(np.int64)
        return Taps(np.minimum(at, old - 1)[:, None], np.ones((new, 1)))
    if antialias:
        return _antialiased(old, new, scale, mode, kind)
    # PyTorch's compilers make one rounding of the product and the difference
    centre = ((steps + kind(0.5)).astype(np.float64) * scale - 0.5).astype(kind)
    if mode == "bilinear":
        centre = np.maximum(centre, kind(0))
        first = np.minimum(np.floor(centre).astype(np.int64), old - 1)
        share = np.clip(centre - first.astype(kind), 0, 1).astype(kind)
        places = np.stack([first, np.minimum(first + 1, old - 1)], 1)
        return Taps(places, np.stack([1 - share, share], 1))
    first = np.floor(centre).astype(np.int64)
    share = np.clip(centre - first.astype(kind), 0, 1).astype(kind)
    reach = np.arange(-1, 3)
    distance = np.abs(share[:, None] - reach[None].astype(kind))
    return Taps(np.clip(first[:, None] + reach, 0, old - 1), _cubic(distance, -0.75, True))


def _antialiased(old: int, new: int, scale: Any, mode: str, kind: Any) -> Taps:
    size, function = FILTERS[mode]
    half = kind(size * 0.5)
    support = half * scale if scale >= 1 else half
    inverse = kind(1) / scale if scale >= 1 else kind(1)
    most = math.ceil(float(support)) * 2 + 1
    centre = scale * (np.arange(new).astype(kind) + kind(0.5))
    low = np.maximum((centre - support + kind(0.5)).astype(np.int64), 0)
    high = np.minimum((centre + support + kind(0.5)).astype(np.int64), old)
    reach = np.arange(most)
    inside = reach[None] < (high - low)[:, None]
    at = (reach[None].astype(kind) + (low.astype(kind) - centre)[:, None] + kind(0.5)) * inverse
    weights = np.where(inside, function(at), 0).astype(kind)
    total = np.zeros(new, kind)
    for tap in range(most):  # in order, as PyTorch adds them
        total = total + weights[:, tap]
    weights = np.where(total[:, None] != 0, weights / np.where(total == 0, 1, total)[:, None], weights)
    return Taps(np.minimum(low[:, None] + reach, old - 1), weights.astype(kind))


def _along(x: Any, axis: int, made: Taps) -> Any:
    xp = library(x)
    if made.places.shape[1] == 1:
        return xp.take(x, made.places[:, 0], axis=axis)
    shape = (-1, 1) if axis == -2 else (-1,)
    weights = made.weights.astype(x.dtype)
    total = xp.take(x, made.places[:, 0], axis=axis) * weights[:, 0].reshape(shape)
    for tap in range(1, made.places.shape[1]):
        part, weight = xp.take(x, made.places[:, tap], axis=axis), weights[:, tap].reshape(shape)
        if xp is np and x.dtype == np.float32:
            total = (total + part * weight.astype(np.float64)).astype(np.float32)  # one rounding: FMA
        else:
            total = total + part * weight
    return total


def _merged(made: Taps) -> Taps:
    """Taps that fall on one pixel, at an edge, as one: its weight is rounded once."""
    same = made.places[:, :, None] == made.places[:, None, :]
    first = np.argmax(same, 2) == np.arange(same.shape[1])
    return Taps(made.places, np.where(first, (same * made.weights[:, None, :]).sum(2), 0))


def _along_bytes(x: Any, axis: int, made: Taps) -> Any:
    """The same in whole numbers: weights of 16 bits, and bytes between the axes."""
    made = _merged(made)
    most, precision = float(made.weights.max()), 0
    while precision < 22 and int(0.5 + most * (1 << (precision + 1))) < 1 << 15:
        precision += 1
    scaled = made.weights * (1 << precision)
    weights = np.where(scaled < 0, scaled - 0.5, scaled + 0.5).astype(np.int32)
    xp = library(x)
    shape = (-1, 1) if axis == -2 else (-1,)
    total: Any = np.int32(1 << (precision - 1))
    for tap in range(weights.shape[1]):
        part = xp.take(x, made.places[:, tap], axis=axis).astype(np.int32)
        total = total + part * weights[:, tap].reshape(shape)
    return xp.clip(total >> precision, 0, 255).astype(np.uint8)


def resize(
    x: Any, size: Sequence[int], mode: str = "bilinear", antialias: bool | None = True, edition: int = 1
) -> Any:
    """The picture in another height and width.

    Args:
        x: (..., height, width).
        size: the new height and width.
        mode: one of `MODES`.
        antialias: whether a smaller picture averages over all that it covers; for lanczos it must.
        edition: torchvision's v1, which computes bytes in floats, or v2, in whole numbers.

    Raises:
        ValueError: for lanczos without antialias, NotImplementedError for another mode, RuntimeError for a
            size that is not positive.
    """
    check_picture(x)
    if mode == "lanczos" and (edition == 1 or not antialias):
        words = "InterpolationMode.LANCZOS" if edition == 2 else "Lanczos mode"
        raise ValueError(f"{words} requires antialias=True")
    if edition == 2 and x.size == 0:
        return x.reshape(*x.shape[:-2], *size)
    if mode not in MODES:
        raise NotImplementedError(
            "Input Error: Only 3D, 4D and 5D input Tensors supported (got 4D) for the modes: nearest | "
            f"linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact (got {mode})"
        )
    if min(size) <= 0 or min(x.shape[-2:]) <= 0:
        raise RuntimeError(
            f"Input and output sizes should be greater than 0, but got input (H: {x.shape[-2]}, "
            f"W: {x.shape[-1]}) output (H: {size[0]}, W: {size[1]})"
        )
    dtype = x.dtype
    smooth = mode in FILTERS
    in_bytes = smooth and edition == 2 and dtype == np.uint8
    if smooth and not in_bytes:
        x = as_float(x)
    wide = in_bytes or x.dtype == np.float64
    for axis in (-1, -2):
        if x.shape[axis] != size[axis]:
            made = taps(x.shape[axis], size[axis], mode, bool(antialias) and smooth, wide)
            x = (_along_bytes if in_bytes else _along)(x, axis, made)
    if mode in ("bicubic", "lanczos") and dtype == np.uint8:
        x = library(x).clip(x, 0, 255)
    return back(x, dtype)
