"""Many pictures as one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_SPOKEN = {"bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}


def check_floats(x: np.ndarray) -> None:
    """Raises RuntimeError, in PyTorch's words, for integers, which cannot hold brightness from 0 to 1."""
    if x.dtype.kind in "biu":
        kind = _SPOKEN.get(str(x.dtype), str(x.dtype))
        raise RuntimeError(f"result type Float can't be cast to the desired output type {kind}")


def _spread(x: np.ndarray, value_range: tuple[float, float] | None) -> np.ndarray:
    low, high = (float(x.min()), float(x.max())) if value_range is None else value_range
    kind = x.dtype.type
    return (np.clip(x, kind(low), kind(high)) - kind(low)) / kind(max(high - low, 1e-5))


def grid(
    batch: np.ndarray,
    nrow: int = 8,
    padding: int = 2,
    normalize: bool = False,
    value_range: tuple[float, float] | None = None,
    scale_each: bool = False,
    pad_value: Any = 0.0,
) -> np.ndarray:
    """The pictures of a batch side by side: see torchvision.utils.make_grid.

    Args:
        batch: (rows, channels, height, width), one picture (channels, height, width), or (height, width).
        nrow: how many stand side by side.
        padding: pixels between them.
        normalize: whether to spread the values from 0 to 1.
        value_range: the (least, most) values for that, instead of those that occur.
        scale_each: whether each picture is spread by itself.
        pad_value: of the pixels between them.

    Raises RuntimeError for more dimensions, integers with `normalize`, a `pad_value` beyond the dtype.
    """
    if batch.ndim > 4:
        raise RuntimeError(f"make_grid: expected (rows, channels, height, width), got {list(batch.shape)}")
    if batch.ndim < 4:
        batch = batch.reshape((1,) * (4 - batch.ndim) + batch.shape)
    if batch.ndim == 4 and batch.shape[1] == 1:
        batch = np.concatenate([batch] * 3, 1)
    if normalize:
        check_floats(batch)
        if scale_each:
            batch = np.stack([_spread(one, value_range) for one in batch])
        else:
            batch = _spread(batch, value_range)
    count, channels, height, width = batch.shape
    if count == 1:
        return batch[0]
    across = min(nrow, count)
    down = math.ceil(count / across)
    height, width = height + padding, width + padding
    if batch.dtype.kind in "iu":
        if pad_value > np.iinfo(batch.dtype).max:
            raise RuntimeError(f"value cannot be converted to type {batch.dtype}_t without overflow")
        pad_value = np.asarray(int(pad_value)).astype(batch.dtype)[()]
    made = np.full((channels, height * down + padding, width * across + padding), pad_value, batch.dtype)
    for i, picture in enumerate(batch):
        y, x = i // across * height + padding, i % across * width + padding
        made[:, y : y + height - padding, x : x + width - padding] = picture
    return made
