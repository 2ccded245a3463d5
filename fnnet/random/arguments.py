"""Checks of a draw's arguments, with PyTorch's exception types and words."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import DTypeLike

_NAMES = {
    "float32": ("Float", "float"),
    "float64": ("Double", "double"),
    "float16": ("Half", "c10::Half"),
    "bfloat16": ("BFloat16", "c10::BFloat16"),
    "complex64": ("ComplexFloat", "c10::complex<float>"),
    "complex128": ("ComplexDouble", "c10::complex<double>"),
    "bool": ("Bool", "bool"),
    "uint8": ("Byte", "unsigned char"),
    "int8": ("Char", "signed char"),
    "int16": ("Short", "short int"),
    "int32": ("Int", "int"),
    "int64": ("Long", "long int"),
    "uint16": ("UInt16", "short unsigned int"),
    "uint32": ("UInt32", "unsigned int"),
    "uint64": ("UInt64", "long unsigned int"),
}


def torch_name(dtype: np.dtype) -> str:
    """PyTorch's name of a dtype in its messages: "Long" for int64."""
    return _NAMES.get(dtype.name, (dtype.name, ""))[0]


def c_name(dtype: np.dtype) -> str:
    """The name of a dtype's C++ type."""
    return _NAMES.get(dtype.name, ("", dtype.name))[1]


def checked_shape(name: str, shape: Sequence[int] | int, dtype: DTypeLike) -> tuple[int, ...]:
    """`shape` as a tuple of ints.

    Raises:
        TypeError: for sizes that are not integers.
        RuntimeError: for a negative size, or more bytes than an array can have.
    """
    try:
        sizes = tuple(operator.index(s) for s in (shape if isinstance(shape, Sequence) else (shape,)))
    except TypeError:
        raise TypeError(
            f"{name}(): argument 'size' must be tuple of ints, not {type(shape).__name__} ({shape!r})"
        ) from None
    if any(size < 0 for size in sizes):
        raise RuntimeError(
            f"{name}: Trying to create tensor with negative dimension {min(sizes)}: {list(sizes)}"
        )
    if math.prod(sizes) * np.dtype(dtype).itemsize >= 2**63:
        raise RuntimeError(f"{name}: Storage size calculation overflowed with sizes={list(sizes)}")
    return sizes


def check_dtype(operator_: str, dtype: np.dtype, known: Collection[np.dtype]) -> None:
    """Raises NotImplementedError (a RuntimeError) unless the dtype is one of `known`."""
    if dtype not in known:
        raise NotImplementedError(f"\"{operator_}\" not implemented for '{torch_name(dtype)}'")


def check_uniform(low: float, high: float, dtype: DTypeLike = np.float32) -> None:
    """Raises RuntimeError unless low <= high, and they and their difference are finite, as uniform_ does."""
    name, c = torch_name(np.dtype(dtype)), c_name(np.dtype(dtype))
    largest = float(jax.numpy.finfo(dtype).max)
    for argument, value in (("from", low), ("to", high)):
        if not -largest <= value <= largest:
            raise RuntimeError(f"{argument} is out of bounds for {c}: uniform_ got {argument}={value:g}")
    if low > high:
        raise RuntimeError(
            f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}"
        )
    if high - low > largest:
        raise RuntimeError(
            f"uniform_ expects to-from <= std::numeric_limits<{name}>::max(), but found to={high:g} and "
            f"from={low:g} which result in to-from to exceed the limit"
        )


def check_normal(std: float) -> None:
    """Raises RuntimeError for a negative standard deviation, as normal_ does."""
    if not std >= 0.0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")


def check_positive(name: str, argument: str, value: float) -> None:
    """Raises RuntimeError unless value > 0."""
    if not value > 0.0:
        raise RuntimeError(f"{name} expects {argument} > 0.0, but found {argument}={value:g}")


def check_continuous(distribution: str, dtype: np.dtype, known: Collection[np.dtype]) -> None:
    """Raises RuntimeError for a dtype that is not floating."""
    if dtype not in known:
        raise RuntimeError(
            f"{distribution} distribution is a continuous probability distribution. dtype must be a floating "
            f"point but you specified {torch_name(dtype)}"
        )


def check_probability(name: str, p: float, ends: bool) -> None:
    """Raises RuntimeError unless p lies in [0, 1], or in (0, 1) without the ends."""
    if not (0.0 <= p <= 1.0 if ends else 0.0 < p < 1.0):
        interval = "[0, 1]" if ends else "(0, 1)"
        raise RuntimeError(f"{name} expects p to be in {interval}, but got p={p:g}")


def integer(name: str, argument: str, value: Any) -> int:
    """`value` as a Python int. Raises TypeError for what is not an integer."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name}(): argument '{argument}' must be int, not {type(value).__name__}") from None
