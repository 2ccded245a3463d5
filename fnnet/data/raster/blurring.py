"""Blurred and sharpened: each pixel with its neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster.frame import (
    as_float,
    back,
    bound_of,
    check_channels,
    check_picture,
    dimensions,
    fused,
    library,
)
from fnnet.data.raster.placing import pad


def gaussian_kernel(size: int, sigma: float, dtype: Any = np.float32, edition: int = 1) -> np.ndarray:
    """Weights (size,) of a normal distribution, which sum up to one."""
    kind = np.dtype(dtype).type
    if edition == 2:
        limit = (size - 1) / (2.0 * math.sqrt(2.0))
        raised = np.exp(-((np.linspace(-limit, limit, size).astype(kind) / kind(sigma)) ** 2))
    else:
        half = (size - 1) * 0.5
        raised = np.exp(kind(-0.5) * (np.linspace(-half, half, size).astype(kind) / kind(sigma)) ** 2)
    return (raised / raised.sum()).astype(dtype)


def gaussian_blur(x: Any, kernel_size: int | Sequence[int], sigma: Any = None, edition: int = 1) -> Any:
    """Each pixel the mean of its neighbours, weighted by a normal distribution; reflected at the edges.

    Args:
        x: (..., channels, height, width).
        kernel_size: across and down, odd; one number for both.
        sigma: the deviations across and down; by default 0.15 kernel_size + 0.35.
        edition: torchvision's v1 or v2.

    Raises:
        TypeError, ValueError: for sizes and deviations that cannot be.
    """
    across, down = kernel_sizes(kernel_size)
    sigmas = deviations(sigma, (across, down))
    check_picture(x)
    if not x.size:
        return x
    floats = as_float(x)
    kernels = [
        gaussian_kernel(size, one, floats.dtype, edition)
        for size, one in zip((across, down), sigmas, strict=True)
    ]
    framed = pad(floats, [across // 2, down // 2], padding_mode="reflect")
    return back(_convolved(framed, kernels[1][:, None] * kernels[0]), x.dtype, edition == 2)


def kernel_sizes(given: int | Sequence[int]) -> tuple[int, int]:
    """Two odd sizes. Raises TypeError, ValueError for others."""
    if not isinstance(given, int | list | tuple):
        raise TypeError(f"kernel_size should be int or a sequence of integers. Got {type(given)}")
    sizes = [given, given] if isinstance(given, int) else list(given)
    if len(sizes) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    return sizes[0], sizes[1]


def deviations(sigma: Any, sizes: Sequence[int]) -> list[float]:
    """Two positive numbers. Raises TypeError, ValueError for others."""
    if sigma is None:
        return [size * 0.15 + 0.35 for size in sizes]
    if not isinstance(sigma, int | float | list | tuple):
        raise TypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    both = [float(sigma)] * 2 if isinstance(sigma, int | float) else list(sigma)
    if len(both) == 1:
        both = both * 2
    if len(both) != 2:
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(both)}")
    if any(one <= 0.0 for one in both):
        raise ValueError(f"sigma should have positive values. Got {both}")
    return both


def _convolved(x: Any, kernel: np.ndarray) -> Any:
    """The weighted sum of each window of the kernel's size, without borders."""
    rows, columns = kernel.shape
    height, width = x.shape[-2] - rows + 1, x.shape[-1] - columns + 1
    total: Any = None
    for i in range(rows):
        for j in range(columns):
            part = x[..., i : i + height, j : j + width] * kernel[i, j]
            total = part if total is None else total + part
    return total


def adjust_sharpness(x: Any, sharpness_factor: float, edition: int = 1) -> Any:
    """0 gives a blurred picture, 1 the picture, 2 a sharper one. Raises ValueError for a negative factor."""
    if edition == 2 and dimensions(x)[0] not in (1, 3):
        raise TypeError(f"Input image tensor can have 1 or 3 channels, but found {dimensions(x)[0]}")
    if sharpness_factor < 0:
        raise ValueError(f"sharpness_factor ({sharpness_factor}) is not non-negative.")
    check_picture(x)
    check_channels(x)
    if not x.size or min(x.shape[-2:]) <= 2:
        return x
    xp, floats = library(x), as_float(x)
    if edition == 2:
        kernel = np.full((3, 3), 1.0 / 13.0, floats.dtype)
        kernel[1, 1] = 5.0 / 13.0
    else:
        kernel = np.ones((3, 3), floats.dtype)
        kernel[1, 1] = 5.0
        kernel /= kernel.sum()
    inner = _convolved(floats, kernel)
    inner = xp.round(inner) if x.dtype != floats.dtype else inner
    middle = floats[..., 1:-1, 1:-1]
    ratio = float(sharpness_factor)
    if edition == 2:
        mixed = fused(middle, inner - middle, 1.0 - ratio)
        around = floats
    else:
        mixed = middle * ratio + inner * (1.0 - ratio)
        around = floats * ratio + floats * (1.0 - ratio)
    borders = [(0, 0)] * (x.ndim - 2) + [(1, 1), (1, 1)]
    inside = np.pad(np.ones(x.shape[-2:], bool)[1:-1, 1:-1], 1)
    made = xp.where(inside, xp.pad(mixed, borders), around)
    return xp.clip(made, 0, bound_of(x.dtype)).astype(x.dtype)
