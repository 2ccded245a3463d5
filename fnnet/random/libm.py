"""The C library's functions on arrays of float64, for results whose last bits must be those of PyTorch.

NumPy's own vectorised functions differ from them in some last bits, on some processors.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

_MANY = 1 << 12


def libm(function: Callable[[float], float], values: np.ndarray) -> np.ndarray:
    """A function of `math` on every element."""
    flat = map(function, values.reshape(-1).tolist())
    return np.fromiter(flat, np.float64, values.size).reshape(values.shape)


def sin_cos(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sines and cosines of angles >= 0."""
    if angles.size >= _MANY and _complex_exp_is_libm():
        return _by_complex_exp(angles)
    return libm(math.sin, angles), libm(math.cos, angles)


def _by_complex_exp(angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    turned = np.zeros(angles.shape, np.complex128)
    turned.imag = angles
    np.exp(turned, out=turned)
    return turned.imag, turned.real


@functools.cache
def _complex_exp_is_libm() -> bool:
    """Whether NumPy's complex exp ends in the C library's sine and cosine, as it does with glibc.

    Functions that differ at all differ in one of 1000 results or more: 40000 comparisons show it.
    """
    angles = np.random.RandomState(0).random_sample(20000) * (2 * math.pi)
    sines, cosines = _by_complex_exp(angles)
    return np.array_equal(sines, libm(math.sin, angles)) and np.array_equal(cosines, libm(math.cos, angles))
