"""Pictures turned, sheared, seen at an angle: each new pixel is looked up at a place of the old picture.

Places are PyTorch's grids: (height, width, 2), x and y, from -1 to 1 between the outer edges.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.data.raster.frame import back, check_picture, fused, is_float, library
from fnnet.data.raster.resampling import cubic_shares


def inverse_affine(
    center: Sequence[float], angle: float, translate: Sequence[float], scale: float, shear: Sequence[float]
) -> list[float]:
    """Where each new pixel comes from, the first two rows of a matrix: the inverse of
    translate(t) center(c) rotate(angle) shear(s) scale(s) center(-c), angles in degrees, clockwise.
    """
    rot, sx, sy = math.radians(angle), math.radians(shear[0]), math.radians(shear[1])
    cx, cy = center
    tx, ty = translate
    a = math.cos(rot - sy) / math.cos(sy)
    b = -math.cos(rot - sy) * math.tan(sx) / math.cos(sy) - math.sin(rot)
    c = math.sin(rot - sy) / math.cos(sy)
    d = -math.sin(rot - sy) * math.tan(sx) / math.cos(sy) + math.cos(rot)
    m = [one / scale for one in (d, -b, 0.0, -c, a, 0.0)]
    m[2] += m[0] * (-cx - tx) + m[1] * (-cy - ty)
    m[5] += m[3] * (-cx - tx) + m[4] * (-cy - ty)
    m[2] += cx
    m[5] += cy
    return m


def perspective_coefficients(
    startpoints: Sequence[Sequence[int]], endpoints: Sequence[Sequence[int]]
) -> list[float]:
    """The eight numbers (a .. h) of x' = (ax + by + c) / (gx + hy + 1), y' = (dx + ey + f) / (gx + hy + 1),
    which take each end point to its start point.

    Raises ValueError unless there are four of each, RuntimeError if points coincide.
    """
    if len(startpoints) != 4 or len(endpoints) != 4:
        raise ValueError(
            f"Please provide exactly four corners, got {len(startpoints)} startpoints and {len(endpoints)} "
            "endpoints."
        )
    rows: list[list[float]] = []
    for (x, y), (u, v) in zip(endpoints, startpoints, strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    given = np.asarray(startpoints, np.float64).ravel()
    found, _, rank, _ = np.linalg.lstsq(np.asarray(rows, np.float64), given, rcond=None)
    if rank < 8:
        raise RuntimeError(
            "torch.linalg.lstsq: The least squares solution could not be computed because the input matrix "
            "does not have full rank: corners of the picture coincide"
        )
    return [float(one) for one in found.astype(np.float32)]


def expanded(matrix: Sequence[float], width: int, height: int, edition: int = 1) -> tuple[int, int]:
    """The width and height of a picture that holds all of the turned one."""
    w, h = 0.5 * width, 0.5 * height
    if edition == 2:
        a, b, c, d, e, f = matrix
        points = [(x, y) for x, y in ((-w, -h), (w, -h), (w, h), (-w, h))]
        across = [a * x + b * y + c + w for x, y in points]
        down = [d * x + e * y + f + h for x, y in points]
        return (
            math.ceil(max(across)) - math.floor(min(across)),
            math.ceil(max(down)) - math.floor(min(down)),
        )
    corners = np.array([[-w, -h, 1], [-w, h, 1], [w, h, 1], [w, -h, 1]], np.float32)
    moved = corners @ np.asarray(matrix, np.float32).reshape(2, 3).T
    half, step = np.array([w, h], np.float32), np.float32(1e-4)
    low, high = moved.min(0) + half, moved.max(0) + half
    size = np.ceil(np.trunc(high / step) * step) - np.floor(np.trunc(low / step) * step)
    return int(size[0]), int(size[1])


def spaced(first: float, last: float, count: int, kind: Any) -> np.ndarray:
    """torch.linspace: from both ends to the middle."""
    if count == 1:
        return np.array([first], kind)
    step = kind((kind(last) - kind(first)) / kind(count - 1))
    steps = np.arange(count)
    forward, backward = (
        fused(np.asarray(end, kind), steps, by) for end, by in ((first, step), (last, -step))
    )
    return np.where(steps < count // 2, forward, backward[::-1])


def _product(x: np.ndarray, y: np.ndarray, row: np.ndarray) -> np.ndarray:
    """row[0] x + row[1] y + row[2] at every place."""
    return ((x * row[0])[None, :] + (y * row[1])[:, None]) + row[2]


def affine_grid(matrix: Sequence[float], size: Sequence[int], to: Sequence[int], kind: Any) -> np.ndarray:
    """The places that a matrix, about the middle of the picture, gives; sizes are (width, height)."""
    x, y = (spaced((1.0 - n) * 0.5, (n - 1.0) * 0.5, n, kind) for n in to)
    rows = np.asarray(matrix, kind).reshape(2, 3) / np.array([[0.5 * size[0]], [0.5 * size[1]]], kind)
    return np.stack([_product(x, y, rows[0]), _product(x, y, rows[1])], -1)


def perspective_grid(coefficients: Sequence[float], width: int, height: int, kind: Any) -> np.ndarray:
    """The places that eight coefficients give."""
    c = np.asarray(coefficients, kind)
    x, y = (spaced(0.5, n - 0.5, n, kind) for n in (width, height))
    rows = np.stack([c[:3] / kind(0.5 * width), c[3:6] / kind(0.5 * height)])
    below = _product(x, y, np.array([c[6], c[7], 1], kind))
    return np.stack([_product(x, y, row) / below - kind(1) for row in rows], -1)


def identity_grid(height: int, width: int, kind: Any) -> np.ndarray:
    """The places of the pixels themselves."""
    x, y = (spaced((1 - n) / n, (n - 1) / n, n, kind) for n in (width, height))
    return np.stack(np.broadcast_arrays(x[None, :], y[:, None]), -1)


def _sampled(x: Any, grid: Any, mode: str) -> Any:
    """grid_sample: (..., height, width) at the places of a grid, zero outside."""
    xp = library(x)
    height, width = x.shape[-2:]
    kind = x.dtype.type
    # -0.5 + n / 2 (place + 1) and the sums below: one rounding each, as PyTorch's compilers make it
    half = np.full(1, -0.5, x.dtype)
    column = fused(half, grid[..., 0] + kind(1), width / 2)
    row = fused(half, grid[..., 1] + kind(1), height / 2)

    def at(i: Any, j: Any) -> Any:
        inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
        i, j = (xp.where(inside, one, 0).astype(np.int32) for one in (i, j))
        return x[..., i, j] * inside.astype(x.dtype)

    if mode == "nearest":
        return at(xp.round(row), xp.round(column))
    top, left = xp.floor(row), xp.floor(column)
    if mode == "bicubic":
        down, across = cubic_shares(row - top), cubic_shares(column - left)
        lines = [
            sum(at(top + i, left + j) * share for j, share in zip(range(-1, 3), across, strict=True))
            for i in range(-1, 3)
        ]
        return sum(line * share for line, share in zip(lines, down, strict=True))
    east, south = column - left, row - top
    west, north = kind(1) - east, kind(1) - south
    total = at(top, left) * (north * west)
    total = fused(total, at(top, left + 1), north * east)
    total = fused(total, at(top + 1, left), south * west)
    return fused(total, at(top + 1, left + 1), south * east)


def warp(
    x: Any,
    grid: Any,
    mode: str = "nearest",
    fill: Any = None,
    edition: int = 1,
    modes: Sequence[str] = ("nearest", "bilinear"),
) -> Any:
    """The picture looked up at the places of a grid (height, width, 2).

    Args:
        x: (..., channels, height, width).
        grid: places; the picture is looked up in their dtype.
        mode: one of `modes`, which may be "nearest", "bilinear" and "bicubic".
        fill: the colour outside, one number or one for each channel; None for zero.
        edition: torchvision's v1 or v2, which round the mixture with `fill` differently.

    Raises ValueError for another mode or number of fills.
    """
    check_picture(x)
    channels = 1 if x.ndim == 2 else x.shape[-3]
    if isinstance(fill, tuple | list) and len(fill) > 1 and len(fill) != channels:
        raise ValueError(
            "The number of elements in 'fill' cannot broadcast to match the number of channels of the image "
            f"({len(fill)} != {channels})"
        )
    if mode not in modes:
        raise ValueError(f"Interpolation mode '{mode}' is unsupported with Tensor input")
    dtype, xp = x.dtype, library(x)
    x = x.astype(grid.dtype)
    made = _sampled(x, grid, mode)
    if fill is not None:
        covered = _sampled(xp.ones(x.shape[-2:], x.dtype), grid, mode)
        colour = np.asarray([fill] if isinstance(fill, int | float) else fill, x.dtype).reshape(-1, 1, 1)
        if x.ndim == 2:
            colour = colour[0]
        if mode == "nearest":
            made = xp.where(covered < 0.5, colour, made)
        elif edition == 1:
            made = made * covered + (1 - covered) * colour
        else:
            made = (made - colour) * covered + colour
    return back(made, dtype, edition == 2)


def grid_dtype(x: Any) -> Any:
    """The dtype of the places for a picture."""
    return x.dtype.type if is_float(x) else np.float32


def affine(x: Any, matrix: Sequence[float], mode: str = "nearest", fill: Any = None, edition: int = 1) -> Any:
    """The picture moved by a matrix of `inverse_affine` about its middle."""
    check_picture(x)
    size = (x.shape[-1], x.shape[-2])
    return warp(x, affine_grid(matrix, size, size, grid_dtype(x)), mode, fill, edition)


def rotate(
    x: Any,
    angle: float,
    mode: str = "nearest",
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Any = None,
    edition: int = 1,
) -> Any:
    """The picture turned by `angle` degrees counter-clockwise, about its middle or (x, y).

    With `expand` the new picture is large enough to hold it all.
    """
    check_picture(x)
    height, width = x.shape[-2:]
    if edition == 2 and center is None:
        angle %= 360
        square = expand or height == width
        if angle in (0, 180) or (square and angle in (90, 270)):
            return library(x).rot90(x, int(angle // 90), axes=(-2, -1))
    middle = (
        [0.0, 0.0] if center is None else [c - n * 0.5 for c, n in zip(center, (width, height), strict=True)]
    )
    matrix = inverse_affine(middle, -angle, [0.0, 0.0], 1.0, [0.0, 0.0])
    to = expanded(matrix, width, height, edition) if expand else (width, height)
    return warp(x, affine_grid(matrix, (width, height), to, grid_dtype(x)), mode, fill, edition)


def perspective(
    x: Any, coefficients: Sequence[float], mode: str = "bilinear", fill: Any = None, edition: int = 1
) -> Any:
    """The picture seen at an angle, by the numbers of `perspective_coefficients`."""
    check_picture(x)
    height, width = x.shape[-2:]
    return warp(x, perspective_grid(coefficients, width, height, grid_dtype(x)), mode, fill, edition)


def elastic(x: Any, displacement: Any, mode: str = "bilinear", fill: Any = None, edition: int = 1) -> Any:
    """Each pixel looked up at its own place moved by `displacement` (1, height, width, 2)."""
    check_picture(x)
    height, width = x.shape[-2:]
    if tuple(displacement.shape) != (1, height, width, 2):
        raise ValueError(
            f"Argument displacement shape should be {(1, height, width, 2)}, but given {displacement.shape}"
        )
    kind = np.float32 if edition == 1 or x.dtype == np.float16 else grid_dtype(x)
    grid = identity_grid(height, width, kind) + displacement[0].astype(kind)
    return warp(x, grid, mode, fill, edition, ("nearest", "bilinear", "bicubic"))
