"""Convolutions of groups of few channels as sums of shifted pictures, on a CPU.

A depthwise 3 x 3 convolution of 32 pictures of 16 channels, 32 x 32, takes XLA 14 ms on two cores (jaxlib
0.10.2): it walks channel by channel. Nine shifted pictures, each times its weight, are one pass.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from fnnet.functional.apart import apart

__all__ = ["as_given", "grouped", "in_order", "is_sum", "window"]

_TERMS = 64
"""Up to how many terms a sum is written out."""
_PARTS = 8
"""Into how many parts one is cut at most."""
_UNROLLED = 16
_LARGE = 2**17
"""Up to how many terms are written out for an input of fewer elements than `_LARGE`. Of more, those of a row
are, and a loop goes over the rows: XLA compiled a training step with twelve small 7 x 7 convolutions in 38 s,
and in 96 s with all terms written out. For a large input the loop is five times slower than that."""


def in_order(x: Any, kernel: Any, params: dict[str, Any]) -> tuple[Any, Any]:
    """The input as (N, C, ...), padded and dilated, and the kernel as (out, in, ...)."""
    numbers = params["dimension_numbers"]
    dilations = zip(params["padding"], params["lhs_dilation"], strict=True)
    x = lax.pad(
        lax.transpose(x, numbers.lhs_spec),
        jnp.zeros((), x.dtype),
        [(0, 0, 0), (0, 0, 0), *[(*pad, dilation - 1) for pad, dilation in dilations]],
    )
    return x, lax.transpose(kernel, numbers.rhs_spec)


def as_given(result: Any, params: dict[str, Any]) -> Any:
    """A result (N, out, ...) in the order of dimensions that the convolution's output has."""
    places = params["dimension_numbers"].out_spec
    return lax.transpose(result, sorted(range(result.ndim), key=lambda d: places[d]))


def is_sum(params: dict[str, Any], x: Any, kernel: Any, out: Any) -> bool:
    """Whether a convolution, or the gradient of its kernel, has groups and few enough terms."""
    numbers = params["dimension_numbers"]
    if out.dtype != jnp.float32 or out.size == 0 or kernel.size == 0:
        return False
    if params["feature_group_count"] > 1:
        return bool(math.prod([kernel.shape[d] for d in numbers.rhs_spec[1:]]) <= _TERMS)
    if params["batch_group_count"] > 1:
        return bool(math.prod([out.shape[d] for d in numbers.out_spec[2:]]) <= _TERMS)
    return False


def grouped(x: Any, kernel: Any, params: dict[str, Any], shape: tuple[int, ...]) -> Any:
    """The convolution of which `is_sum` holds; `shape` is that of its result."""
    numbers = params["dimension_numbers"]
    x, kernel = in_order(x, kernel, params)
    places = tuple(shape[d] for d in numbers.out_spec[2:])
    strides, steps = params["window_strides"], params["rhs_dilation"]
    groups = params["feature_group_count"]
    if groups > 1:
        result = _over_kernel(x, kernel, groups, places, strides, steps)
    else:
        result = _over_places(x, kernel, params["batch_group_count"], places, strides, steps)
    return apart(as_given(result, params))


def window(x: Any, at: Any, apart: Any, sizes: Any, steps: Any) -> Any:
    """The part of the last dimensions that begins at `at * apart`, of so many elements, so far apart."""
    kept = x.ndim - len(sizes)
    starts = [p * a for p, a in zip(at, apart, strict=True)]
    stops = [first + (n - 1) * step + 1 for first, n, step in zip(starts, sizes, steps, strict=True)]
    return lax.slice(x, (*[0] * kept, *starts), (*x.shape[:kept], *stops), (*[1] * kept, *steps))


def _over_kernel(x: Any, kernel: Any, groups: int, places: Any, strides: Any, steps: Any) -> Any:
    out, within, *sizes = kernel.shape
    x = lax.optimization_barrier(x.reshape(x.shape[0], groups, within, *x.shape[2:]))
    weights = kernel.reshape(groups, out // groups, within, *sizes)
    ones = [1] * len(places)

    def sum_of(x: Any, weights: Any, sizes: Any) -> Any:
        total: Any = None
        for at in itertools.product(*map(range, sizes)):
            shifted = window(x, at, steps, places, strides)
            weight = weights[(..., *at)].reshape(groups, out // groups, within, *ones)
            for one in range(within):
                term = shifted[:, :, None, one] * weight[:, :, one]
                total = term if total is None else total + term
        return total

    if _stands(within * math.prod(sizes), x, sizes):
        total = sum_of(x, weights, sizes)
    else:

        def add_row(i: Any, total: Any) -> Any:
            rows = _rows(x, i * steps[0], (places[0] - 1) * strides[0] + 1, len(sizes))
            return total + sum_of(rows, _rows(weights, i, 1, len(sizes)), (1, *sizes[1:]))

        shape = (x.shape[0], groups, out // groups, *places)
        total = lax.fori_loop(0, sizes[0], add_row, jnp.zeros(shape, x.dtype))
    return total.reshape(x.shape[0], out, *places)


def _stands(terms: int, x: Any, sizes: Any) -> bool:
    """Whether a sum is written out whole."""
    return terms <= _UNROLLED or x.size >= _LARGE or len(sizes) == 1


def _rows(x: Any, first: Any, count: int, dims: int) -> Any:
    """So many rows, the first of the last `dims` dimensions, from a row that is known at run time."""
    return lax.dynamic_slice_in_dim(x, first, count, axis=x.ndim - dims)


def _over_places(x: Any, kernel: Any, groups: int, places: Any, strides: Any, steps: Any) -> Any:
    out, features, *sizes = kernel.shape
    batch = x.shape[0] // groups
    x = lax.optimization_barrier(x.reshape(groups, batch, 1, features, *x.shape[2:]))
    weights = kernel.reshape(groups, 1, out // groups, features, *sizes)
    axes = tuple(range(3, x.ndim))
    parts, axis = max((_parts(weights.shape[axis]), -axis) for axis in axes[:2])
    parts = parts if _stands(math.prod(places), x, places) else 1

    def sums_of(x: Any, places: Any) -> Any:
        every = itertools.product(*map(range, places))
        found = [window(x, at, strides, sizes, steps) for at in every]
        return jnp.stack([_product_sum(one, weights, parts, -axis).sum(axes) for one in found], -1)

    if _stands(math.prod(places), x, places):
        result = sums_of(x, places)  # (groups, batch, out / groups, places)
    else:
        reach = (sizes[0] - 1) * steps[0] + 1

        def row(i: Any) -> Any:
            return sums_of(_rows(x, i * strides[0], reach, len(places)), (1, *places[1:]))

        result = jnp.moveaxis(lax.map(row, jnp.arange(places[0])), 0, -2)
        result = result.reshape(*result.shape[:-2], -1)
    return jnp.swapaxes(result, 0, 1).reshape(batch, out, *places)


def _parts(size: int) -> int:
    return max(n for n in range(1, _PARTS + 1) if size % n == 0)


def _product_sum(x: Any, weights: Any, parts: int, axis: int) -> Any:
    """The products, those of equal parts of an axis added up in one pass: 0.5 ms instead of 2.5 with the
    reduction that is left (depthwise, as above)."""
    size = x.shape[axis] // parts
    total: Any = None
    for at in range(0, x.shape[axis], size):
        first, second = (lax.slice_in_dim(one, at, at + size, axis=axis) for one in (x, weights))
        total = first * second if total is None else total + first * second
    return apart(total)
