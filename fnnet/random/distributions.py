"""Bernoulli, exponential, geometric and Cauchy numbers: a 64-bit word each, made in float64, then cast."""

from __future__ import annotations

import math

import numpy as np

from fnnet.random.engine import Engine
from fnnet.random.integers import from_int64
from fnnet.random.libm import libm
from fnnet.random.rounding import FLOATS, cast, float32, float64, fma64

_BLOCK = 1 << 14


def bernoulli_flat(engine: Engine, count: int, p: float, dtype: np.dtype) -> np.ndarray:
    """1 where u < p, else 0."""
    out = np.empty(count, dtype)
    threshold = np.uint64(math.ceil(p * 2.0**53))
    for start in range(0, count, _BLOCK):
        part = out[start : start + _BLOCK]
        part[...] = engine.bits53(part.size) < threshold
    return out


def bernoulli_of(engine: Engine, p: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """1 where u < p, else 0, for each p in turn; u has 53 bits if p is float64, otherwise 24."""
    if p.dtype == float64:
        return (engine.uniforms53(p.size) < p).astype(dtype)
    bits = engine.words(p.size) & np.uint32(0xFFFFFF)
    return (bits.astype(float32) * np.float32(2.0**-24) < p.astype(float32)).astype(dtype)


def exponential_flat(engine: Engine, count: int, rate: float, dtype: np.dtype) -> np.ndarray:
    """-log(1 - u) / rate."""
    out = np.empty(count, dtype)
    scale = -1.0 / rate
    for start in range(0, count, _BLOCK):
        part = out[start : start + _BLOCK]
        u = np.negative(engine.uniforms53(part.size))
        # NumPy's functions differ from the C library's in last bits of float64, which a cast to less drops
        logs = libm(math.log1p, u) if dtype == float64 else np.log1p(u)
        logs *= scale
        part[...] = cast(logs, dtype)
    return out


def geometric_flat(engine: Engine, count: int, p: float, dtype: np.dtype) -> np.ndarray:
    """ceil(log(u) / log(1 - p))."""
    u = engine.uniforms53(count)
    with np.errstate(divide="ignore"):
        logs = libm(_log, u) if dtype == float64 else np.log(u)
        values = np.ceil(logs / math.log1p(-p))
    if dtype in FLOATS:
        return cast(values, dtype)
    return from_int64(values.astype(np.int64), dtype)


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf


def cauchy_flat(engine: Engine, count: int, median: float, sigma: float, dtype: np.dtype) -> np.ndarray:
    """median + sigma tan(π (u - 1/2))."""
    angles = math.pi * (engine.uniforms53(count) - 0.5)
    tangents = libm(math.tan, angles) if dtype == float64 else np.tan(angles)
    return cast(fma64(tangents, sigma, median), dtype)
