"""Uniform numbers: u·(high - low) + low with one rounding, and never `high` itself."""

from __future__ import annotations

import math

import numpy as np

from fnnet.random.engine import Engine
from fnnet.random.layout import aligned_empty
from fnnet.random.rounding import (
    CountsFma64,
    cast,
    float32,
    float64,
    fma32,
    fma64,
    is_half,
    sum_is_exact,
    to_float32_once,
)

BLOCK = 1 << 14
"""Numbers made at a time: few enough to stay in a core's cache from one pass to the next."""

BLOCK64 = 1 << 16
"""The same for float64, whose passes are so many that a call's own cost counts."""


def uniform_fill(engine: Engine, count: int, low: float, high: float, dtype: np.dtype) -> np.ndarray:
    """`count` numbers from U(low, high)."""
    if dtype == float64:
        return _uniform64(engine, count, low, high)
    lo, hi = float(np.float32(low)), float(np.float32(high))
    out = _uniform32(engine, count, lo, float(np.float32(hi) - np.float32(lo)))
    if is_half(dtype):
        out = cast(out, dtype)
    top = cast(np.array(high), dtype)
    if count and _largest32(lo, hi, dtype) == top:
        out[out == top] = cast(np.array(low), dtype)
    return out


def _largest32(lo: float, hi: float, dtype: np.dtype) -> np.ndarray:
    """The largest number that the formula can give, before it is kept below `high`."""
    width = float(np.float32(hi) - np.float32(lo))
    return cast(fma32(np.array([1.0 - 2.0**-24], float32), width, lo), dtype)[0]


def _uniform32(engine: Engine, count: int, lo: float, width: float) -> np.ndarray:
    out = aligned_empty(count, float32)
    grid = width * 2.0**-24
    power_of_two = math.frexp(width)[0] == 0.5 and grid > 2.0**-126
    exact = sum_is_exact(grid, width, lo)
    wide = np.empty(min(count, BLOCK), float64)
    for start in range(0, count, BLOCK):
        part = out[start : start + BLOCK]
        words = engine.words(part.size)
        # a signed view converts faster, and these integers are the same in it
        bits = np.bitwise_and(words, np.uint32(0xFFFFFF), out=words).view(np.int32)
        if power_of_two:  # the product is exact in float32: nothing to fuse
            np.copyto(part, bits, casting="unsafe")
            part *= np.float32(grid)
            if lo:
                part += np.float32(lo)
            continue
        products = wide[: part.size]
        np.copyto(products, bits)
        products *= grid
        if exact:
            products += lo
            part[...] = products
        else:
            to_float32_once(products + lo, products, lo, part)
    return out


def _uniform64(engine: Engine, count: int, low: float, high: float) -> np.ndarray:
    out = aligned_empty(count, float64)
    width = high - low
    fma = CountsFma64(width, low, min(count, BLOCK64))
    for start in range(0, count, BLOCK64):
        part = out[start : start + BLOCK64]
        fma(engine.bits53(part.size).view(np.int64), part)
    if count and fma64(np.array([1.0 - 2.0**-53]), width, low)[0] == high:
        out[out == high] = low
    return out
