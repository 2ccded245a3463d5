"""Poisson, gamma, Dirichlet and binomial numbers: rejection, element by element, in float64.

How many uniforms an element takes is known only afterwards, so these are loops over Python floats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fnnet.random.engine import Engine, Uniforms53
from fnnet.random.normal import serial_pair
from fnnet.random.rounding import cast, float64


def poisson_of(engine: Engine, rate: np.ndarray) -> np.ndarray:
    """Poisson numbers of the given rates, in their dtype. Raises RuntimeError for a negative rate."""
    rates = rate.astype(float64)
    if not (rates >= 0).all():
        raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
    read = Uniforms53(engine, 2 * rates.size)
    drawn = [_poisson(read, x) for x in rates.reshape(-1).tolist()]
    read.close()
    return cast(np.array(drawn, float64), rate.dtype).reshape(rate.shape)


def _poisson(read: Uniforms53, rate: float) -> int:
    if rate == 0.0:
        return 0
    if math.isinf(rate):
        raise RuntimeError("invalid Poisson rate, expected rate to be finite, got inf")
    if rate < 10.0:
        limit = math.exp(-rate)
        count, product = 0, read()
        while product > limit:
            count += 1
            product *= read()
        return count
    # Hörmann's transformed rejection with squeeze (PTRS), 1993
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    squeeze = 0.9277 - 3.6224 / (b - 2)
    log_rate = math.log(rate)
    while True:
        u = read() - 0.5
        v = read()
        us = 0.5 - abs(u)
        k = math.floor((2 * a / us + b) * u + rate + 0.43) if us else -1
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0 or (us < 0.013 and v > us):
            continue
        accept = _log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if accept <= -rate + k * log_rate - math.lgamma(k + 1):
            return k


def _log(x: float) -> float:
    return math.log(x) if x else -math.inf


class _Normals:
    """Serial standard normals that read from the same uniforms as the loop around them."""

    def __init__(self, engine: Engine, read: Uniforms53) -> None:
        self._engine = engine
        self._read = read

    def __call__(self) -> float:
        cached = self._engine.normal
        if cached is not None:
            self._engine.normal = None
            return cached
        a = self._read()
        value, self._engine.normal = serial_pair(a, self._read())
        return value


def gamma_of(engine: Engine, alpha: np.ndarray) -> np.ndarray:
    """Gamma numbers of scale 1 in the dtype and order of `alpha` (Marsaglia and Tsang, 2000)."""
    read = Uniforms53(engine, 4 * alpha.size)
    normals = _Normals(engine, read)
    drawn = [_gamma(read, normals, x, alpha.dtype) for x in alpha.reshape(-1)]
    read.close()
    out = cast(np.array(drawn, float64), alpha.dtype)
    tiny = np.array(_smallest_normal(alpha.dtype), alpha.dtype)
    return np.maximum(out, tiny).reshape(alpha.shape)


def _smallest_normal(dtype: np.dtype) -> float:
    return float(np.finfo(dtype).tiny)


_THIRD = float(np.float32(1.0 / 3.0))  # a float32 in PyTorch, whatever the dtype


def _gamma(read: Uniforms53, normals: _Normals, alpha: np.generic, dtype: np.dtype) -> float:
    def rounded(x: float) -> float:
        """A float64 in the precision of the dtype."""
        return float(cast(np.array([x]), dtype)[0])

    scale = 1.0
    shape = float(alpha)
    if shape < 1.0:
        if shape == 0.0:
            return 0.0
        scale = (1.0 - read()) ** rounded(1.0 / shape)
        shape = rounded(shape + 1.0)
    d = rounded(shape - _THIRD)
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        y = 0.0
        while y <= 0.0:
            x = normals()
            y = 1.0 + c * x
        v = y * y * y
        u = 1.0 - read()
        xx = x * x
        if u < 1.0 - float(np.float32(0.0331)) * xx * xx:
            return scale * d * v
        if math.log(u) < 0.5 * xx + d * (1.0 - v + math.log(v)):
            return scale * d * v


def dirichlet_of(engine: Engine, alpha: np.ndarray) -> np.ndarray:
    """Dirichlet numbers over the last dimension.

    In float64 the last bit may differ from PyTorch's, whose vectorised sum adds in another order.
    """
    gammas = gamma_of(engine, alpha.astype(float64))
    total = np.add.accumulate(gammas, axis=-1)[..., -1:]
    low = _smallest_normal(alpha.dtype)
    below_one = (
        np.nextafter(1.0, 0.0)
        if alpha.dtype == float64
        else float(np.nextafter(np.float32(1), np.float32(0)))
    )
    return cast(np.clip(gammas / total, low, below_one), alpha.dtype)


_STIRLING = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


def binomial_of(engine: Engine, count: np.ndarray, prob: np.ndarray) -> np.ndarray:
    """Binomial numbers of `count` trials, in the dtype and order of `count`."""
    count, prob = np.broadcast_arrays(count, prob)
    read = Uniforms53(engine, 2 * count.size)
    pairs = zip(count.reshape(-1), prob.reshape(-1), strict=True)
    drawn = [_binomial(read, n, p) for n, p in pairs]
    read.close()
    return cast(np.array(drawn, float64), count.dtype).reshape(count.shape)


def _binomial(read: Uniforms53, n: Any, p: Any) -> float:
    one = n.dtype.type(1)
    if n <= 0 or p <= 0:
        return 0.0
    if p >= 1:
        return float(n)
    if p > 0.5:
        return float(n) - _binomial(read, n, one - p)
    if float(n * p) >= 10.0:
        return _btrs(read, n, p)
    step = math.log1p(-float(p))
    total, terms = 0.0, 0
    while True:
        u = read()
        total += math.ceil(math.log(u) / step) if u else math.inf
        if total > float(n):
            return float(terms)
        terms += 1


def _btrs(read: Uniforms53, count: Any, prob: Any) -> float:
    """Hörmann's transformed rejection for the binomial (BTRS), 1993."""
    one = count.dtype.type(1)
    deviation = float(np.sqrt(count * prob * (one - prob)))
    odds = float(prob / (one - prob))
    m = float(np.floor((count + one) * prob))
    n, p = float(count), float(prob)
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    squeeze = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * deviation
    while True:
        u = read() - 0.5
        v = read()
        us = 0.5 - abs(u)
        if not us:
            continue
        k = math.floor((2 * a / us + b) * u + c)
        if k < 0 or k > n:
            continue
        if us >= 0.07 and v <= squeeze:
            return float(k)
        v = _log(v * alpha / (a / (us * us) + b))
        upper = (
            (m + 0.5) * math.log((m + 1) / (odds * (n - m + 1)))
            + (n + 1) * math.log((n - m + 1) / (n - k + 1))
            + (k + 0.5) * math.log(odds * (n - k + 1) / (k + 1))
            + _stirling(m)
            + _stirling(n - m)
            - _stirling(k)
            - _stirling(n - k)
        )
        if v <= upper:
            return float(k)


def _stirling(k: float) -> float:
    """The error of Stirling's formula."""
    if k <= 9:
        return _STIRLING[int(k)]
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)
