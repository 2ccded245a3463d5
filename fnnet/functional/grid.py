"""Sampling pictures at points of a grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.interpolation import cubic_weights
from fnnet.functional.operation import operation, warn

__all__ = ["affine_grid", "grid_sample"]


def _corners(name: str, align_corners: bool | None) -> bool:
    if align_corners is None:
        warn(
            f"Default {name} behavior has changed to align_corners=False since 1.3.0. Please specify "
            "align_corners=True if the old behavior is desired.",
        )
    return bool(align_corners)


@operation("nn.functional", grad_fn="AffineGridGeneratorBackward0")
def affine_grid(theta: jax.Array, size: Sequence[int], align_corners: bool | None = None) -> jax.Array:
    """Grid (N, d..., n) of an affine map theta (N, n, n + 1) for pictures of size (N, C, d...), n = 2 or
    3.
    """
    corners = _corners("grid_sample and affine_grid", align_corners)
    n = len(size) - 2
    if min(size, default=1) <= 0:
        raise ValueError(f"affine_grid: Expected non-zero, positive output size. Got {tuple(size)}")
    if n not in (2, 3) or theta.shape != (size[0], n, n + 1):
        raise ValueError(
            f"affine_grid: Expected a batch of {n}D affine matrices of shape Nx{n}x{n + 1} for size "
            f"{tuple(size)}. "
            f"Got {theta.shape}."
        )
    axes = []
    for length in size[2:]:
        line = np.linspace(-1, 1, length) if length > 1 else np.zeros(1)
        axes.append(line if corners else line * (length - 1) / length)
    points = np.stack([*np.meshgrid(*axes, indexing="ij")[::-1], np.ones(tuple(size[2:]))], axis=-1)
    return jnp.einsum("...j,nij->n...i", jnp.asarray(points, theta.dtype), theta)


def _reflected(x: jax.Array, low: float, high: float) -> jax.Array:
    """x folded back at low and high until it is between."""
    if low == high:
        return jnp.zeros_like(x)
    span = high - low
    distance = jnp.where(x < low, low - x, x - low)
    flips = lax.stop_gradient(jnp.floor(distance / span))
    extra = distance - flips * span
    return jnp.where(flips % 2 == 0, extra + low, span - extra + low)


def _clipped(x: jax.Array, size: int) -> jax.Array:
    """x within the picture; the derivative is 0 at the ends and beyond."""
    return jnp.where(x <= 0, jnp.zeros_like(x), jnp.where(x >= size - 1, jnp.asarray(size - 1, x.dtype), x))


def _inside(x: jax.Array, size: int, padding_mode: str, corners: bool) -> jax.Array:
    """Coordinates after what the padding mode does with those outside."""
    if padding_mode == "border":
        return _clipped(x, size)
    if padding_mode == "reflection":
        low, high = (0.0, float(size - 1)) if corners else (-0.5, size - 0.5)
        return _clipped(_reflected(x, low, high), size)
    return x


def _at(pictures: jax.Array, index: list[jax.Array]) -> jax.Array:
    """Elements of pictures (N, d..., C) at whole coordinates (N, points...), zero outside: (N, points..., C).

    The channels come last, so that what is looked up, and added up in the derivative, are rows.
    """
    n, *sizes, channels = pictures.shape
    valid = jnp.ones(index[0].shape, bool)
    flat = lax.broadcasted_iota(int, index[0].shape, 0)
    for place, size in zip(index, sizes, strict=True):
        valid &= (place >= 0) & (place <= size - 1)
        flat = flat * size + jnp.clip(place, 0, size - 1).astype(int)
    values = pictures.reshape(n * math.prod(sizes), channels).at[flat].get(mode="clip")
    return jnp.where(valid[..., None], values, jnp.zeros((), pictures.dtype))


def _sample(pictures: jax.Array, grid: jax.Array, mode: str, padding_mode: str, corners: bool) -> jax.Array:
    """Pictures (N, d..., C) at the points of grid (N, e..., n): (N, e..., C)."""
    sizes = pictures.shape[1:-1]
    places = []
    for axis, size in enumerate(sizes):
        x = grid[..., len(sizes) - 1 - axis]
        places.append((x + 1) / 2 * (size - 1) if corners else ((x + 1) * size - 1) / 2)
    if mode == "bicubic":
        floors = [lax.stop_gradient(jnp.floor(place)) for place in places]
        weights = [cubic_weights(place - floor, -0.75) for place, floor in zip(places, floors, strict=True)]
        total = jnp.zeros((), pictures.dtype)
        for offsets in itertools.product(range(4), repeat=2):
            index = [
                _inside(floor + (j - 1), size, padding_mode, corners)
                for floor, j, size in zip(floors, offsets, sizes, strict=True)
            ]
            weight = weights[0][offsets[0]] * weights[1][offsets[1]]
            total = total + _at(pictures, index) * weight[..., None]
        return total
    places = [_inside(place, size, padding_mode, corners) for place, size in zip(places, sizes, strict=True)]
    if mode == "nearest":
        return _at(pictures, [jnp.round(lax.stop_gradient(place)) for place in places])
    floors = [lax.stop_gradient(jnp.floor(place)) for place in places]
    total = jnp.zeros((), pictures.dtype)
    for offsets in itertools.product((0, 1), repeat=len(sizes)):
        weight = jnp.ones((), pictures.dtype)
        for place, floor, j in zip(places, floors, offsets, strict=True):
            weight = weight * (place - floor if j else floor + 1 - place)
        corner = [f + j for f, j in zip(floors, offsets, strict=True)]
        total = total + _at(pictures, corner) * weight[..., None]
    return total


@operation("nn.functional", grad_fn="GridSampler2DBackward0")
def grid_sample(
    input: jax.Array,
    grid: jax.Array,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,
) -> jax.Array:
    """Input (N, C, d...) at the points of grid (N, e..., n), x first, from -1 to 1; n = 2 or 3: (N, C, e...).

    `mode` is "bilinear" (of three dimensions: trilinear), "nearest" or, of two, "bicubic"; `padding_mode` is
    "zeros", "border" or "reflection". Raises ValueError or RuntimeError for arguments that do not go
    together.
    """
    if mode not in ("bilinear", "nearest", "bicubic"):
        raise ValueError(
            f"grid_sample: expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in ("zeros", "border", "reflection"):
        raise ValueError(
            "grid_sample: expected padding_mode to be 'zeros', 'border', or 'reflection', but got: "
            f"'{padding_mode}'"
        )
    corners = _corners("grid_sample and affine_grid", align_corners)
    n = input.ndim - 2
    if n not in (2, 3) or grid.ndim != input.ndim or grid.shape[-1] != n or grid.shape[0] != input.shape[0]:
        raise RuntimeError(
            "grid_sample: expected 4D or 5D input and grid with the same number of dimensions and batch "
            "size, "
            f"and grid to have size {n} in last dimension, but got {list(input.shape)} and {list(grid.shape)}"
        )
    if mode == "bicubic" and n != 2:
        raise RuntimeError("grid_sample: bicubic interpolation only supports 4D input")
    if 0 in input.shape[2:]:
        raise RuntimeError(
            f"grid_sample: expected input to have non-empty spatial dimensions, got {input.shape}"
        )
    sampled = _sample(jnp.moveaxis(input, 1, -1), grid, mode, padding_mode, corners)
    return jnp.moveaxis(sampled, -1, 1)
