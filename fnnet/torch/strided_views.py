"""Views by strides of their own: diagonals and windows, whose dimensions of length one show strides as well.

Steps count places in row-major order; `view.layout` makes strides in memory of them.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import BoundArguments
from typing import Any

import numpy as np

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
        (*(((dim, 1),) for dim in kept), ((first, 1), (second, 1))),
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
        (*(((one, step if one == dim else 1),) for one in range(len(shape))), ((dim, 1),)),
    )


def _bytes(shape: Shape, old: np.dtype[Any], new: np.dtype[Any]) -> tuple[Steps, ...]:
    """`view(dtype)` from or to truths and complex numbers, of which the latter are pairs of numbers."""
    if not shape:
        return (("reshape", (1,)), *_bytes((1,), old, new), ("reshape", ()))
    *lead, length = shape
    steps: list[Steps] = []
    if old.kind == "c":
        old, length = np.dtype(f"f{old.itemsize // 2}"), 2 * length
        steps += [("as_real",), ("reshape", (*lead, length))]
    part = np.dtype(f"f{new.itemsize // 2}") if new.kind == "c" else new
    if part != old:
        inner, outer = old.itemsize, part.itemsize
        if inner < outer:
            steps.append(("reshape", (*lead, length * inner // outer, outer // inner)))
        steps.append(("bitcast", part, inner, outer))
        if inner > outer:
            steps.append(("reshape", (*lead, length * inner // outer)))
        length = length * inner // outer
    if new.kind == "c":
        steps += [("reshape", (*lead, length // 2, 2)), ("as_complex",)]
    return tuple(steps)


_VIEWS: dict[str, Callable[[Shape, dict[str, Any]], Steps]] = {
    "diagonal": _diagonal,
    "linalg_diagonal": _diagonal,
    "unfold_dimension": _windows,
}


def steps_of(name: str, bound: BoundArguments, shape: Shape, kind: np.dtype[Any]) -> tuple[Any, ...] | None:
    """The steps of one of these views of a tensor of this shape and dtype; None for any other operation."""
    if name == "view":
        new = getattr(bound.arguments.get("size"), "numpy", None)
        wanted = None if new is None else np.dtype(new)
        if wanted is None or wanted == kind or not {kind.kind, wanted.kind} & {"b", "c"}:
            return None
        return _bytes(shape, kind, wanted)
    found = _VIEWS.get(name)
    if found is None or not shape:
        return None
    bound.apply_defaults()
    return (found(shape, bound.arguments),)
