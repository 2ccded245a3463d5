"""Checks of a draw's arguments, with PyTorch's exception types and words."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax.typing import DTypeLike

_MAX_BYTES = 2**63 - 1


def checked_shape(name: str, shape: Sequence[int] | int, dtype: DTypeLike) -> tuple[int, ...]:
    """`shape` as a tuple of ints.

    Raises:
        TypeError: for sizes that are not integers.
        RuntimeError: for a negative size, or more bytes than an array can have.
    """
    try:
        sizes = (
            (operator.index(shape),) if not isinstance(shape, Sequence) else tuple(map(operator.index, shape))
        )
    except TypeError:
        raise TypeError(f"{name}(): argument 'size' must be tuple of ints, got {shape!r}") from None
    if any(size < 0 for size in sizes):
        raise RuntimeError(
            f"{name}: Trying to create tensor with negative dimension {min(sizes)}: {list(sizes)}"
        )
    if math.prod(sizes) * np.dtype(dtype).itemsize > _MAX_BYTES:
        raise RuntimeError(f"{name}: Storage size calculation overflowed with sizes={list(sizes)}")
    return sizes


def check_uniform(low: float, high: float) -> None:
    """Raises RuntimeError unless low <= high and the width is finite, as uniform_ does."""
    if not low <= high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if math.isinf(high - low):
        raise RuntimeError(
            f"uniform_ expects to-from <= the dtype's maximum, but found to={high:g} and from={low:g}"
        )


def check_normal(std: float) -> None:
    """Raises RuntimeError for a negative standard deviation, as normal_ does."""
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def number(name: str, argument: str, value: Any) -> float:
    """`value` as a Python float. Raises TypeError for what is not a number."""
    if isinstance(value, str | bytes):
        raise TypeError(f"{name}(): argument '{argument}' must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except TypeError:
        raise TypeError(
            f"{name}(): argument '{argument}' must be a number, not {type(value).__name__}"
        ) from None
