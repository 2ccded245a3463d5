"""XLA's indexing in NumPy: dynamic slices, gather and scatter, in the terms of their jaxpr parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def _window(shape: Sequence[int], sizes: Sequence[int], starts: Sequence[Any]) -> tuple[slice, ...]:
    corners = [min(max(int(s), 0), n - size) for s, n, size in zip(starts, shape, sizes, strict=True)]
    return tuple(slice(corner, corner + size) for corner, size in zip(corners, sizes, strict=True))


def dynamic_slice(x: Any, *starts: Any, slice_sizes: Any) -> Any:
    """A block at a corner that is pushed inside, as XLA does."""
    return x[_window(x.shape, slice_sizes, starts)]


def dynamic_update_slice(x: Any, new: Any, *starts: Any) -> Any:
    """`x` with a block replaced."""
    made = np.array(x)
    made[_window(x.shape, new.shape, starts)] = new
    return made


def _places(
    shape: Sequence[int],
    indices: Any,
    sizes: Sequence[int],
    window_dims: Sequence[int],
    dropped: Sequence[int],
    index_map: Sequence[int],
    batching: Sequence[int],
    indices_batching: Sequence[int],
) -> tuple[list[Any], list[Any]]:
    """For each dimension of the operand, the start of each window and its place at each element.

    Both broadcast to the shape of the gathered (or scattered) array, whose dimensions `window_dims` lie in
    the window.
    """
    outer = indices.shape[:-1]
    ndim = len(outer) + len(window_dims)
    outer_dims = [dim for dim in range(ndim) if dim not in window_dims]
    inner = iter(window_dims)
    starts, places = [], []
    for dim in range(len(shape)):
        lengths = [1] * ndim
        if dim in index_map:
            start = indices[..., list(index_map).index(dim)].astype(np.int64)
            for at, length in zip(outer_dims, outer, strict=True):
                lengths[at] = length
            start = start.reshape(lengths)
        elif dim in batching:
            at = list(indices_batching)[list(batching).index(dim)]
            lengths[outer_dims[at]] = outer[at]
            start = np.arange(outer[at]).reshape(lengths)
        else:
            start = np.zeros(lengths, np.int64)
        starts.append(start)
        if dim in dropped or dim in batching:
            places.append(start)
            continue
        lengths = [1] * ndim
        lengths[next(inner)] = sizes[dim]
        places.append(start + np.arange(sizes[dim]).reshape(lengths))
    return starts, places


def gather(
    x: Any,
    indices: Any,
    *,
    dimension_numbers: Any,
    slice_sizes: Any,
    mode: Any,
    fill_value: Any = None,
    **_: Any,
) -> Any:
    """lax.gather. Windows out of bounds are pushed inside, or filled, as the mode says."""
    numbers = dimension_numbers
    starts, places = _places(
        x.shape, indices, slice_sizes, numbers.offset_dims, numbers.collapsed_slice_dims,
        numbers.start_index_map, numbers.operand_batching_dims, numbers.start_indices_batching_dims,
    )  # fmt: skip
    fits: Any = True
    for dim, start in enumerate(starts):
        last = x.shape[dim] - slice_sizes[dim]
        fits = fits & (start >= 0) & (start <= last)
        places[dim] = places[dim] - start + np.clip(start, 0, max(last, 0))
    if not x.size:
        ndim = indices.ndim - 1 + len(numbers.offset_dims)
        shape = np.broadcast_shapes(*[one.shape for one in places], (1,) * ndim)
        taken = np.zeros(shape, x.dtype)
    else:
        taken = x[tuple(np.broadcast_arrays(*places))] if places else x
    if "FILL" in str(mode).upper() and not np.all(fits):
        if fill_value is None:
            kind = x.dtype.kind
            fill_value = False if kind == "b" else np.iinfo(x.dtype).min if kind == "i" else np.nan
            fill_value = np.iinfo(x.dtype).max if kind == "u" else fill_value
        taken = np.where(fits, taken, np.asarray(fill_value, x.dtype))
    return taken


def scatter(combine: Any) -> Callable[..., Any]:
    """The rule of lax.scatter, or of lax.scatter_add and its kin by their ufunc.

    What is out of bounds is dropped, or pushed inside, as the mode says.
    """

    def rule(x: Any, indices: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **_: Any) -> Any:
        numbers = dimension_numbers
        window = list(numbers.update_window_dims)
        sizes, rest = [], iter(window)
        for dim in range(x.ndim):
            gone = dim in numbers.inserted_window_dims or dim in numbers.operand_batching_dims
            sizes.append(1 if gone else updates.shape[next(rest)])
        starts, places = _places(
            x.shape, indices, sizes, window, numbers.inserted_window_dims,
            numbers.scatter_dims_to_operand_dims, numbers.operand_batching_dims,
            numbers.scatter_indices_batching_dims,
        )  # fmt: skip
        fits: Any = np.ones(updates.shape, bool)
        for dim, start in enumerate(starts):
            last = x.shape[dim] - sizes[dim]
            if "CLIP" in str(mode).upper():
                places[dim] = places[dim] - start + np.clip(start, 0, max(last, 0))
            else:
                fits = fits & (start >= 0) & (start <= last)
        made = np.array(x)
        if not updates.size:
            return made
        at = tuple(np.broadcast_to(one, updates.shape)[fits] for one in places)
        if combine is None:
            made[at] = updates[fits]
        else:
            combine.at(made, at, updates[fits])
        return made

    return rule
