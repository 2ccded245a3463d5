"""The items of an index: which are positions, which are tensors of them, which say nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn


def is_index(item: Any) -> bool:
    """Whether an item gathers: it is a tensor of places, or a list of them."""
    if isinstance(item, np.ndarray):
        return item.ndim > 0 or item.dtype.kind not in "iu"
    return isinstance(item, Tensor | list | tuple | range) and not (
        isinstance(item, Tensor) and item.ndim == 0 and item.dtype.category == D.INTEGER
    )


_AS_TUPLE = (Tensor, slice, list, tuple, range, str, bytes, np.ndarray)


def as_tuple(index: Any) -> tuple[Any, ...]:
    """The indices by dimension. A list is a tuple if it holds more than numbers, as NumPy had it once."""
    if isinstance(index, tuple):
        return index
    if not isinstance(index, list) or len(index) >= 32:
        return (index,)
    if not any(one is None or one is ... or isinstance(one, _AS_TUPLE) for one in index):
        return (index,)
    warn(
        "Using a non-tuple sequence for multidimensional indexing is deprecated and will be changed in "
        "pytorch 2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will be interpreted as tensor "
        "index, x[torch.tensor(seq)], which will result either in an error or a different result"
    )
    return tuple(index)


def without_more_dots(items: list[Any]) -> list[Any]:
    """Without an ellipsis that comes second and stands for nothing."""
    dots = [i for i, item in enumerate(items) if item is ...]
    if len(dots) > 1 and all(item is ... for item in items[dots[1] :]):
        return items[: dots[1]]
    return items


def slice_of(item: slice, length: int) -> tuple[int, int, int]:
    """Where a slice of so many begins, how many it takes, and in what steps."""
    step = 1 if item.step is None else integer_of(item.step)
    if step <= 0:
        raise ValueError("step must be greater than zero")
    ends = [None if end is None else integer_of(end) for end in (item.start, item.stop)]
    begin, end, _ = slice(ends[0], ends[1], step).indices(length)
    return begin, max(0, -((begin - end) // step)), step


def integer_of(item: Any) -> int:
    """A position as Python's integer."""
    if isinstance(item, Tensor):
        return int(item.item())
    if hasattr(item, "__index__"):
        return int(item.__index__())
    if isinstance(item, str):
        raise TypeError("new(): invalid data type 'str'")
    raise IndexError(
        "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are valid indices "
        f"(got {type(item).__name__})"
    )


def index_array(item: Any) -> np.ndarray[Any, Any]:
    """A list of places, or of truths, as an array."""
    if isinstance(item, list | tuple):
        item = [one.tolist() if isinstance(one, Tensor) else one for one in item]
    array = np.asarray(item)
    if array.size == 0 and not isinstance(item, np.ndarray):
        return array.astype(np.int64)
    if array.dtype.kind == "c":
        raise TypeError("'complex' object cannot be interpreted as an integer")
    if array.dtype.kind not in "iubf":
        raise IndexError("tensors used as indices must be long, int, byte or bool tensors")
    return array if array.dtype.kind == "b" else array.astype(np.int64)
