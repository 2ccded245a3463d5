"""Brightness, contrast, saturation, hue, gamma: pictures (..., 1 or 3, height, width).

`edition` is that of torchvision's transforms, v1 or v2, which round differently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.data.raster.conversion import convert_dtype, wrapped
from fnnet.data.raster.frame import (
    as_float,
    bound_of,
    check_channels,
    check_picture,
    fused,
    is_float,
    library,
)

WEIGHTS = (0.2989, 0.587, 0.114)


def _factor(name: str, value: float) -> None:
    if value < 0:
        raise ValueError(f"{name} ({value}) is not non-negative.")


def _grey(x: Any, edition: int) -> Any:
    """Brightness of a picture of three channels, in floats: (..., 1, height, width)."""
    floats = as_float(x)
    r, g, b = (floats[..., i : i + 1, :, :] for i in range(3))
    if edition == 2:
        return fused(fused(r * WEIGHTS[0], g, WEIGHTS[1]), b, WEIGHTS[2])
    return WEIGHTS[0] * r + WEIGHTS[1] * g + WEIGHTS[2] * b


def grayscale(x: Any, num_output_channels: int = 1, edition: int = 1) -> Any:
    """The picture without colours, in one channel or in three equal ones."""
    if x.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {x.ndim}")
    if edition == 1:
        check_channels(x)
    if num_output_channels not in (1, 3):
        raise ValueError(
            "num_output_channels should be either 1 or 3"
            if edition == 1
            else f"num_output_channels must be 1 or 3, got {num_output_channels}."
        )
    if x.shape[-3] not in (1, 3):
        few = "not enough" if x.shape[-3] < 3 else "too many"
        raise ValueError(f"grayscale: {few} values to unpack: expected 3 channels, got {x.shape[-3]}")
    made = wrapped(_grey(x, edition), x.dtype) if x.shape[-3] == 3 else x
    if num_output_channels == 3 and (edition == 2 or x.shape[-3] == 3):  # v1 leaves one channel one
        return library(x).broadcast_to(made, (*x.shape[:-3], 3, *x.shape[-2:]))
    return made


def _blend(x: Any, other: Any, ratio: float, edition: int) -> Any:
    """ratio x + (1 - ratio) other, inside of the dtype's range."""
    ratio = float(ratio)
    xp, floats = library(x), as_float(x)
    other = other.astype(floats.dtype)
    if edition == 2:
        mixed = fused(floats * ratio, other, 1.0 - ratio)
    else:
        mixed = floats * ratio + other * (1.0 - ratio)
    return xp.clip(mixed, 0, bound_of(x.dtype)).astype(x.dtype)


def adjust_brightness(x: Any, brightness_factor: float, edition: int = 1) -> Any:
    """0 gives black, 1 the picture, 2 twice the brightness."""
    _factor("brightness_factor", brightness_factor)
    check_picture(x)
    check_channels(x, edition=edition)
    xp = library(x)
    return xp.clip(as_float(x) * float(brightness_factor), 0, bound_of(x.dtype)).astype(x.dtype)


def adjust_contrast(x: Any, contrast_factor: float, edition: int = 1) -> Any:
    """0 gives the mean grey, 1 the picture."""
    _factor("contrast_factor", contrast_factor)
    check_picture(x)
    check_channels(x, (3, 1), edition)
    xp = library(x)
    colours = x.ndim > 2 and x.shape[-3] == 3
    grey = as_float(grayscale(x, 1, edition) if colours else x)
    axes = (-3, -2, -1) if x.ndim > 2 else (-2, -1)
    exact = {"dtype": np.float64} if xp is np else {}
    mean = xp.mean(grey, axis=axes, keepdims=True, **exact).astype(grey.dtype)
    return _blend(x, mean, contrast_factor, edition)


def adjust_saturation(x: Any, saturation_factor: float, edition: int = 1) -> Any:
    """0 gives a picture without colours, 1 the picture."""
    _factor("saturation_factor", saturation_factor)
    check_picture(x)
    check_channels(x, edition=edition)
    if x.ndim == 2 or x.shape[-3] == 1:
        return x
    return _blend(x, grayscale(x, 1, edition), saturation_factor, edition)


def adjust_gamma(x: Any, gamma: float, gain: float = 1.0, edition: int = 1) -> Any:
    """gain x ** gamma, of brightness from 0 to 1. Raises ValueError for a negative gamma."""
    check_channels(x, edition=edition)
    if gamma < 0:
        raise ValueError("Gamma should be a non-negative real number")
    xp = library(x)
    floats = x if is_float(x) else convert_dtype(x, np.dtype(np.float32), edition)
    made = floats ** np.asarray(gamma, floats.dtype)
    if edition == 1 or gain != 1.0:
        made = xp.clip(made * gain, 0, 1)
    return convert_dtype(made, x.dtype, edition)


def adjust_hue(x: Any, hue_factor: float, edition: int = 1) -> Any:
    """Colours moved around the circle of hues by `hue_factor` turns, -0.5 to 0.5.

    Raises ValueError for another factor.
    """
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    check_picture(x)
    check_channels(x, edition=edition)
    if x.ndim == 2 or x.shape[-3] == 1 or not x.size:
        return x
    xp = library(x)
    hue, saturation, value = _to_hsv(convert_dtype(x, np.dtype(np.float32), edition), edition)
    made = _to_rgb(xp.mod(hue + np.float32(hue_factor), np.float32(1)), saturation, value, edition)
    return convert_dtype(made, x.dtype, edition)


def _to_hsv(x: Any, edition: int) -> tuple[Any, Any, Any]:
    xp = library(x)
    r, g, b = (x[..., i, :, :] for i in range(3))
    most, least = xp.max(x, -3), xp.min(x, -3)
    grey = most == least
    spread = most - least
    saturation = spread / xp.where(grey, xp.ones_like(most), most)
    divisor = xp.where(grey, xp.ones_like(most), spread)
    rc, gc, bc = ((most - one) / divisor for one in (r, g, b))
    red, green = most == r, most == g
    masks = (one.astype(x.dtype) for one in (red, green & ~red, ~green & ~red))
    hue = sum(mask * one for mask, one in zip(masks, (bc - gc, 2.0 + rc - bc, 4.0 + gc - rc), strict=True))
    turned = hue * np.float32(1.0 / 6.0) if edition == 2 else hue / np.float32(6)
    return xp.fmod(turned + 1.0, np.float32(1)), saturation, most


def _to_rgb(h: Any, s: Any, v: Any, edition: int) -> Any:
    xp = library(h)
    sixth = xp.floor(h * 6.0)
    f = h * 6.0 - sixth
    sector = sixth.astype(np.int32) % 6
    if edition == 2:
        p, q, t = v * (1.0 - s), (1.0 - s * f) * v, (s * f + (1.0 - s)) * v
    else:
        p, q, t = v * (1.0 - s), v * (1.0 - s * f), v * (1.0 - s * (1.0 - f))
    p, q, t = (xp.clip(one, 0.0, 1.0) for one in (p, q, t))

    def pick(*cases: Any) -> Any:
        return xp.choose(sector, cases) if xp is np else xp.choose(sector, cases, mode="clip")

    return xp.stack([pick(v, q, p, p, t, v), pick(t, v, v, q, p, p), pick(p, p, t, v, v, q)], -3)


def permute_channels(x: Any, permutation: Any) -> Any:
    """The channels in another order. Raises ValueError for another number of them."""
    if len(permutation) != x.shape[-3]:
        raise ValueError(
            f"Length of permutation does not match number of channels: {len(permutation)} != {x.shape[-3]}"
        )
    return x[..., np.asarray(permutation), :, :]
