"""Normal numbers, by PyTorch's two ways.

A contiguous array of 16 elements or more is FILLED: uniforms are turned into normals 16 at a time (Box-Muller
on the first and the second eight), and if the size is no multiple of 16 the last 16 elements are drawn anew.
Anything else is SERIAL: one float64 at a time, in pairs whose second number the generator keeps for the next
serial draw.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from fnnet.random.boxmuller import LANES, box_muller32
from fnnet.random.compiled_boxmuller import PROGRAM, WORDS
from fnnet.random.engine import Engine
from fnnet.random.layout import aligned_empty
from fnnet.random.libm import libm, sin_cos
from fnnet.random.rounding import cast, float64, fma32, fma64, is_half

GROUP = 2 * LANES
_BLOCK = 1 << 12  # groups at a time: enough to make a NumPy call's cost small, few enough for the cache
_FEW = 64  # below, Python's scalar functions are faster than NumPy's


def normal_flat(
    engine: Engine, count: int, mean: float, std: float, dtype: np.dtype, contiguous: bool = True
) -> np.ndarray:
    """`count` numbers from N(mean, std²), drawn as PyTorch draws for an array of that layout."""
    if count < GROUP or not contiguous:
        return serial(engine, count, mean, std, dtype)
    if dtype == float64:
        return _fill64(engine, count, mean, std)
    return _fill32(engine, count, float(np.float32(mean)), float(np.float32(std)), dtype)


def _fill32(engine: Engine, count: int, mean: float, std: float, dtype: np.dtype) -> np.ndarray:
    out = aligned_empty(count, dtype)
    whole = count - count % GROUP
    start = 0
    for standard in _standards(engine, whole):
        _scale32(standard, mean, std, out[start : start + standard.size])
        start += standard.size
    if whole < count:
        if not is_half(dtype):  # PyTorch draws a uniform for each of the others first, and never uses it
            engine.skip(count - whole)
        _scale32(box_muller32(engine.words(GROUP)), mean, std, out[-GROUP:])
    return out


def _standards(engine: Engine, count: int) -> Iterator[np.ndarray]:
    """`count` standard normals, which are a multiple of 16, in parts."""
    program = PROGRAM.for_more(count)
    if program is None:
        for start in range(0, count, _BLOCK * GROUP):
            yield box_muller32(engine.words(min(_BLOCK * GROUP, count - start)))
        return
    # One part is computed while the words of the next are made.
    made: Any = None
    for start in range(0, count, WORDS):
        words = engine.words(min(WORDS, count - start))
        if words.size < WORDS:
            words = np.concatenate([words, np.zeros(WORDS - words.size, np.uint32)])
        before, made = made, program(words)
        if before is not None:
            yield np.asarray(before)
    yield np.asarray(made)[: count - start]


def _scale32(standard: np.ndarray, mean: float, std: float, out: np.ndarray) -> None:
    if mean != 0.0:
        out[...] = fma32(standard, std, mean)
        return
    if std != 1.0:
        standard = standard * np.float32(std)
    np.add(standard, np.float32(0.0), out=out, casting="same_kind")


def _fill64(engine: Engine, count: int, mean: float, std: float) -> np.ndarray:
    whole = count - count % GROUP
    uniforms = engine.uniforms53(count)
    out = np.empty(count, float64)
    out[:whole] = _box_muller64(uniforms[:whole])
    if whole < count:
        out[-GROUP:] = _box_muller64(engine.uniforms53(GROUP))
    return fma64(out, std, mean)


def _box_muller64(uniforms: np.ndarray) -> np.ndarray:
    pairs = uniforms.reshape(-1, 2, LANES)
    radius = np.sqrt(-2.0 * libm(math.log, 1.0 - pairs[:, 0]))
    angle = 2.0 * math.pi * pairs[:, 1]
    sine, cosine = sin_cos(angle)
    return np.stack([radius * cosine, radius * sine], axis=1).reshape(-1)


def serial_pair(a: float, b: float) -> tuple[float, float]:
    """Two standard normals from two uniforms."""
    radius = math.sqrt(-2.0 * math.log1p(-b))
    angle = 2.0 * math.pi * a
    return radius * math.cos(angle), radius * math.sin(angle)


def serial_standard(engine: Engine, count: int, accurate: bool) -> np.ndarray:
    """`count` standard normals in float64; unless `accurate`, right when rounded to float32 or less."""
    out = np.empty(count, float64)
    done = 0
    if count and engine.normal is not None:
        out[0], engine.normal = engine.normal, None
        done = 1
    fresh = count - done
    if not fresh:
        return out
    uniforms = engine.uniforms53(fresh + fresh % 2)
    last = serial_pair(*uniforms[-2:].tolist())
    a, b = uniforms[::2], uniforms[1::2]
    values = np.empty((a.size, 2), float64)
    if accurate or fresh < _FEW:
        values[...] = [serial_pair(*pair) for pair in zip(a.tolist(), b.tolist(), strict=True)]
    else:
        radius = np.sqrt(-2.0 * np.log1p(-b))
        angle = 2.0 * math.pi * a
        np.multiply(radius, np.cos(angle), out=values[:, 0])
        np.multiply(radius, np.sin(angle), out=values[:, 1])
    out[done:] = values.reshape(-1)[:fresh]
    if fresh % 2:
        engine.normal = last[1]
    return out


def serial(engine: Engine, count: int, mean: float, std: float, dtype: np.dtype) -> np.ndarray:
    """`count` numbers from N(mean, std²), one after the other in float64."""
    standard = serial_standard(engine, count, accurate=dtype == float64)
    if mean == 0.0 and std == 1.0:
        return cast(standard + 0.0, dtype)
    return cast(fma64(standard, std, mean), dtype)


def log_normal_flat(engine: Engine, count: int, mean: float, std: float, dtype: np.dtype) -> np.ndarray:
    """exp of a normal: always serial, whatever the size."""
    accurate = dtype == float64
    normals = fma64(serial_standard(engine, count, accurate), std, mean)
    with np.errstate(over="ignore"):
        if accurate:
            return libm(_exp, normals)
        return cast(np.exp(normals), dtype)


def _exp(x: float) -> float:
    try:
        return math.exp(x)
    except OverflowError:
        return math.inf
