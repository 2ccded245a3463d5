"""PyTorch's float32 Box-Muller transform: polynomials with fused multiply-adds, bit for bit.

The vector code of PyTorch's fill (x86 with AVX2 or more) computes log, sin and cos by Cephes' polynomials in
float32. A fused multiply-add of float32 numbers is done here as product and sum in float64 and one cast: over
all the 2**24 uniforms that can come in, the sum's own rounding never changes a result. So the numbers below
are float64 arrays that hold float32 values, and `round_` ends each float32 operation.
"""

from __future__ import annotations

import struct

import numpy as np

LANES = 8


def _bits(*patterns: int) -> tuple[float, ...]:
    return tuple(struct.unpack("<f", struct.pack("<I", pattern))[0] for pattern in patterns)


_LOG = _bits(
    0x3D9021BB,
    0xBDEBD1B8,
    0x3DEF251A,
    0xBDFE5D4F,
    0x3E11E9BF,
    0xBE2AAE50,
    0x3E4CCEAC,
    0xBE7FFFFC,
    0x3EAAAAAA,
)
_SQRT_HALF = 0x3F3504F3  # its bits: mantissas below are doubled
_LN2_LOW, _LN2_HIGH = _bits(0xB95E8083, 0x3F318000)
_TWO_PI, _FOUR_OVER_PI = _bits(0x40C90FDB, 0x3FA2F983)
_MINUS_QUARTER_PI = _bits(0xBF490000, 0xB97DA000, 0xB3222169)  # in three parts
_COS = _bits(0x37CCF5CE, 0xBAB6061A, 0x3D2AAAA5)
_SIN = _bits(0xB94CA1F9, 0x3C08839E, 0xBE2AAAA3)


class _Rounder:
    """Rounds float64 arrays of one size to float32 in place."""

    def __init__(self, size: int) -> None:
        self._narrow = np.empty(size, np.float32)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        np.copyto(self._narrow, x, casting="same_kind")
        np.copyto(x, self._narrow)
        return x


def box_muller32(words: np.ndarray) -> np.ndarray:
    """Standard normals, float32, from words whose number is a multiple of 16. Overwrites `words`."""
    np.bitwise_and(words, np.uint32(0xFFFFFF), out=words)
    pairs = words.view(np.int32).reshape(-1, 2, LANES)
    first = np.ascontiguousarray(pairs[:, 0]).reshape(-1)
    second = pairs[:, 1].reshape(-1).astype(np.float64)
    round_ = _Rounder(first.size)
    radius = _radius(first, round_)
    second *= 2.0**-24 * _TWO_PI
    sine, cosine = _sin_cos(round_(second), round_)
    cosine *= radius
    sine *= radius
    out = np.empty((pairs.shape[0], 2, LANES), np.float32)
    out[:, 0] = cosine.reshape(-1, LANES)
    out[:, 1] = sine.reshape(-1, LANES)
    return out.reshape(-1)


def _radius(bits: np.ndarray, round_: _Rounder) -> np.ndarray:
    """sqrt(-2 log(1 - bits / 2**24)) in float32 steps."""
    x = np.subtract(np.int32(1 << 24), bits, out=bits).astype(np.float32)
    x *= np.float32(2.0**-24)
    pattern = x.view(np.int32)
    exponent = (pattern >> 23) - 126
    pattern &= 0x7FFFFF
    pattern |= 0x3F000000  # the mantissa in [1/2, 1)
    small = pattern < _SQRT_HALF
    exponent -= small
    e = exponent.astype(np.float64)
    q = x.astype(np.float64)
    q += np.where(small, q, 0.0)
    q -= 1.0
    z = round_(q * q)
    y = q * _LOG[0]
    y += _LOG[1]
    round_(y)
    for coefficient in _LOG[2:]:
        y *= q
        y += coefficient
        round_(y)
    y *= q
    round_(y)
    y *= z
    y += round_(e * _LN2_LOW)
    round_(y)
    z *= 0.5
    y -= z
    round_(y)
    q += y
    round_(q)
    e *= _LN2_HIGH
    q += e
    round_(q)
    q *= -2.0
    np.sqrt(q, out=q)
    return round_(q)


def _sin_cos(t: np.ndarray, round_: _Rounder) -> tuple[np.ndarray, np.ndarray]:
    """sin and cos of t >= 0 in float32 steps."""
    octant = round_(t * _FOUR_OVER_PI).astype(np.int32)
    octant += 1
    octant &= ~1
    w = octant.astype(np.float64)
    x = t
    for part in _MINUS_QUARTER_PI:
        x += w * part
        round_(x)
    z = round_(x * x)
    c = z * _COS[0]
    c += _COS[1]
    round_(c)
    c *= z
    c += _COS[2]
    round_(c)
    c *= z
    round_(c)
    c *= z
    c -= 0.5 * z
    round_(c)
    c += 1.0
    round_(c)
    s = z * _SIN[0]
    s += _SIN[1]
    round_(s)
    s *= z
    s += _SIN[2]
    round_(s)
    s *= z
    round_(s)
    s *= x
    s += x
    round_(s)
    swap = (octant & 2) != 0
    sine, cosine = np.where(swap, c, s), np.where(swap, s, c)
    # the signs of the quadrant, as bit 63
    sign = (octant & 4).astype(np.uint64) << np.uint64(61)
    sine.view(np.uint64)[...] ^= sign
    sign = ((octant + 2) & 4).astype(np.uint64) << np.uint64(61)
    cosine.view(np.uint64)[...] ^= sign
    return sine, cosine
