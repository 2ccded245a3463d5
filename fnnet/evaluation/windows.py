"""XLA's operations over windows in NumPy: padding, convolution, pooling and its derivative."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def pad(x: Any, value: Any, padding_config: Any) -> Any:
    """lax.pad: a border, which may be negative, and elements between."""
    shape = [
        low + high + n + max(n - 1, 0) * inner
        for n, (low, high, inner) in zip(x.shape, padding_config, strict=True)
    ]
    made = np.full(shape, value, x.dtype)
    to, of = [], []
    for n, (low, _, inner), total in zip(x.shape, padding_config, shape, strict=True):
        apart = inner + 1
        first = max(0, -(low // apart)) if low < 0 else 0  # of the elements that stay
        last = min(n, (total - 1 - low) // apart + 1) if total > 0 else 0
        begin = low + first * apart
        of.append(slice(first, max(last, first)))
        to.append(slice(begin, begin + max(last - first, 0) * apart, apart))
    made[tuple(to)] = x[tuple(of)]
    return made


def least(kind: Any, sign: int) -> Any:
    """What an extreme begins with."""
    if kind.kind in "iu":
        return np.iinfo(kind).min if sign > 0 else np.iinfo(kind).max
    return sign < 0 if kind.kind == "b" else -sign * np.inf


def _places(shape: Sequence[int], sizes: Any, strides: Any, steps: Any) -> tuple[int, ...]:
    """How many windows there are along each dimension."""
    return tuple(
        max((n - (size - 1) * step - 1) // stride + 1, 0) if n else 0
        for n, size, stride, step in zip(shape, sizes, strides, steps, strict=True)
    )


def _shifted(x: Any, at: Any, places: Any, strides: Any, steps: Any) -> Any:
    """Of the last dimensions, the element at `at` of each window."""
    slices = [
        slice(a * step, a * step + (n - 1) * stride + 1, stride) if n else slice(0, 0)
        for a, n, stride, step in zip(at, places, strides, steps, strict=True)
    ]
    return x[(..., *slices)]


def convolve(
    x: Any,
    kernel: Any,
    *,
    window_strides: Any,
    padding: Any,
    lhs_dilation: Any,
    rhs_dilation: Any,
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    preferred_element_type: Any = None,
    **_: Any,
) -> Any:
    """lax.conv_general_dilated, as a product of matrices."""
    numbers = dimension_numbers
    kind = np.dtype(preferred_element_type or x.dtype)
    wide = np.float32 if kind.itemsize == 2 else kind
    x = np.transpose(x, numbers.lhs_spec).astype(wide, copy=False)
    kernel = np.transpose(kernel, numbers.rhs_spec).astype(wide, copy=False)
    between = [(low, high, n - 1) for (low, high), n in zip(padding, lhs_dilation, strict=True)]
    x = pad(x, 0, [(0, 0, 0), (0, 0, 0), *between])
    out, within, *sizes = kernel.shape
    groups = feature_group_count * batch_group_count
    places = _places(x.shape[2:], sizes, window_strides, rhs_dilation)
    if feature_group_count > 1:
        x = x.reshape(x.shape[0], groups, within, *x.shape[2:])
    else:
        x = np.swapaxes(x.reshape(groups, x.shape[0] // groups, within, *x.shape[2:]), 0, 1)
    windows = np.empty([*x.shape[:3], math.prod(sizes), *places], wide)  # N, groups, channels, window, places
    for number, at in enumerate(itertools.product(*map(range, sizes))):
        windows[:, :, :, number] = _shifted(x, at, places, window_strides, rhs_dilation)
    count, inner = x.shape[0], within * math.prod(sizes)
    made = np.matmul(
        kernel.reshape(groups, out // groups, inner),
        windows.reshape(count, groups, inner, math.prod(places)),
    ).reshape(count, out, *places)
    return np.transpose(made, np.argsort(numbers.out_spec)).astype(kind, copy=False)


def reduce_window(ufunc: Any) -> Callable[..., Any]:
    """The rule of reduce_window_sum and its kin."""

    def rule(
        x: Any,
        window_dimensions: Any,
        window_strides: Any,
        padding: Any,
        base_dilation: Any,
        window_dilation: Any,
        **_: Any,
    ) -> Any:
        kind = x.dtype
        if kind.kind != "c" and kind.itemsize == 2 and kind.kind not in "iu":
            x = x.astype(np.float32)
        start = 0 if ufunc is np.add else least(kind, 1 if ufunc is np.maximum else -1)
        between = [(low, high, n - 1) for (low, high), n in zip(padding, base_dilation, strict=True)]
        x = pad(x, start, between)
        places = _places(x.shape, window_dimensions, window_strides, window_dilation)
        made = np.full(places, start, x.dtype)
        for at in itertools.product(*map(range, window_dimensions)):
            made = ufunc(made, _shifted(x, at, places, window_strides, window_dilation))
        return made.astype(kind, copy=False)

    return rule


def select_and_scatter_add(
    source: Any, operand: Any, *, select_prim: Any, window_dimensions: Any, window_strides: Any, padding: Any
) -> Any:
    """Each element of `source` is added where its window of `operand` has the first extreme."""
    better = {"ge": np.greater_equal, "le": np.less_equal}[select_prim.name]
    start = least(operand.dtype, 1 if select_prim.name == "ge" else -1)
    padded = pad(operand, start, [(low, high, 0) for low, high in padding])
    inside = pad(np.ones(operand.shape, bool), False, [(low, high, 0) for low, high in padding])
    one = [1] * operand.ndim
    seen = np.zeros(source.shape, bool)
    kept = np.full(source.shape, start, operand.dtype)
    chosen = np.zeros(source.shape, np.int64)
    every = list(itertools.product(*map(range, window_dimensions)))
    for number, at in enumerate(every):
        new = _shifted(padded, at, source.shape, window_strides, one)
        valid = _shifted(inside, at, source.shape, window_strides, one)
        replaces = valid & ~(seen & better(kept, new))
        kept, chosen = np.where(replaces, new, kept), np.where(replaces, number, chosen)
        seen = seen | valid
    made = np.zeros(padded.shape, np.float32 if source.dtype.itemsize == 2 else source.dtype)
    for number, at in enumerate(every):
        target = _shifted(made, at, source.shape, window_strides, one)
        target += np.where(seen & (chosen == number), source, np.zeros((), source.dtype))
    low = [slice(before, before + n) for (before, _), n in zip(padding, operand.shape, strict=True)]
    return made[tuple(low)].astype(source.dtype, copy=False)
