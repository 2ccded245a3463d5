"""PyTorch's roundings where NumPy has no operation for them: fused multiply-adds, and casts to half types.

`fma(a, s, c)` is a·s + c rounded once. PyTorch's CPU kernels use it for a·std + mean and for
u·(high - low) + low.
"""

from __future__ import annotations

import math
from fractions import Fraction

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
_TO_27_BITS = 1.5 * 2.0**79  # added and taken away again, it rounds whole numbers to multiples of 2**27


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
    # beyond these the products' errors would leave float64's range
    if size > 900:
        unit = math.ldexp(1.0, size - 1)
        return fma64(values, scale / unit, offset / unit) * unit
    if size < -900:  # scaled back, a result below the normal numbers would be rounded again
        exact = Fraction(scale), Fraction(offset)
        rounded = [float(Fraction(value) * exact[0] + exact[1]) for value in values.ravel().tolist()]
        return np.reshape(np.array(rounded, float64), values.shape)
    return _add_error(high, _two_product_error(values, scale, high), offset)


class CountsFma64:
    """fma in float64 for values k·2⁻⁵³ with whole numbers k, as uniforms are: most of it without `fma64`.

    k·scale + offset is split into a sum that is exact and a rest 25 bits below it, which float64 holds to
    more digits than the rounding asks for; only where the result stays open within the rest's error (a few in
    a million) is it computed by `fma64`.
    """

    def __init__(self, scale: float, offset: float, block: int) -> None:
        self._scale, self._offset = scale, offset
        size = math.frexp(max(abs(scale), abs(offset), abs(scale + offset)))[1]
        simple = offset == 0.0 or scale == 0.0 or math.frexp(scale)[0] == 0.5
        self._plain = simple or abs(size) > 900
        if self._plain:
            return
        self._work = np.empty((3, block), float64)
        self._open = np.empty(block, np.bool_)
        # whole multiples of `quantum` up to twice the largest result are float64s, and so are their sums
        quantum = math.ldexp(1.0, size - 51)
        self._grid = scale * 2.0**-53
        self._grid_top = _multiple(self._grid, quantum * 2.0**-27)
        self._grid_rest = self._grid - self._grid_top
        self._offset_top = _multiple(offset, quantum)
        rest, error = offset - self._offset_top, math.ldexp(1.0, size - 75)
        self._rest_above, self._rest_below = rest + error, rest - error

    def __call__(self, counts: np.ndarray, out: np.ndarray) -> None:
        """Write fma(counts·2⁻⁵³, scale, offset) to `out`. `counts`: int64 in [0, 2**53), `block` at most."""
        np.copyto(out, counts, casting="unsafe")
        if self._plain:
            out *= 2.0**-53
            out[...] = fma64(out, self._scale, self._offset)
            return
        top, rest, total = self._work[:, : out.size]
        np.add(out, _TO_27_BITS, out=top)
        top -= _TO_27_BITS
        np.subtract(out, top, out=rest)
        rest *= self._grid
        np.multiply(top, self._grid_top, out=total)
        total += self._offset_top
        top *= self._grid_rest
        rest += top
        above = np.add(rest, self._rest_above, out=top)
        above += total
        rest += self._rest_below
        np.add(rest, total, out=out)
        if np.not_equal(above, out, out=self._open[: out.size]).any():
            where = np.flatnonzero(self._open[: out.size])
            out[where] = fma64(counts[where] * 2.0**-53, self._scale, self._offset)


def _multiple(x: float, quantum: float) -> float:
    """The multiple of a power of two that is nearest to x."""
    return round(x / quantum) * quantum


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
