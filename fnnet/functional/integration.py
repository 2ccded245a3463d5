"""Integrals and derivatives of sampled functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.dimension import canonical_dim, canonical_dims
from fnnet.functional.dtypes import index_dtype, is_bool, is_integral, to_floating
from fnnet.functional.operation import operation

__all__ = ["cumulative_trapezoid", "gradient", "trapezoid"]


def _ends(y: jax.Array, axis: int) -> tuple[jax.Array, jax.Array]:
    size = y.shape[axis]
    return lax.slice_in_dim(y, 1, size, axis=axis), lax.slice_in_dim(y, 0, max(size - 1, 0), axis=axis)


def _check_distance(function: str, dx: Any) -> None:
    if isinstance(dx, jax.Array) and dx.ndim:
        raise RuntimeError(f"{function}: Currently, we only support dx as a real number.")


def _areas(function: str, y: jax.Array, x: jax.Array, axis: int) -> jax.Array:
    """Twice the area between each two neighbours; of integers in their own dtype, as in PyTorch."""
    right, left = _ends(y, axis)
    if x.ndim == 1 and x.shape[0] != y.shape[axis]:
        raise RuntimeError(
            f"{function}: There must be one `x` value for each sample point, got {x.shape[0]} for "
            f"{y.shape[axis]}"
        )
    if x.ndim == 1 and y.ndim > 1:
        x = x.reshape([-1 if one == axis else 1 for one in range(y.ndim)])
        widths = jnp.subtract(*_ends(x, axis))
    else:
        widths = jnp.subtract(*_ends(x, canonical_dim(axis - y.ndim, x.ndim)))
    common = jnp.promote_types(widths.dtype, y.dtype)
    return (left + right).astype(common) * widths.astype(common)


@operation("torch", promote=("y", "x"), aliases=("trapz",))
def trapezoid(y: jax.Array, x: jax.Array | None = None, *, dx: float = 1, dim: int = -1) -> jax.Array:
    """The integral of samples y at the points x, or a distance dx apart, by the trapezoidal rule."""
    axis = canonical_dim(dim, y.ndim)
    if y.shape[axis] == 0:
        return jnp.zeros(y.shape[:axis] + y.shape[axis + 1 :], y.dtype)
    if x is not None:
        if is_bool(x) or is_bool(y):
            raise RuntimeError("trapezoid: received a bool input for `x` or `y`, but bool is not supported")
        areas = _areas("trapezoid", y, x, axis)
        return to_floating(areas.sum(axis, dtype=index_dtype() if is_integral(areas) else None)) / 2
    _check_distance("trapezoid", dx)
    ends = lax.index_in_dim(y, 0, axis, keepdims=False) + lax.index_in_dim(y, -1, axis, keepdims=False)
    total = y.sum(axis, dtype=index_dtype() if is_integral(y) else None)
    return (to_floating(total) - to_floating(ends) * 0.5) * dx


@operation("torch", promote=("y", "x"))
def cumulative_trapezoid(
    y: jax.Array, x: jax.Array | None = None, *, dx: float = 1, dim: int = -1
) -> jax.Array:
    """The integrals from the first sample to each of the others; see trapezoid."""
    axis = canonical_dim(dim, y.ndim)
    if x is not None:
        areas = _areas("cumulative_trapezoid", y, x, axis)
        return to_floating(areas.cumsum(axis, dtype=index_dtype() if is_integral(areas) else None)) / 2
    _check_distance("cumulative_trapezoid", dx)
    right, left = _ends(y, axis)
    return jnp.cumsum(to_floating(left + right) * (dx / 2), axis)


def _even_slope(
    at: Callable[[int, int], jax.Array], size: int, step: jax.Array, axis: int, edge_order: int
) -> jax.Array:
    """As _slope, of slices `at` points one step apart."""
    middle = (at(2, size) - at(0, size - 2)) / (2 * step)
    if edge_order == 1:
        start, end = at(1, 2) - at(0, 1), at(size - 1, size) - at(size - 2, size - 1)
    else:
        start = 2 * at(1, 2) - 1.5 * at(0, 1) - 0.5 * at(2, 3)
        end = 1.5 * at(size - 1, size) - 2 * at(size - 2, size - 1) + 0.5 * at(size - 3, size - 2)
    return jnp.concatenate([start / step, middle, end / step], axis)


def _slope(input: jax.Array, axis: int, spacing: Any, edge_order: int) -> jax.Array:
    """Second-order differences along an axis; `spacing` is a number or the coordinates."""
    size = input.shape[axis]

    def at(start: int, end: int) -> jax.Array:
        return lax.slice_in_dim(input, start, end, axis=axis)

    if isinstance(spacing, jax.Array | np.ndarray) and np.ndim(spacing):
        shape = [-1 if one == axis else 1 for one in range(input.ndim)]
        steps = jnp.diff(jnp.asarray(spacing)).reshape(shape)
        with jax.numpy_dtype_promotion("standard"):
            common = jnp.promote_types(steps.dtype, input.dtype)
        steps, input = steps.astype(common), input.astype(common)
        before, after = (lax.slice_in_dim(steps, i, size - 2 + i, axis=axis) for i in (0, 1))
        first = [lax.slice_in_dim(steps, i, i + 1, axis=axis) for i in range(min(2, size - 1))]
        last = [
            lax.slice_in_dim(steps, size - 2 - i, size - 1 - i, axis=axis) for i in range(min(2, size - 1))
        ]
    else:
        return _even_slope(at, size, jnp.asarray(spacing).astype(input.dtype), axis, edge_order)
    a, b, c = at(0, size - 2), at(1, size - 1), at(2, size)
    middle = (
        -after / (before * (before + after)) * a
        + (after - before) / (before * after) * b
        + before / (after * (before + after)) * c
    )
    if edge_order == 1:
        start, end = (at(1, 2) - at(0, 1)) / first[0], (at(size - 1, size) - at(size - 2, size - 1)) / last[0]
    else:
        (h, g), (u, v) = first, last
        start = (
            -(2 * h + g) / (h * (h + g)) * at(0, 1)
            + (h + g) / (h * g) * at(1, 2)
            - h / (g * (h + g)) * at(2, 3)
        )
        end = (
            u / (v * (u + v)) * at(size - 3, size - 2)
            - (u + v) / (u * v) * at(size - 2, size - 1)
            + (2 * u + v) / (u * (u + v)) * at(size - 1, size)
        )
    return jnp.concatenate([start, middle, end], axis)


@operation("torch", to_float=True)
def gradient(
    input: jax.Array, *, spacing: Any = None, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> tuple[jax.Array, ...]:
    """The derivative along each dimension, by central differences of second order.

    `spacing` is a number for all, or for each dimension a number or its coordinates. Raises RuntimeError for
    an edge order other than 1 and 2, and for dimensions too short for it.
    """
    if input.dtype == np.uint8:
        raise RuntimeError("torch.gradient does not support uint8 input.")
    input = to_floating(input)
    axes = canonical_dims(dim, input.ndim)
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    spacing = 1 if spacing is None else spacing
    several = isinstance(spacing, list | tuple)
    spacings = list(spacing) if several else [spacing] * len(axes)
    if len(spacings) != len(axes):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length {len(axes)}, "
            f"got {len(spacings)}"
        )
    for one in spacings:
        if np.ndim(one) > 1:
            raise RuntimeError(
                "torch.gradient expected each element of spacing to have one dimension, but got an element "
                f"with {np.ndim(one)} dimensions!"
            )
    for axis in axes:
        if input.shape[axis] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(_slope(input, axis, one, edge_order) for axis, one in zip(axes, spacings, strict=True))
