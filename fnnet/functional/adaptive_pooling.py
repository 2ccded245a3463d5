"""Pooling whose windows follow from the output: adaptive and fractional pooling; and the inverse of max
pooling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.half import widened
from fnnet.functional.operation import operation
from fnnet.functional.pooling import flat_positions, lowest, pick_largest
from fnnet.functional.spatial import Sizes, batched, per_dimension
from fnnet.random.source import as_source

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "adaptive_max_pool3d",
    "fractional_max_pool2d",
    "fractional_max_pool3d",
    "max_unpool1d",
    "max_unpool2d",
    "max_unpool3d",
]

OutputSize: TypeAlias = int | Sequence[int | None] | None

_FEW = 16
"""Up to how many windows are written out, each as a slice."""


def _output_sizes(name: str, output_size: Any, input: jax.Array, n: int) -> tuple[int, ...]:
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * n
    if len(given) == 1:
        given *= n
    if len(given) != n:
        raise RuntimeError(f"{name}: output_size must be {n} ints or None, got {output_size}")
    sizes = tuple(
        own if size is None else int(size) for size, own in zip(given, input.shape[-n:], strict=True)
    )
    if min(sizes) < 0:
        raise RuntimeError(f"{name}: elements of output_size must be greater than or equal to 0, got {sizes}")
    return sizes


def _windows(size: int, out: int) -> list[np.ndarray]:
    """Positions for each place in a window (-1 beyond its end): window i is [floor(i s/o), ceil((i+1)
    s/o)).
    """
    i = np.arange(out)
    starts, ends = i * size // max(out, 1), -((-(i + 1) * size) // max(out, 1))
    longest = int((ends - starts).max(initial=1))
    return [np.where(starts + j < ends, starts + j, -1) for j in range(longest)]


def _taps(x: jax.Array, dim: int, positions: list[np.ndarray], fill: Any) -> list[jax.Array]:
    taps = []
    for position in positions:
        tap = jnp.take(x, np.maximum(position, 0), axis=dim)
        inside = (position >= 0).reshape(-1, *[1] * (x.ndim - dim - 1))
        taps.append(tap if inside.all() else jnp.where(inside, tap, jnp.asarray(fill, x.dtype)))
    return taps


# By hand where it would be a scatter: of the 7 x 7 means of 32 x 16 pictures of 32 x 32 it took 1.0 ms, of
# slices 0.5, which themselves are slower than the taps.
@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _sums(x: jax.Array, dim: int, out: int) -> jax.Array:
    """The sums over `out` windows along a dimension."""
    return jnp.asarray(sum(_taps(x, dim, _windows(x.shape[dim], out), 0)))


@_sums.defjvp
def _sums_jvp(dim: int, out: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    sums = _sums(x, dim, out)
    if not 0 < out <= _FEW:
        return sums, jnp.asarray(sum(_taps(change, dim, _windows(x.shape[dim], out), 0)))
    parts = []
    for positions in zip(*_windows(x.shape[dim], out), strict=True):
        inside = [int(one) for one in positions if one >= 0]
        parts.append(lax.slice_in_dim(change, inside[0], inside[-1] + 1, axis=dim).sum(dim))
    return sums, jnp.stack(parts, dim)


def _check_filled(
    name: str, input: jax.Array, n: int, output_size: Any = None, kept: tuple[int, ...] | None = None
) -> None:
    """Raise PyTorch's error for an input of another rank, or with nothing in one of the sizes `kept`, which
    are all but the first unless given."""
    if isinstance(output_size, Sequence) and n > 1 and input.ndim <= len(output_size):
        raise ValueError(f"{name}: Input dimension should be at least {len(output_size) + 1}")
    kept = input.shape[1:] if kept is None else kept
    if input.ndim not in (n + 1, n + 2) or 0 in kept:
        raise RuntimeError(
            f"{name}: Expected {n + 1}D or {n + 2}D tensor with non-zero size for non-batch dimensions, "
            "but got "
            f"input of size {list(input.shape)}"
        )


def _adaptive_avg_pool(n: int, input: jax.Array, output_size: OutputSize) -> jax.Array:
    name = f"adaptive_avg_pool{n}d"
    _check_filled(name, input, n, output_size, input.shape[-n:] if n < 3 else None)
    sizes = _output_sizes(name, output_size, input, n)

    def compute(x: jax.Array) -> jax.Array:
        for axis, out in enumerate(sizes):
            dim = axis + 2
            if out and x.shape[dim] % out == 0:
                x = x.reshape(*x.shape[:dim], out, x.shape[dim] // out, *x.shape[dim + 1 :]).mean(dim + 1)
                continue
            counts = np.sum([position >= 0 for position in _windows(x.shape[dim], out)], axis=0)
            x = _sums(x, dim, out) / jnp.asarray(counts.reshape(-1, *[1] * (x.ndim - dim - 1)), x.dtype)
        return x

    return batched(name, widened(input), n, compute).astype(input.dtype)


@operation("torch", "nn.functional", grad_fn="SqueezeBackward1")
def adaptive_avg_pool1d(input: jax.Array, output_size: OutputSize) -> jax.Array:
    """Means over output_size windows that cover input (N, C, L) or (C, L)."""
    return _adaptive_avg_pool(1, input, output_size)


@operation("nn.functional", grad_fn="AdaptiveAvgPool2DBackward0")
def adaptive_avg_pool2d(input: jax.Array, output_size: OutputSize) -> jax.Array:
    """Means over output_size windows that cover input (N, C, H, W) or (C, H, W); None keeps a size."""
    return _adaptive_avg_pool(2, input, output_size)


@operation("nn.functional", grad_fn="AdaptiveAvgPool3DBackward0")
def adaptive_avg_pool3d(input: jax.Array, output_size: OutputSize) -> jax.Array:
    """Means over output_size windows that cover input (N, C, D, H, W) or (C, D, H, W); None keeps a size."""
    return _adaptive_avg_pool(3, input, output_size)


def _adaptive_max_pool(n: int, input: jax.Array, output_size: OutputSize, return_indices: bool) -> Any:
    name = f"adaptive_max_pool{n}d"
    _check_filled(name, input, n, output_size)
    sizes = _output_sizes(name, output_size, input, n)

    def compute(x: jax.Array) -> Any:
        where: jax.Array | None = flat_positions(x.shape[2:]) if return_indices else None
        for axis in reversed(range(n)):
            windows = _windows(x.shape[axis + 2], sizes[axis])
            indices = None if where is None else _taps(where, axis + 2, windows, -1)
            x, where = pick_largest(_taps(x, axis + 2, windows, lowest(x.dtype)), indices)
        return x if where is None else (x, jnp.broadcast_to(where, x.shape))

    return batched(name, input, n, compute)


@operation("nn.functional", grad_fn="SqueezeBackward1")
def adaptive_max_pool1d(input: jax.Array, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Maxima over output_size windows that cover input (N, C, L) or (C, L), and on demand where they
    stand.
    """
    return _adaptive_max_pool(1, input, output_size, return_indices)


@operation("nn.functional", grad_fn="AdaptiveMaxPool2DBackward0")
def adaptive_max_pool2d(input: jax.Array, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Maxima over output_size windows that cover input (N, C, H, W) or (C, H, W); see adaptive_max_pool1d."""
    return _adaptive_max_pool(2, input, output_size, return_indices)


@operation("nn.functional", grad_fn="AdaptiveMaxPool3DBackward0")
def adaptive_max_pool3d(input: jax.Array, output_size: OutputSize, return_indices: bool = False) -> Any:
    """Maxima over output_size windows that cover (N, C, D, H, W) or (C, D, H, W); see adaptive_max_pool1d."""
    return _adaptive_max_pool(3, input, output_size, return_indices)


def _fractional_max_pool(
    n: int,
    input: jax.Array,
    kernel_size: Sizes,
    output_size: Any,
    output_ratio: Any,
    return_indices: bool,
    samples: jax.Array | None,
    key: Any,
) -> Any:
    name = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name}: requires specifying either an output_size or an output_ratio")
    _check_filled(name, input, n)
    kernel = per_dimension(name, "kernel_size", kernel_size, n)
    if output_size is None:
        ratios = output_ratio if isinstance(output_ratio, Sequence) else (output_ratio,) * n
        if len(ratios) != n:
            raise ValueError(f"{name}: requires output_ratio to have length {n}, got {output_ratio}")
        output_size = [int(size * ratio) for size, ratio in zip(input.shape[-n:], ratios, strict=True)]
    sizes = per_dimension(name, "output_size", output_size, n)
    for size, k, out in zip(input.shape[-n:], kernel, sizes, strict=True):
        if out + k - 1 > size:
            raise RuntimeError(
                f"{name}: pool size {k} too large relative to input size {size} and output {out}"
            )
    batch = input.shape[0] if input.ndim == n + 2 else 1
    shape = (batch, input.shape[-n - 1], n)
    if samples is None:
        if key is None:
            raise ValueError(f"{name}: it draws where the windows stand: give key=jax.random.key(...)")
        samples = as_source(key).uniform(shape, 0.0, 1.0, input.dtype)
    elif samples.shape != shape:
        raise RuntimeError(f"{name}: Expect _random_samples of shape {shape}, got {samples.shape}")

    def starts(axis: int) -> jax.Array:
        """Where the windows of an axis start, (N, C, out); the samples are in order of the last axis
        first.
        """
        sample = samples[:, :, n - 1 - axis, None] if n == 2 else samples[:, :, axis, None]
        size, k, out = input.shape[-n + axis], kernel[axis], sizes[axis]
        alpha = (size - k) / (out - 1) if out > 1 else 0.0
        steps = jnp.arange(out, dtype=samples.dtype)
        begun = jnp.trunc((steps + sample) * alpha) - jnp.trunc(sample * alpha)
        return jnp.where(jnp.arange(out) == out - 1, size - k, begun.astype(jnp.int32))

    def compute(x: jax.Array) -> Any:
        where: jax.Array | None = None
        if return_indices:
            where = jnp.broadcast_to(flat_positions(x.shape[2:]), x.shape)
        for axis in reversed(range(n)):
            first = starts(axis).reshape(*x.shape[:2], *[sizes[a] if a == axis else 1 for a in range(n)])
            places = [first + j for j in range(kernel[axis])]
            values = [jnp.take_along_axis(x, place, axis=axis + 2) for place in places]
            indices = None
            if where is not None:
                indices = [jnp.take_along_axis(where, place, axis=axis + 2) for place in places]
            x, where = pick_largest(values, indices)
        return x if where is None else (x, where)

    return batched(name, input, n, compute)


@operation("nn.functional", grad_fn="FractionalMaxPool2DBackward0")
def fractional_max_pool2d(
    input: jax.Array,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: jax.Array | None = None,
    *,
    key: Any = None,
) -> Any:
    """Maxima over windows at pseudo-random steps (Graham, 2014) of input (N, C, H, W) or (C, H, W).

    Where they stand is drawn from `key`, or follows from `_random_samples` (N, C, 2).
    """
    return _fractional_max_pool(
        2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, key
    )


@operation("nn.functional", grad_fn="FractionalMaxPool3DBackward0")
def fractional_max_pool3d(
    input: jax.Array,
    kernel_size: Sizes,
    output_size: Sizes | None = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: jax.Array | None = None,
    *,
    key: Any = None,
) -> Any:
    """Maxima over windows at pseudo-random steps of (N, C, D, H, W) or (C, D, H, W); see
    fractional_max_pool2d.
    """
    return _fractional_max_pool(
        3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples, key
    )


def _max_unpool(
    n: int,
    input: jax.Array,
    indices: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None,
    padding: Sizes,
    output_size: Sequence[int] | None,
) -> jax.Array:
    name = f"max_unpool{n}d"
    kernel = per_dimension(name, "kernel_size", kernel_size, n)
    strides = kernel if stride is None else per_dimension(name, "stride", stride, n)
    pads = per_dimension(name, "padding", padding, n)
    if 0 in input.shape[1:]:
        raise RuntimeError(
            f"{name}: Expected input to have non-zero size for non-batch dimensions, but got "
            f"{list(input.shape)}"
        )
    if input.shape != indices.shape:
        raise RuntimeError(
            f"{name}: Expected shape of indices to be the same as that of the input tensor "
            f"({list(input.shape)}), but got indices tensor with shape: {list(indices.shape)}"
        )
    default = [
        (size - 1) * s + k - 2 * p
        for size, s, k, p in zip(input.shape[-n:], strides, kernel, pads, strict=True)
    ]
    sizes = default
    if output_size is not None:
        sizes = list(output_size)[-n:]
        near = all(d - s < size < d + s for d, s, size in zip(default, strides, sizes, strict=True))
        if len(sizes) != n or not near:
            raise ValueError(
                f"{name}: invalid output_size {list(output_size)}: each size must be within a stride "
                f"{strides} of {default}"
            )
    if not isinstance(indices, jax.core.Tracer) and indices.size:
        known = np.asarray(indices)
        outside = (known < 0) | (known >= math.prod(sizes))
        if outside.any():
            raise RuntimeError(
                f"{name}: Found an invalid max index: {known[outside][0]} (output volumes are of size "
                f"{sizes})"
            )
    rows, count = math.prod(input.shape[:-n]), math.prod(input.shape[-n:])
    flat = jnp.zeros((rows, math.prod(sizes)), input.dtype)
    places = flat.at[jnp.arange(rows)[:, None], indices.reshape(rows, count)]
    filled = places.set(lax.stop_gradient(input).reshape(rows, count))
    # Where an index repeats PyTorch sends the gradient to each of its elements, as a sum would.
    summed = places.add(input.reshape(rows, count))
    filled = filled + (summed - lax.stop_gradient(summed))
    return filled.reshape(*input.shape[:-n], *sizes)


@operation("nn.functional", grad_fn="SqueezeBackward1")
def max_unpool1d(
    input: jax.Array,
    indices: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """Put maxima back where max_pool1d's indices found them, zeros elsewhere; input (N, C, L) or (C, L)."""
    return _max_unpool(1, input, indices, kernel_size, stride, padding, output_size)


@operation("nn.functional", grad_fn="MaxUnpool2DBackward0")
def max_unpool2d(
    input: jax.Array,
    indices: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """Put maxima back where max_pool2d's indices found them, zeros elsewhere."""
    return _max_unpool(2, input, indices, kernel_size, stride, padding, output_size)


@operation("nn.functional", grad_fn="MaxUnpool3DBackward0")
def max_unpool3d(
    input: jax.Array,
    indices: jax.Array,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    output_size: Sequence[int] | None = None,
) -> jax.Array:
    """Put maxima back where max_pool3d's indices found them, zeros elsewhere."""
    return _max_unpool(3, input, indices, kernel_size, stride, padding, output_size)
