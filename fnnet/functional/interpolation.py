"""Resizing: nearest, linear, cubic and area interpolation in 1, 2 and 3 dimensions.

All but the nearest are weighted sums of a few positions along each dimension in turn; positions and weights
are computed in NumPy, in the precision in which PyTorch computes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
)
from fnnet.functional.blending import blend
from fnnet.functional.half import once_rounded
from fnnet.functional.operation import operation

__all__ = ["interpolate", "upsample", "upsample_bilinear", "upsample_nearest"]

_MODES = {
    "nearest": (3, 4, 5),
    "nearest-exact": (3, 4, 5),
    "area": (3, 4, 5),
    "linear": (3,),
    "bilinear": (4,),
    "trilinear": (5,),
    "bicubic": (4,),
    "lanczos": (4,),
}
_SMOOTH = ("linear", "bilinear", "bicubic", "trilinear", "lanczos")
_PICTURES = ("bilinear", "bicubic", "lanczos")


def cubic_weights(t: Any, a: float) -> list[Any]:
    """Weights of the positions -1, 0, 1, 2 around a point t in [0, 1) beyond 0 (cubic convolution)."""

    def inner(x: Any) -> Any:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def outer(x: Any) -> Any:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return [outer(t + 1), inner(t), inner(1 - t), outer(2 - t)]


def _step(size: int, out: int, align_corners: bool, factor: float | None) -> float:
    if align_corners:
        return (size - 1) / (out - 1) if out > 1 else 0.0
    return 1.0 / factor if factor is not None and factor > 0 else size / out


def _nearest(size: int, out: int, factor: float | None, exact: bool) -> np.ndarray:
    step = np.float32(_step(size, out, False, factor))
    source = (np.arange(out, dtype=np.float32) + np.float32(0.5 if exact else 0.0)) * step
    return np.minimum(np.floor(source).astype(np.int64), size - 1)


def _sources(size: int, out: int, align_corners: bool, factor: float | None, kind: Any) -> np.ndarray:
    step, places = kind(_step(size, out, align_corners, factor)), np.arange(out, dtype=kind)
    return step * places if align_corners else step * (places + kind(0.5)) - kind(0.5)


def _linear(
    size: int, out: int, align_corners: bool, factor: float | None, kind: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    source = np.maximum(_sources(size, out, align_corners, factor, kind), kind(0))
    low = np.minimum(source.astype(np.int64), size - 1)
    share = np.clip(source - low.astype(kind), 0, 1)
    return [low, np.minimum(low + 1, size - 1)], [1 - share, share]


def _cubic(
    size: int, out: int, align_corners: bool, factor: float | None, kind: Any
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    source = _sources(size, out, align_corners, factor, kind)
    low = np.floor(source).astype(np.int64)
    weights = cubic_weights(np.clip(source - low.astype(kind), 0, 1), -0.75)
    return [np.clip(low + j, 0, size - 1) for j in (-1, 0, 1, 2)], weights


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - x, 0.0)


def _cubic_filter(x: np.ndarray) -> np.ndarray:
    near, far = cubic_weights(x, -0.5)[1], cubic_weights(x - 1, -0.5)[0]
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def _lanczos_filter(x: np.ndarray) -> np.ndarray:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


_FILTERS = {"bilinear": (1.0, _triangle), "bicubic": (2.0, _cubic_filter), "lanczos": (3.0, _lanczos_filter)}
"""From where on they are zero, and the filters, of distances from the centre."""


def _antialiased(
    size: int, out: int, align_corners: bool, factor: float | None, mode: str
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A filter stretched over all positions that an output covers, as Pillow has it."""
    step = _step(size, out, align_corners, factor)
    stretch = max(step, 1.0)
    reach, filtered = _FILTERS[mode]
    support = reach * stretch
    centre = step * (np.arange(out) + 0.5)
    first = np.maximum((centre - support + 0.5).astype(np.int64), 0)
    last = np.minimum((centre + support + 0.5).astype(np.int64), size)
    positions, weights = [], []
    for j in range(int((last - first).max(initial=1))):
        x = np.abs((j + first - centre + 0.5) / stretch)
        positions.append(np.minimum(first + j, size - 1))
        weights.append(np.where(first + j < last, filtered(x), 0.0))
    total = np.sum(weights, axis=0)
    return positions, [weight / total for weight in weights]


def _in_16_bits(positions: list[np.ndarray], weights: list[np.ndarray]) -> list[np.ndarray]:
    """The weights of bytes, as PyTorch and Pillow have them: whole numbers of 16 bits over a power of two.

    Those of one position, at an edge, are one number.
    """
    places, shares = np.stack(positions), np.stack(weights).astype(np.float64)
    same = places[:, None] == places[None]
    first = np.argmax(same, 1) == np.arange(len(places))[:, None]
    shares = np.where(first, (same * shares[None]).sum(1), 0)
    most, precision = float(shares.max()), 0
    while precision < 22 and int(0.5 + most * (1 << (precision + 1))) < 1 << 15:
        precision += 1
    scaled = shares * (1 << precision)
    return list(np.trunc(scaled + np.copysign(0.5, scaled)) / (1 << precision))


def _sizes_and_factors(
    input: jax.Array, size: Any, scale_factor: Any, recompute: bool | None
) -> tuple[list[int], list[float | None]]:
    n = input.ndim - 2
    if (size is None) == (scale_factor is None):
        problem = (
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )
        raise ValueError(f"interpolate: {problem}")

    def spread(name: str, value: Any) -> list[Any]:
        values = list(value) if isinstance(value, Sequence) else [value] * n
        if len(values) != n:
            raise ValueError(
                f"interpolate: Input and {name} must have the same number of spatial dimensions, but got "
                "input "
                f"with spatial dimensions of {list(input.shape[2:])} and {name} of {value}"
            )
        return values

    if size is not None:
        if recompute:
            raise ValueError("interpolate: recompute_scale_factor is not meaningful with an explicit size.")
        return [int(s) for s in spread("output size", size)], [None] * n
    factors = [float(f) for f in spread("scale_factor", scale_factor)]
    sizes = [math.floor(s * f) for s, f in zip(input.shape[2:], factors, strict=True)]
    return sizes, [None] * n if recompute else list(factors)


@operation("nn.functional", grad_fn="UpsampleNearest2DBackward0")
@once_rounded
def interpolate(
    input: jax.Array,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> jax.Array:
    """Resize the spatial dimensions of input (N, C, d1..dn), n up to 3, to `size`, or by `scale_factor`.

    Modes: "nearest" (it takes floor(i * step), as PyTorch does), "nearest-exact", "area", and "linear"
    for one dimension, "bilinear" and "bicubic" (A = -0.75) for two, "trilinear" for three. With
    `align_corners` the centres of the corner elements stay; with `antialias` (bilinear, bicubic; "lanczos"
    needs it) shrinking averages over all it covers. Raises ValueError or NotImplementedError for
    arguments that do not go together.
    """
    if isinstance(size, tuple | list) and len(size) != input.ndim - 2:
        raise ValueError(
            "Input and output must have the same number of spatial dimensions, but got input with spatial "
            f"dimensions of {list(input.shape[2:])} and output size of {tuple(size)}."
        )
    if mode not in _MODES or input.ndim not in _MODES[mode]:
        raise NotImplementedError(
            f"interpolate: Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.ndim}D) for "
            "the modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | nearest-exact "
            f"(got {mode})"
        )
    if align_corners is not None and mode not in _SMOOTH:
        raise ValueError(
            "interpolate: align_corners option can only be set with the interpolating modes: linear | "
            "bilinear | "
            "bicubic | trilinear"
        )
    if antialias and mode not in _PICTURES:
        raise ValueError(
            "interpolate: Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and "
            "requires a 4-D tensor as input"
        )
    if mode == "lanczos" and (align_corners or not antialias):
        wrong = "does not support align_corners=True" if align_corners else "requires antialias=True"
        raise ValueError(f"interpolate: Lanczos mode {wrong}")
    sizes, factors = _sizes_and_factors(input, size, scale_factor, recompute_scale_factor)
    if min(sizes) <= 0 or 0 in input.shape[1:]:
        raise RuntimeError(
            "interpolate: Input and output sizes should be greater than 0, but got input "
            f"{list(input.shape)} "
            f"output {sizes}"
        )
    bytes_ = input.dtype == jnp.uint8 and not mode.startswith("nearest")
    if bytes_ and mode not in _PICTURES:
        raise NotImplementedError("\"compute_indices_weights_linear\" not implemented for 'Byte'")
    if mode == "area":
        pool = (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[len(sizes) - 1]
        return pool(input, sizes)
    corners = bool(align_corners)
    kind = np.float64 if bytes_ or input.dtype == jnp.float64 else np.float32
    x = input.astype(jnp.float32) if bytes_ else input
    # Pictures of bytes are blended along rows first, and every pass gives bytes.
    steps = list(enumerate(zip(sizes, factors, strict=True)))
    for axis, (out, factor) in reversed(steps) if bytes_ else steps:
        dim, have = axis + 2, input.shape[axis + 2]
        if mode.startswith("nearest"):
            x = blend(x, dim, [_nearest(have, out, factor, mode == "nearest-exact")])
            continue
        if antialias:
            places, weights = _antialiased(have, out, corners, factor, mode)
        else:
            places, weights = (_cubic if mode == "bicubic" else _linear)(have, out, corners, factor, kind)
        x = blend(x, dim, places, _in_16_bits(places, weights) if bytes_ else weights)
        if bytes_:
            x = jnp.clip(jnp.floor(x + 0.5), 0, 255)
    return x.astype(jnp.uint8) if bytes_ else x


@operation("nn.functional")
def upsample(
    input: jax.Array,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
) -> jax.Array:
    """The old name of interpolate."""
    return interpolate(input, size, scale_factor, mode, align_corners)


@operation("nn.functional")
def upsample_nearest(input: jax.Array, size: Any = None, scale_factor: Any = None) -> jax.Array:
    """Interpolate by the nearest element (old name)."""
    return interpolate(input, size, scale_factor, mode="nearest")


@operation("nn.functional")
def upsample_bilinear(input: jax.Array, size: Any = None, scale_factor: Any = None) -> jax.Array:
    """Interpolate bilinearly with aligned corners (old name)."""
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
