"""Views by strides of their own: diagonals and windows, whose dimensions of length one show strides as well.

Steps count places in row-major order; `view.layout` makes strides in memory of them.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import BoundArguments
from typing import Any

from fnnet.torch.spec import contiguous_strides

__all__ = ["steps_of"]

Shape = tuple[int, ...]
Steps = tuple[Any, ...]


def _diagonal(shape: Shape, given: dict[str, Any]) -> Steps:
    ndim, strides = len(shape), contiguous_strides(shape)
    first, second = given["dim1"] % ndim, given["dim2"] % ndim
    offset = given["offset"]
    length = min(shape[first] + min(offset, 0), shape[second] - max(offset, 0))
    start = 0
    if length > 0:
        start = offset * strides[second] if offset >= 0 else -offset * strides[first]
    kept = [dim for dim in range(ndim) if dim not in (first, second)]
    return (
        "fixed_strided",
        (*(shape[dim] for dim in kept), max(length, 0)),
        (*(strides[dim] for dim in kept), strides[first] + strides[second]),
        start,
    )


def _windows(shape: Shape, given: dict[str, Any]) -> Steps:
    dim, size, step = given["dimension"] % len(shape), given["size"], given["step"]
    strides = contiguous_strides(shape)
    count = (shape[dim] - size) // step + 1
    return (
        "fixed_strided",
        (*shape[:dim], count, *shape[dim + 1 :], size),
        (*strides[:dim], strides[dim] * step, *strides[dim + 1 :], strides[dim]),
        0,
    )


_VIEWS: dict[str, Callable[[Shape, dict[str, Any]], Steps]] = {
    "diagonal": _diagonal,
    "linalg_diagonal": _diagonal,
    "unfold_dimension": _windows,
}


def steps_of(name: str, bound: BoundArguments, shape: Shape) -> tuple[Any, ...] | None:
    """The steps of one of these views of a tensor of this shape; None for any other operation."""
    found = _VIEWS.get(name)
    if found is None or not shape:
        return None
    bound.apply_defaults()
    return (found(shape, bound.arguments),)
