"""FizzBuzz as a task: numbers as binary digits, and what is said at them as one of four classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def binary_encode(numbers: ArrayLike, digits: int = 10) -> np.ndarray:
    """The binary digits of numbers, lowest first: (...,) integers -> (..., digits) float32.

    Raises ValueError for a number that does not fit.
    """
    held = np.asarray(numbers)
    if not np.issubdtype(held.dtype, np.integer):
        raise TypeError(f"binary_encode: numbers: expected integers, got {held.dtype}")
    if held.size and (held.min() < 0 or int(held.max()) >> digits):
        raise ValueError(f"binary_encode: numbers: expected 0 to {2**digits - 1} for {digits} digits")
    return (held[..., None] >> np.arange(digits) & 1).astype(np.float32)


def fizz_buzz_encode(numbers: ArrayLike) -> np.ndarray:
    """The class of each number, int32: 3 fizzbuzz, 2 buzz, 1 fizz, 0 the number itself."""
    held = np.asarray(numbers)
    return ((held % 3 == 0) + 2 * (held % 5 == 0)).astype(np.int32)


def fizz_buzz_decode(number: int, said: int) -> str:
    """What is said at a number, for a class."""
    return [str(number), "fizz", "buzz", "fizzbuzz"][said]
