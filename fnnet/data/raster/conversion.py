"""From one dtype to another, with and without the scale; normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.data.raster.frame import bits_of, bound_of, check_picture, is_float, library, times

_EPSILON = 1e-3
_UNIT = np.arange(256, dtype=np.float32) / np.float32(255)


def unit(x: Any, dtype: Any = np.float32) -> Any:
    """Bytes divided by 255, in `dtype`: the arithmetic of ToTensor."""
    if dtype == np.float32:
        return library(x).take(_UNIT, x)  # XLA would multiply by 1 / 255: half of the values differ
    return x.astype(dtype) / dtype.type(255)


def convert_dtype(x: Any, dtype: Any = np.float32, edition: int = 1) -> Any:
    """The picture in another dtype, so that full brightness stays full brightness.

    `edition` is that of torchvision's transforms, v1 or v2, which round differently from integers to floats.

    Raises RuntimeError where the dtype cannot hold the picture's precision.
    """
    dtype = np.dtype(dtype)
    if x.dtype == dtype:
        return x
    to_float = bool(jnp.issubdtype(dtype, jnp.floating))
    if is_float(x):
        if to_float:
            return x.astype(dtype)
        if (str(x.dtype), str(dtype)) in (("float32", "int32"), ("float32", "int64"), ("float64", "int64")):
            what = "cast" if edition == 1 else "conversion"
            raise RuntimeError(
                f"The {what} from torch.{x.dtype} to torch.{dtype} cannot be performed safely."
            )
        return wrapped(times(x, bound_of(dtype) + 1.0 - _EPSILON), dtype)
    most = bound_of(x.dtype)
    if to_float:
        if edition == 2:
            return times(x.astype(dtype), 1.0 / most)
        return unit(x, dtype) if x.dtype == np.uint8 else x.astype(dtype) / dtype.type(most)
    if edition == 1 and np.bool_ in (x.dtype, dtype):  # v1 scales them, v2 does not know their bits
        more, fewer = (most + 1) // (bound_of(dtype) + 1), (bound_of(dtype) + 1) // (most + 1)
        return (x // more).astype(dtype) if more else x.astype(dtype) * fewer
    shift = bits_of(x.dtype) - bits_of(dtype)
    return (x >> shift).astype(dtype) if shift > 0 else x.astype(dtype) << -shift


def wrapped(x: Any, dtype: Any) -> Any:
    """Floats cut to integers as C does it where they fit."""
    with np.errstate(invalid="ignore"):
        return x.astype(dtype)


def normalize(x: Any, mean: Sequence[float], std: Sequence[float], edition: int = 1) -> Any:
    """(x - mean) / std for each channel of (..., channels, height, width).

    Raises TypeError for integers, ValueError for fewer than three dimensions or a std of zero, RuntimeError
    for another number of values than channels.
    """
    check_picture(x)
    if not is_float(x):
        raise TypeError(f"Input tensor should be a float tensor. Got torch.{x.dtype}.")
    if x.ndim < 3:
        raise ValueError(
            "Expected tensor to be a tensor image of size (..., C, H, W). Got "
            + (f"tensor.size() = torch.Size({list(x.shape)})" if edition == 1 else f"{tuple(x.shape)}.")
        )
    columns = [np.asarray(values, x.dtype) for values in (mean, std)]
    if (columns[1] == 0).any():
        how = "zero" if edition == 2 else f"zero after conversion to torch.{x.dtype}"
        raise ValueError(f"std evaluated to {how}, leading to division by zero.")
    for name, column in zip(("mean", "std"), columns, strict=True):
        if column.ndim == 1 and column.shape[0] not in (1, x.shape[-3]) and x.shape[-3] != 1:
            raise RuntimeError(
                f"The size of tensor a ({x.shape[-3]}) must match the size of tensor b ({column.shape[0]}) "
                f"at non-singleton dimension {x.ndim - 3} (normalize: {name})"
            )
    shift, scale = (column.reshape(-1, 1, 1) if column.ndim == 1 else column for column in columns)
    return (x - shift) / scale
