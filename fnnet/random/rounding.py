"""PyTorch's roundings where NumPy has no operation for them: fused multiply-adds, and casts to half types.

`fma(a, s, c)` is a·s + c rounded once. PyTorch's CPU kernels use it for a·std + mean and for
u·(high - low) + low.
"""

from __future__ import annotations

import math

import jax
import numpy as np
from jax.typing import DTypeLike

bfloat16 = np.dtype(jax.dtypes.bfloat16)
float16 = np.dtype(np.float16)
float32 = np.dtype(np.float32)
float64 = np.dtype(np.float64)

FLOATS = (float32, float64, float16, bfloat16)
DIGITS = {float32: 24, float64: 53, float16: 11, bfloat16: 8}
"""Bits of the significand."""

_SPLIT = 134217729.0  # 2**27 + 1, Veltkamp's


def is_half(dtype: np.dtype) -> bool:
    """Whether PyTorch computes in float32 for this dtype."""
    return dtype in (float16, bfloat16)


def cast(values: np.ndarray, dtype: DTypeLike) -> np.ndarray:
    """`values` in another dtype; from float64 to a half type by way of float32, as PyTorch on x86 does."""
    dtype = np.dtype(dtype)
    if values.dtype == dtype:
        return values
    with np.errstate(over="ignore"):
        if values.dtype == float64 and is_half(dtype):
            values = values.astype(float32)
        return values.astype(dtype)


def _lowest_bit(x: float) -> int:
    """The exponent of the last bit set in x (for 0, more than any number has)."""
    if x == 0.0:
        return 900
    numerator, denominator = x.as_integer_ratio()
    return (numerator & -numerator).bit_length() - denominator.bit_length()


def sum_is_exact(grid: float, high: float, offset: float) -> bool:
    """Whether k·grid + offset is exact in float64 for all the multiples of grid up to `high`."""
    last = min(_lowest_bit(grid), _lowest_bit(offset))
    return max(abs(offset), abs(high), abs(high + offset)) < math.ldexp(1.0, 53 + last)


def to_float32_once(exact: np.ndarray, products: np.ndarray, offset: float, out: np.ndarray) -> None:
    """Write fl32(products + offset) to `out`, given `exact` = fl64(products + offset).

    The two roundings differ from one only where the first ended half-way between two float32 and was itself
    inexact. There, `exact` moves one step towards the part that was lost.
    """
    halfway = (exact.view(np.uint64) & np.uint64(0x1FFFFFFF)) == np.uint64(0x10000000)
    if halfway.any():
        where = np.flatnonzero(halfway)
        s, p = exact[where], products[where]
        lost = _two_sum_error(p, offset, s)
        exact[where] = np.where(lost == 0, s, np.nextafter(s, np.where(lost > 0, np.inf, -np.inf)))
    out[...] = exact


def fma32(values: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """fma in float32: `values` float32, scale and offset are float32 numbers held in Python floats."""
    products = values.astype(float64)
    products *= scale
    out = np.empty_like(values)
    to_float32_once(products + offset, products, offset, out)
    return out


def fma64(values: np.ndarray, scale: float, offset: float) -> np.ndarray:
    """fma in float64."""
    high = values * scale
    if offset == 0.0:
        high += 0.0
        return high
    if math.frexp(scale)[0] == 0.5 or scale == 0.0:  # a power of two: the product is exact
        high += offset
        return high
    size = math.frexp(max(abs(scale), abs(offset)))[1]
    if abs(size) > 900:  # the products' errors would leave float64's range
        unit = math.ldexp(1.0, size - 1)
        return fma64(values, scale / unit, offset / unit) * unit
    return _add_error(high, _two_product_error(values, scale, high), offset)


def _add_error(high: np.ndarray, low: np.ndarray, offset: float) -> np.ndarray:
    """high + low + offset rounded once, where high + low is an exact product."""
    total = high + offset
    rest = _two_sum_error(high, offset, total)
    rest += low
    rounded = total + rest
    # `rest` was rounded; that can only matter where total + rest ends at, or next to, half a last place
    total -= rounded
    total += rest
    significand = total.view(np.uint64)
    significand += np.uint64(4)
    significand &= np.uint64(2**52 - 1)
    near_power_of_two = significand < 8
    if near_power_of_two.any():
        where = np.flatnonzero(near_power_of_two)
        rounded[where] = _add_error_to_odd(high[where], low[where], offset)
    return rounded


def _add_error_to_odd(high: np.ndarray, low: np.ndarray, offset: float) -> np.ndarray:
    """The same, always right: the last but one sum is rounded to odd (Boldo and Melquiond, 2008)."""
    t_high = low + offset
    t_low = _two_sum_error(low, offset, t_high)
    v_high = high + t_high
    v_low = _two_sum_error(high, t_high, v_high)
    odd = t_low + v_low
    lost = _two_sum_error(t_low, v_low, odd)
    wrong = (lost != 0) & ((odd.view(np.uint64) & np.uint64(1)) == 0)
    if wrong.any():
        where = np.flatnonzero(wrong)
        odd[where] = np.nextafter(odd[where], np.where(lost[where] > 0, np.inf, -np.inf))
    v_high += odd
    return v_high


def _two_product_error(a: np.ndarray, b: float, product: np.ndarray) -> np.ndarray:
    """a·b - product, exactly (Dekker)."""
    split = a * _SPLIT
    a_high = split - a
    np.subtract(split, a_high, out=a_high)
    a_low = np.subtract(a, a_high, out=split)
    wide = b * _SPLIT
    b_high = wide - (wide - b)
    b_low = b - b_high
    error = a_high * b_high
    error -= product
    a_high *= b_low
    error += a_high
    np.multiply(a_low, b_high, out=a_high)
    error += a_high
    a_low *= b_low
    error += a_low
    return error


def _two_sum_error(a: np.ndarray, b: np.ndarray | float, total: np.ndarray) -> np.ndarray:
    """a + b - total, exactly (Knuth)."""
    b_part = total - a
    error = total - b_part
    np.subtract(a, error, out=error)
    np.subtract(b, b_part, out=b_part)
    error += b_part
    return error
