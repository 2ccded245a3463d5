"""Normal numbers restricted to an interval, by PyTorch's rejection (torch.nn.init.trunc_normal_)."""

from __future__ import annotations

import math

import numpy as np

from fnnet.random.engine import Engine
from fnnet.random.normal import normal_flat
from fnnet.random.rounding import cast, float64, is_half
from fnnet.random.uniform import uniform_fill

_LIKELY = 0.3
"""Above this probability of the interval, normals are redrawn till they fall in; below, uniforms thinned."""


def truncated_normal_flat(
    engine: Engine,
    count: int,
    mean: float,
    std: float,
    low: float,
    high: float,
    dtype: np.dtype,
    contiguous: bool = True,
) -> np.ndarray:
    """`count` numbers, drawn as for an array of that layout.

    Every round draws as many as the first, and only those still open take them.
    """
    inside = _cdf((high - mean) / std) - _cdf((low - mean) / std)
    if inside > _LIKELY:
        return _redrawn(engine, count, mean, std, low, high, dtype, contiguous)
    return _thinned(engine, count, mean, std, low, high, dtype)


def _cdf(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _redrawn(
    engine: Engine,
    count: int,
    mean: float,
    std: float,
    low: float,
    high: float,
    dtype: np.dtype,
    contiguous: bool,
) -> np.ndarray:
    lo, hi = cast(np.array([low, high]), dtype)
    result = normal_flat(engine, count, mean, std, dtype, contiguous)
    while (outside := (result < lo) | (result > hi)).any():
        result = np.where(outside, normal_flat(engine, count, mean, std, dtype, contiguous), result)
    return result


def _thinned(
    engine: Engine, count: int, mean: float, std: float, low: float, high: float, dtype: np.dtype
) -> np.ndarray:
    mode = max(low, min(mean, high))
    peak = -0.5 * ((mode - mean) / std) ** 2
    result = uniform_fill(engine, count, low, high, dtype)
    pending = _rejected(engine, result, mean, std, peak, dtype)
    while pending.any():
        candidates = uniform_fill(engine, count, low, high, dtype)
        result = np.where(pending, candidates, result)
        pending &= _rejected(engine, candidates, mean, std, peak, dtype)
    return result


def _rejected(
    engine: Engine, candidates: np.ndarray, mean: float, std: float, peak: float, dtype: np.dtype
) -> np.ndarray:
    """log(u) > density of the candidate relative to the peak, each operation rounded to the dtype.

    With half types PyTorch computes in float32; a factor stays float32, a summand is rounded first.
    """
    work = np.dtype(np.float32) if is_half(dtype) else dtype

    def step(x: np.ndarray) -> np.ndarray:
        return x.astype(dtype).astype(work)

    def summand(value: float) -> np.ndarray:
        return cast(np.array([value]), dtype).astype(work)

    def factor(value: float) -> np.ndarray:
        return np.array([value], work)

    scores = step(candidates.astype(work) - summand(mean))
    scores = step(scores / factor(std))
    scores = step(scores * scores)
    scores = step(scores * factor(-0.5))
    scores = step(scores - summand(peak))
    uniforms = uniform_fill(engine, candidates.size, 0.0, 1.0, dtype)
    with np.errstate(divide="ignore"):
        logs = np.log(uniforms if dtype == float64 else uniforms.astype(work))
    return step(logs) > scores
