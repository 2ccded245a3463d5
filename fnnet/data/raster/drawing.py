"""What the random transforms draw, from a `fnnet.random.Generator`: torchvision's numbers from the same seed.

Each function draws in torchvision's order and leaves the stream where torchvision leaves it. A JAX key may be
given in place of a generator; then a generator is seeded from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.sampler import as_generator

_NARROW = 1 << 24


def _word(random: Any) -> int:
    """One word of the stream: what single numbers are made of, without the cost of filling an array."""
    return int(as_generator(random)._engine.words(1)[0])


def chance(random: Any) -> float:
    """One number of [0, 1), of float32."""
    return (_word(random) & 0xFFFFFF) * 2.0**-24


def happens(random: Any, p: float) -> bool:
    """Whether something of probability p happens; compared in float32."""
    return bool(np.float32(chance(random)) < np.float32(p))


def between(random: Any, low: float, high: float) -> float:
    """One number of [low, high), of float32."""
    return float(as_generator(random).uniform((1,), float(low), float(high))[0])


def whole(random: Any, low: int, high: int) -> int:
    """One whole number of [low, high). Raises RuntimeError if there is none."""
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if high - low < _NARROW:
        return _word(random) % (high - low) + low
    return int(as_generator(random).random((1,), low, high)[0])


def order(random: Any, n: int) -> list[int]:
    """0 .. n - 1 in a random order."""
    return [int(one) for one in as_generator(random).randperm(n)]


def crop(random: Any, size: Sequence[int], to: Sequence[int]) -> tuple[int, int, int, int]:
    """RandomCrop: top, left, height, width of a part `to` of a picture of `size` (both height, width).

    Raises ValueError if the part is larger than the picture.
    """
    (height, width), (to_height, to_width) = size, to
    if height < to_height or width < to_width:
        raise ValueError(
            f"Required crop size {(to_height, to_width)} is larger than input image size {(height, width)}"
        )
    if (height, width) == (to_height, to_width):
        return 0, 0, height, width
    generator = as_generator(random)
    top = whole(generator, 0, height - to_height + 1)
    return top, whole(generator, 0, width - to_width + 1), to_height, to_width


def _patch(random: Any, area: float, scale: Sequence[float], ratio: Sequence[float]) -> tuple[int, int]:
    """Two sides of a patch of a share of the area: one that grows with the drawn ratio, one that shrinks."""
    generator = as_generator(random)
    logs = np.log(np.asarray(ratio, np.float32))
    target = area * between(generator, scale[0], scale[1])
    aspect = float(np.exp(np.float32(between(generator, float(logs[0]), float(logs[1])))))
    return round(math.sqrt(target * aspect)), round(math.sqrt(target / aspect))


def resized_crop(
    random: Any, size: Sequence[int], scale: Sequence[float], ratio: Sequence[float]
) -> tuple[int, int, int, int]:
    """RandomResizedCrop: top, left, height, width of a part with a share of the area and an aspect ratio."""
    generator = as_generator(random)
    height, width = size
    for _ in range(10):
        w, h = _patch(generator, height * width, scale, ratio)
        if 0 < w <= width and 0 < h <= height:
            top = whole(generator, 0, height - h + 1)
            return top, whole(generator, 0, width - w + 1), h, w
    aspect = float(width) / float(height)
    w, h = width, height
    if aspect < min(ratio):
        h = round(w / min(ratio))
    elif aspect > max(ratio):
        w = round(h * max(ratio))
    return (height - h) // 2, (width - w) // 2, h, w


def erasing(
    random: Any,
    shape: Sequence[int],
    scale: Sequence[float],
    ratio: Sequence[float],
    value: Sequence[float] | None,
) -> tuple[int, int, int, int, np.ndarray] | None:
    """RandomErasing: top, left, height, width and the new values, for a picture (channels, height, width).

    `value` is one number for each channel, or one; None for normal noise. None comes back if no patch fits.
    """
    generator = as_generator(random)
    channels, height, width = shape
    for _ in range(10):
        h, w = _patch(generator, height * width, scale, ratio)
        if not (h < height and w < width):
            continue
        if value is None:
            new = generator.normal((channels, h, w), 0.0, 1.0)
        else:
            new = np.asarray(value, np.float32)[:, None, None]
        top = whole(generator, 0, height - h + 1)
        return top, whole(generator, 0, width - w + 1), h, w, new
    return None


def affine(
    random: Any,
    degrees: Sequence[float],
    translate: Sequence[float] | None,
    scale: Sequence[float] | None,
    shear: Sequence[float] | None,
    size: Sequence[int],
) -> tuple[float, tuple[int, int], float, tuple[float, float]]:
    """RandomAffine: angle, translation, scale and shear, for a picture of `size` (width, height)."""
    generator = as_generator(random)
    angle = between(generator, degrees[0], degrees[1])
    moved = (0, 0)
    if translate is not None:
        most = [float(share * length) for share, length in zip(translate, size, strict=True)]
        moved = (round(between(generator, -most[0], most[0])), round(between(generator, -most[1], most[1])))
    size_by = 1.0 if scale is None else between(generator, scale[0], scale[1])
    across = down = 0.0
    if shear is not None:
        across = between(generator, shear[0], shear[1])
        if len(shear) == 4:
            down = between(generator, shear[2], shear[3])
    return angle, moved, size_by, (across, down)


def perspective(
    random: Any, width: int, height: int, distortion_scale: float
) -> tuple[list[list[int]], list[list[int]]]:
    """RandomPerspective: the corners of the picture, and where each goes."""
    generator = as_generator(random)
    across = int(distortion_scale * (width // 2)) + 1
    down = int(distortion_scale * (height // 2)) + 1

    def corner(right: bool, bottom: bool) -> list[int]:
        x = whole(generator, *((width - across, width) if right else (0, across)))
        return [x, whole(generator, *((height - down, height) if bottom else (0, down)))]

    ends = [corner(False, False), corner(True, False), corner(True, True), corner(False, True)]
    return [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], ends


def jitter(random: Any, *ranges: Sequence[float] | None) -> tuple[list[int], list[float | None]]:
    """ColorJitter: the order of the changes, and the factor of each (None where there is no range)."""
    generator = as_generator(random)
    first = order(generator, len(ranges))
    return first, [None if one is None else between(generator, one[0], one[1]) for one in ranges]
