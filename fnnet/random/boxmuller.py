"""PyTorch's float32 Box-Muller transform: polynomials with fused multiply-adds, bit for bit.

The vector code of PyTorch's fill (x86 with AVX2 or more) computes log, sin and cos by Cephes' polynomials in
float32. A fused multiply-add of float32 numbers is done here as product and sum in float64 and one cast: over
all the 2**24 uniforms that can come in, the sum's own rounding never changes a result. Plain
float32 operations stand as they are.
"""

from __future__ import annotations

import struct

import numpy as np

LANES = 8


def _bits(*patterns: int) -> tuple[float, ...]:
    return tuple(struct.unpack("<f", struct.pack("<I", pattern))[0] for pattern in patterns)


LOG = _bits(
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
SQRT_HALF = 0x3F3504F3  # its bits: mantissas below are doubled
LN2_LOW, LN2_HIGH = _bits(0xB95E8083, 0x3F318000)
TWO_PI, FOUR_OVER_PI = _bits(0x40C90FDB, 0x3FA2F983)
MINUS_QUARTER_PI = _bits(0xBF490000, 0xB97DA000, 0xB3222169)  # in three parts
COS = _bits(0x37CCF5CE, 0xBAB6061A, 0x3D2AAAA5)
SIN = _bits(0xB94CA1F9, 0x3C08839E, 0xBE2AAAA3)


def box_muller32(words: np.ndarray) -> np.ndarray:
    """Standard normals, float32, from words whose number is a multiple of 16. Overwrites `words`."""
    np.bitwise_and(words, np.uint32(0xFFFFFF), out=words)
    pairs = words.view(np.int32).reshape(-1, 2, LANES)
    radius = _radius(pairs[:, 0].reshape(-1))
    sine, cosine = _sin_cos(pairs[:, 1].reshape(-1))
    cosine *= radius
    sine *= radius
    out = np.empty((pairs.shape[0], 2, LANES), np.float32)
    out[:, 0] = cosine.reshape(-1, LANES)
    out[:, 1] = sine.reshape(-1, LANES)
    return out.reshape(-1)


def _round(x: np.ndarray, narrow: np.ndarray) -> None:
    """Round float64 to float32 in place; `narrow` takes the rounded numbers too."""
    np.copyto(narrow, x, casting="same_kind")
    np.copyto(x, narrow)


def _radius(bits: np.ndarray) -> np.ndarray:
    """sqrt(-2 log(1 - bits / 2**24)) in float32 steps."""
    x = np.subtract(np.int32(1 << 24), bits).astype(np.float32)
    # x / 2**24 = m 2**exponent with m in [sqrt(1/2), sqrt(2)), by its bits
    pattern = x.view(np.int32)
    pattern -= np.int32(SQRT_HALF + (24 << 23))
    exponent = pattern >> 23
    pattern &= np.int32(0x7FFFFF)
    pattern += np.int32(SQRT_HALF)
    q = np.subtract(x, np.float32(1), out=x)
    z = q * q
    wide_q = q.astype(np.float64)
    narrow = np.empty_like(q)
    y = wide_q * LOG[0]
    y += LOG[1]
    _round(y, narrow)
    for coefficient in LOG[2:]:
        y *= wide_q
        y += coefficient
        _round(y, narrow)
    narrow *= q
    np.multiply(narrow, z, out=y, dtype=np.float64)
    np.multiply(exponent.astype(np.float32), np.float32(LN2_LOW), out=narrow)
    y += narrow
    np.copyto(narrow, y, casting="same_kind")
    z *= np.float32(0.5)
    narrow -= z
    q += narrow
    np.multiply(exponent, LN2_HIGH, out=y)
    y += q
    np.copyto(narrow, y, casting="same_kind")
    narrow *= np.float32(-2)
    return np.sqrt(narrow, out=narrow)


def _sin_cos(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """sin and cos of 2 pi bits / 2**24 in float32 steps."""
    t = bits.astype(np.float32)
    t *= np.float32(2.0**-24 * TWO_PI)
    quadrant = (t * np.float32(FOUR_OVER_PI)).astype(np.int32)
    quadrant += 1
    quadrant >>= 1
    x = t.astype(np.float64)
    w = quadrant.astype(np.float64)
    # the first part leaves nothing to round
    x += w * (2 * MINUS_QUARTER_PI[0])
    for part in MINUS_QUARTER_PI[1:]:
        x += w * (2 * part)
        _round(x, t)
    z = t * t
    wide_z = z.astype(np.float64)
    cosine = np.empty_like(z)
    y = wide_z * COS[0]
    y += COS[1]
    _round(y, cosine)
    y *= wide_z
    y += COS[2]
    np.copyto(cosine, y, casting="same_kind")
    cosine *= z
    np.multiply(cosine, z, out=y, dtype=np.float64)
    np.multiply(wide_z, 0.5, out=w)
    y -= w
    np.copyto(cosine, y, casting="same_kind")
    cosine += np.float32(1)
    sine = np.empty_like(z)
    np.multiply(wide_z, SIN[0], out=y)
    y += SIN[1]
    _round(y, sine)
    y *= wide_z
    y += SIN[2]
    np.copyto(sine, y, casting="same_kind")
    sine *= z
    np.multiply(sine, x, out=y)
    y += x
    np.copyto(sine, y, casting="same_kind")
    # in odd quadrants the two change places; then the quadrant's signs
    sine_bits, cosine_bits = sine.view(np.int32), cosine.view(np.int32)
    exchange = sine_bits ^ cosine_bits
    exchange &= -(quadrant & 1)
    sine_bits ^= exchange
    cosine_bits ^= exchange
    sine_bits ^= (quadrant & 2) << 30
    quadrant += 1
    quadrant &= 2
    cosine_bits ^= quadrant << 30
    return sine, cosine
