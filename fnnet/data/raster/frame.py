"""What a picture is here: an array (..., channels, height, width), NumPy's or JAX's, and what dtypes mean.

The functions of this package compute in the library of their argument: NumPy at once on the host (also in a
worker process, where XLA cannot run), JAX under jit, grad and vmap.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

_BOUNDS = {"uint8": 255, "int8": 127, "int16": 32767, "uint16": 65535, "int32": 2**31 - 1, "int64": 2**63 - 1}
_BITS = {"uint8": 8, "int8": 7, "int16": 15, "uint16": 16, "int32": 31, "int64": 63}


def library(x: Any) -> Any:
    """numpy for its arrays, else jax.numpy."""
    return np if isinstance(x, np.ndarray) else jnp


def bound_of(dtype: Any) -> int:
    """The value that stands for full brightness: the largest of an integer dtype, 1 for floats."""
    return _BOUNDS.get(str(dtype), 1)


def bits_of(dtype: Any) -> int:
    """The bits of an integer dtype without the sign. Raises TypeError for others."""
    if str(dtype) not in _BITS:
        raise TypeError(f"Number of value bits is only defined for integer dtypes, but got torch.{dtype}.")
    return _BITS[str(dtype)]


def is_float(x: Any) -> bool:
    """Whether the dtype is floating."""
    return bool(jnp.issubdtype(x.dtype, jnp.floating))


def as_float(x: Any) -> Any:
    """The array if it is of floats, else as float32."""
    return x if is_float(x) else x.astype(np.float32)


def check_picture(x: Any) -> None:
    """Raises TypeError for an array of fewer than two dimensions."""
    if x.ndim < 2:
        raise TypeError("Tensor is not a torch image.")


def dimensions(x: Any) -> list[int]:
    """[channels, height, width]; a picture of two dimensions has one channel."""
    check_picture(x)
    return [1 if x.ndim == 2 else x.shape[-3], *x.shape[-2:]]


def check_channels(x: Any, permitted: Sequence[int] = (1, 3), edition: int = 1) -> None:
    """Raises TypeError for another number of channels."""
    found = dimensions(x)[0]
    if found not in permitted:
        words = " or ".join(map(str, sorted(permitted))) if edition == 2 else list(permitted)
        raise TypeError(f"Input image tensor permitted channel values are {words}, but found {found}")


def check_colour(x: Any) -> None:
    """Raises TypeError for fewer than three dimensions, or channels other than 1 or 3."""
    check_picture(x)
    if x.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {x.ndim}")
    check_channels(x)


_ROUNDED = ("uint8", "int8", "int16", "int32", "int64")


def back(x: Any, dtype: Any, always: bool = False) -> Any:
    """Float values as `dtype`: rounded, halves to even, for v1's integers or `always`, else cut off."""
    if x.dtype == dtype:
        return x
    whole = str(dtype) in _ROUNDED or (always and not jnp.issubdtype(dtype, jnp.floating))
    return (library(x).round(x) if whole else x).astype(dtype)


def times(x: Any, factor: float) -> Any:
    """x * factor; floats of 16 bits are multiplied in float32, and rounded once, as PyTorch does it."""
    return (
        (x.astype(np.float32) * np.float32(factor)).astype(x.dtype) if x.dtype.itemsize == 2 else x * factor
    )


def fused(a: Any, b: Any, alpha: Any) -> Any:
    """a + alpha * b with one rounding, as a fused multiply-add gives it; JAX's arrays get two roundings."""
    if isinstance(b, np.ndarray) and a.dtype == np.float32:
        return (a + b.astype(np.float64) * np.asarray(alpha, np.float32)).astype(np.float32)
    return a + b.astype(a.dtype) * alpha
