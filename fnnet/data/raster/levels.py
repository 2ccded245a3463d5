"""The levels of brightness themselves: inverted, fewer, spread, made equally frequent; noise.

`edition` is that of torchvision's transforms, v1 or v2, which round differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.data.raster.conversion import convert_dtype
from fnnet.data.raster.frame import (
    as_float,
    bits_of,
    bound_of,
    check_channels,
    check_colour,
    is_float,
    library,
)


def invert(x: Any, edition: int = 1) -> Any:
    """Bright and dark exchanged."""
    if edition == 1:
        check_colour(x)
    if x.dtype == np.bool_:
        bits_of(x.dtype)  # raises
    return np.asarray(bound_of(x.dtype), x.dtype) - x


def posterize(x: Any, bits: int, edition: int = 1) -> Any:
    """Brightness in 2 ** bits levels. Raises TypeError, in v1, for other dtypes than uint8."""
    if edition == 1:
        if x.ndim > 2 and x.dtype != np.uint8:
            raise TypeError(f"Only torch.uint8 image tensors are supported, but found torch.{x.dtype}")
        check_colour(x)
    elif not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"bits must be a positive integer in the range [0, 8], got {bits} instead.")
    if is_float(x):
        xp, count = library(x), 1 << bits
        return xp.clip(xp.floor(x * float(count)), 0, count - 1) * (1.0 / count)
    most = bits_of(x.dtype)
    if bits >= most:
        return x
    return x & np.asarray(((1 << bits) - 1) << (most - bits), x.dtype)


def solarize(x: Any, threshold: float, edition: int = 1) -> Any:
    """Brightness from the threshold on inverted. Raises TypeError for a threshold above full brightness."""
    if edition == 1:
        check_colour(x)
    if threshold > bound_of(x.dtype):
        raise TypeError(
            "Threshold should be less than bound of img."
            if edition == 1
            else f"Threshold should be less or equal the maximum value of the dtype, but got {threshold}"
        )
    bright = as_float(x) >= threshold if isinstance(threshold, float) else x >= threshold
    return library(x).where(bright, invert(x, edition), x)


def autocontrast(x: Any, edition: int = 1) -> Any:
    """The darkest pixel of each channel made black, the brightest full."""
    check_colour(x) if edition == 1 else check_channels(x, edition=2)
    if not x.size:
        return x
    xp, bound, floats = library(x), bound_of(x.dtype), as_float(x)
    low, high = (f(floats, axis=(-2, -1), keepdims=True) for f in (xp.min, xp.max))
    flat = high == low
    kind = floats.dtype.type
    spread = xp.where(flat, xp.ones_like(high), high - low)
    low = xp.where(flat, xp.zeros_like(low), low)
    if edition == 2:
        made = (floats - low) / xp.where(flat, xp.ones_like(high), (high - low) * kind(1.0 / bound))
    else:
        scale = kind(bound) * (kind(1) / spread)  # PyTorch's number / tensor has two roundings
        made = (floats - low) * xp.where(flat, xp.ones_like(high), scale)
    return xp.clip(made, 0, bound).astype(x.dtype)


def equalize(x: Any, edition: int = 1) -> Any:
    """Levels moved so that all are about equally frequent, in each channel.

    Raises TypeError, in v1, for other dtypes than uint8, and for more than four dimensions.
    """
    if edition == 1:
        if not 3 <= x.ndim <= 4:
            raise TypeError(f"Input image tensor should have 3 or 4 dimensions, but found {x.ndim}")
        if x.dtype != np.uint8:
            raise TypeError(f"Only torch.uint8 image tensors are supported, but found torch.{x.dtype}")
        check_channels(x)
    if not x.size:
        return x
    xp = library(x)
    levels = convert_dtype(x, np.dtype(np.uint8), edition)
    rows = levels.reshape(-1, levels.shape[-2] * levels.shape[-1])
    made = xp.stack([_equalized(xp, row) for row in rows]).reshape(levels.shape)
    return convert_dtype(made, x.dtype, edition)


def _equalized(xp: Any, row: Any) -> Any:
    counts = xp.bincount(row, minlength=256, **({} if xp is np else {"length": 256}))
    last = 255 - xp.argmax(counts[::-1] > 0)
    step = (row.size - counts[last]) // 255
    safe = xp.maximum(step, 1)
    table = xp.clip((xp.cumsum(counts) + safe // 2) // safe, 0, 255).astype(np.uint8)
    table = xp.concatenate([np.zeros(1, np.uint8), table[:-1]])
    return xp.where(step == 0, row, table[row])


def add_noise(x: Any, noise: Any, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Any:
    """The picture and mean + sigma * noise, for `noise` of mean 0 and deviation 1.

    Raises ValueError for a negative sigma, or a dtype other than uint8 and floats.
    """
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    xp = library(x)
    if is_float(x):
        made = x + (mean + noise * sigma).astype(x.dtype)
        return xp.clip(made, 0, 1) if clip else made
    if x.dtype != np.uint8:
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype=torch.{x.dtype}")
    made = x.astype(np.int16) + (mean * 255 + noise * (sigma * 255)).astype(np.int16)
    return (xp.clip(made, 0, 255) if clip else made).astype(np.uint8)
