"""Numbers from a place in a Philox stream, as TensorFlow's kernels on a CPU make them.

`place` is three uint64: the key, the upper and the lower half of the counter. Runs under `jax.enable_x64`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_LOW = np.uint64(0xFFFFFFFF)


def blocks(place: jax.Array, offsets: jax.Array) -> jax.Array:
    """Four words of 32 bits (n, 4) for each offset from the place: ten rounds of Philox 4x32."""
    shift, key = np.uint64(32), place[0]
    lower = place[2] + offsets.astype(np.uint64)
    upper = place[1] + (lower < place[2]).astype(np.uint64)
    x0, x1 = lower & _LOW, lower >> shift
    x2, x3 = upper & _LOW, upper >> shift
    k0, k1 = key & _LOW, key >> shift
    for _ in range(10):
        first, second = x0 * np.uint64(0xD2511F53), x2 * np.uint64(0xCD9E8D57)
        x0, x1, x2, x3 = (second >> shift) ^ x1 ^ k0, second & _LOW, (first >> shift) ^ x3 ^ k1, first & _LOW
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & _LOW, (k1 + np.uint64(0xBB67AE85)) & _LOW
    return jnp.stack([x0, x1, x2, x3], axis=-1).astype(np.uint32)


def _words(place: jax.Array, count: int) -> jax.Array:
    """`count` words in the order of the stream, padded to whole blocks."""
    return blocks(place, jnp.arange((count + 3) // 4, dtype=np.uint64)).reshape(-1)


def _unit(words: jax.Array, kind: Any) -> jax.Array:
    """Floats in [0, 1): the mantissa is 23 bits of a word, or 52 of two."""
    if kind == np.float32:
        bits = (words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
        return jax.lax.bitcast_convert_type(bits, np.float32) - np.float32(1)
    pairs = words.reshape(-1, 2).astype(np.uint64)
    bits = ((pairs[:, 0] & np.uint64(0xFFFFF)) << np.uint64(32)) | pairs[:, 1] | np.uint64(1023 << 52)
    return jax.lax.bitcast_convert_type(bits, np.float64) - np.float64(1)


def uniform(place: jax.Array, shape: tuple[int, ...], kind: Any) -> jax.Array:
    """Floats in [0, 1)."""
    count = math.prod(shape)
    words = _words(place, count if kind == np.float32 else 2 * count)
    return _unit(words, kind)[:count].reshape(shape)


def integers(place: jax.Array, shape: tuple[int, ...], low: jax.Array, high: jax.Array) -> jax.Array:
    """Integers in [low, high): a word, or two for 64 bits, modulo the range."""
    count, kind = math.prod(shape), low.dtype
    if kind == np.int32:
        bits = _words(place, count)[:count]
        wide: Any = np.uint32
    else:
        pairs = _words(place, 2 * count)[: 2 * count].reshape(-1, 2).astype(np.uint64)
        bits = pairs[:, 0] | (pairs[:, 1] << np.uint64(32))
        wide = np.uint64
    span = high.astype(wide) - low.astype(wide)
    return (low.astype(wide) + bits % span).astype(kind).reshape(shape)


def _pairs(words: jax.Array, kind: Any) -> jax.Array:
    """Standard normals by Box and Muller's transform, two from two uniforms: (n, 2)."""
    units = _unit(words, kind).reshape(-1, 2)
    least = kind(1e-7)
    first = jnp.maximum(units[:, 0], least)
    if kind == np.float32:
        angle = (units[:, 1].astype(np.float64) * (2 * math.pi)).astype(np.float32)
        radius = jnp.sqrt(np.float32(-2) * logf(first))
        sine, cosine = sincosf(angle)
    else:
        angle = units[:, 1] * (2 * math.pi)
        radius = jnp.sqrt(-2 * jnp.log(first))
        sine, cosine = jnp.sin(angle), jnp.cos(angle)
    return jnp.stack([sine * radius, cosine * radius], axis=-1)


def normal(place: jax.Array, shape: tuple[int, ...], kind: Any) -> jax.Array:
    """Standard normals."""
    count = math.prod(shape)
    words = _words(place, count + count % 2 if kind == np.float32 else 2 * (count + count % 2))
    return _pairs(words, kind).reshape(-1)[:count].reshape(shape)


_TRIES = 6


def truncated_normal(place: jax.Array, shape: tuple[int, ...], kind: Any) -> jax.Array:
    """Standard normals of absolute value below 2: for each group, the first of its own piece of the stream.

    A group is four numbers (two in float64). Of the 24 normals looked at, fewer than four are good once in
    1e22 groups.
    """
    group = 4 if kind == np.float32 else 2
    count = math.prod(shape)
    groups = (count + group - 1) // group
    starts = jnp.arange(groups, dtype=np.uint64) * np.uint64(256 * group // 4)
    offsets = (starts[:, None] + jnp.arange(_TRIES * 4 // group, dtype=np.uint64)).reshape(-1)
    found = _pairs(blocks(place, offsets).reshape(-1), kind).reshape(groups, -1)
    good_first = jnp.argsort(jnp.abs(found) >= 2, axis=1, stable=True)[:, :group]
    return jnp.take_along_axis(found, good_first, axis=1).reshape(-1)[:count].reshape(shape)


def permutation(place: jax.Array, count: int) -> jax.Array:
    """A permutation by Fisher and Yates: place i changes with i + word % (count - i)."""
    words = _words(place, count)

    def swap(i: Any, order: jax.Array) -> jax.Array:
        other = i + (words[i] % (count - i).astype(np.uint32)).astype(i.dtype)
        return order.at[i].set(order[other]).at[other].set(order[i])

    return jax.lax.fori_loop(0, count - 1, swap, jnp.arange(count))


def _floats(text: str) -> np.ndarray:
    return np.array([float.fromhex(word) for word in text.split()])


_INVERSES = _floats(
    "0x1.661ec79f8f3bep+0 0x1.571ed4aaf883dp+0 0x1.49539f0f010bp+0 0x1.3c995b0b80385p+0 0x1.30d190c8864a5p+0 "
    "0x1.25e227b0b8eap+0 0x1.1bb4a4a1a343fp+0 0x1.12358f08ae5bap+0 0x1.0953f419900a7p+0 0x1p+0 "
    "0x1.e608cfd9a47acp-1 0x1.ca4b31f026aap-1 0x1.b2036576afce6p-1 0x1.9c2d163a1aa2dp-1 0x1.886e6037841edp-1 "
    "0x1.767dcf5534862p-1"
)
_LOGARITHMS = _floats(
    "-0x1.57bf7808caadep-2 -0x1.2bef0a7c06ddbp-2 -0x1.01eae7f513a67p-2 -0x1.b31d8a68224e9p-3 "
    "-0x1.6574f0ac07758p-3 -0x1.1aa2bc79c81p-3 -0x1.a4e76ce8c0e5ep-4 -0x1.1973c5a611cccp-4 "
    "-0x1.252f438e10c1ep-5 0x0p+0 0x1.aa5aa5df25984p-5 0x1.c5e53aa362eb4p-4 0x1.526e57720db08p-3 "
    "0x1.bc2860d22477p-3 0x1.1058bc8a07ee1p-2 0x1.4043057b6ee09p-2"
)
_LOG = _floats("-0x1.00ea348b88334p-2 0x1.5575b0be00b6ap-2 -0x1.ffffef20a4123p-2")
_COS = _floats("-0x1.ffffffd0c621cp-2 0x1.55553e1068f19p-5 -0x1.6c087e89a359dp-10 0x1.99343027bf8c3p-16")
_SIN = _floats("-0x1.555545995a603p-3 0x1.1107605230bc4p-7 -0x1.994eb3774cf24p-13")


def logf(x: jax.Array) -> jax.Array:
    """The C library's logarithm of positive normal float32: a table and a polynomial in double precision."""
    bits = jax.lax.bitcast_convert_type(x, np.int32)
    above = bits - np.int32(0x3F330000)
    row, exponent = (above >> 19) & 15, above >> 23
    mantissa = jax.lax.bitcast_convert_type(bits - (exponent << 23), np.float32).astype(np.float64)
    r = mantissa * jnp.asarray(_INVERSES)[row] - 1
    start = jnp.asarray(_LOGARITHMS)[row] + exponent.astype(np.float64) * math.log(2)
    squared = r * r
    return ((_LOG[0] * squared + (_LOG[1] * r + _LOG[2])) * squared + (start + r)).astype(np.float32)


def sincosf(angle: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The C library's sine and cosine of small float32 angles: polynomials in double precision."""
    x = angle.astype(np.float64)
    turns = jnp.floor(x * (2 / math.pi) + 0.5)
    x = x - turns * (math.pi / 2)
    quarter = turns.astype(np.int32)
    x2 = x * x
    x3, x4 = x * x2, x2 * x2
    s = (x + x3 * _SIN[0]) + (x3 * x2) * (_SIN[1] + x2 * _SIN[2])
    c = ((1 + x2 * _COS[0]) + x4 * _COS[1]) + (x4 * x2) * (_COS[2] + x2 * _COS[3])
    odd = quarter % 2 == 1
    sine, cosine = jnp.where(odd, c, s), jnp.where(odd, s, c)
    sine = jnp.where(quarter & 2 == 2, -sine, sine)
    cosine = jnp.where((quarter + 1) & 2 == 2, -cosine, cosine)
    return sine.astype(np.float32), cosine.astype(np.float32)
