"""How samples become a batch: `default_collate`, and `default_convert` where there are no batches."""

from __future__ import annotations

import collections.abc
import copy
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.creation import as_tensor, tensor
from fnnet.torch.on_host import stacked
from fnnet.torch.tensor import Tensor

_NOT_NUMBERS = re.compile(r"[SaUO]")
_BAD = "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"


def _mapping(like: Any, items: dict[Any, Any]) -> Any:
    """A mapping of the type of `like`, or a dict where that cannot be made."""
    try:
        if isinstance(like, collections.abc.MutableMapping):
            made = copy.copy(like)
            made.update(items)
            return made
        return type(like)(items)
    except TypeError:
        return items


def _sequence(like: Any, items: list[Any]) -> Any:
    """A sequence of the type of `like`, or a list where that cannot be made."""
    try:
        if isinstance(like, collections.abc.MutableSequence):
            made = copy.copy(like)
            for i, item in enumerate(items):
                made[i] = item
            return made
        return type(like)(items)
    except TypeError:
        return items


def default_convert(data: Any) -> Any:
    """NumPy arrays as tensors, also inside of lists, tuples and mappings; the rest as it is."""
    if isinstance(data, Tensor):
        return data
    kind = type(data)
    if isinstance(data, np.ndarray | np.generic) and kind.__name__ not in ("str_", "bytes_"):
        if isinstance(data, np.ndarray) and _NOT_NUMBERS.search(data.dtype.str):
            return data
        return as_tensor(data)
    if isinstance(data, collections.abc.Mapping):
        return _mapping(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return kind(*map(default_convert, data))
    if isinstance(data, tuple):
        return [default_convert(one) for one in data]
    if isinstance(data, collections.abc.Sequence) and not isinstance(data, str | bytes):
        return _sequence(data, [default_convert(one) for one in data])
    return data


def collate(batch: Any, *, collate_fn_map: dict[Any, Callable[..., Any]] | None = None) -> Any:
    """Samples as a batch; `collate_fn_map` says for each type how. Raises TypeError for other types."""
    first = batch[0]
    kind = type(first)
    if collate_fn_map is not None:
        if kind in collate_fn_map:
            return collate_fn_map[kind](batch, collate_fn_map=collate_fn_map)
        for known, function in collate_fn_map.items():
            if isinstance(first, known):
                return function(batch, collate_fn_map=collate_fn_map)

    def below(samples: Any) -> Any:
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(first, collections.abc.Mapping):
        return _mapping(first, {key: below([one[key] for one in batch]) for key in first})
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return kind(*(below(samples) for samples in zip(*batch, strict=False)))
    if isinstance(first, collections.abc.Sequence):
        if any(len(one) != len(first) for one in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [below(samples) for samples in zip(*batch, strict=True)]
        return columns if isinstance(first, tuple) else _sequence(first, columns)
    raise TypeError(_BAD.format(kind))


def _collate_tensors(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    from fnnet import torch
    from fnnet.torch.utils.data import worker

    shared = worker.get_worker_info() is not None  # PyTorch stacks into shared memory there
    if shared and torch.is_grad_enabled() and any(one.requires_grad for one in batch):
        raise RuntimeError(
            "stack(): functions with out=... arguments don't support automatic differentiation, but one "
            "of the arguments requires grad."
        )
    made = stacked(batch)
    return torch.stack(list(batch), 0) if made is None else made


def _collate_arrays(batch: Any, *, collate_fn_map: Any = None) -> Any:
    if _NOT_NUMBERS.search(batch[0].dtype.str):
        raise TypeError(_BAD.format(batch[0].dtype))
    return collate([as_tensor(one) for one in batch], collate_fn_map=collate_fn_map)


def _collate_scalars(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return as_tensor(np.asarray(batch))


def _collate_floats(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(batch, dtype=D.float64)


def _collate_ints(batch: Any, *, collate_fn_map: Any = None) -> Tensor:
    return tensor(batch)


def _unchanged(batch: Any, *, collate_fn_map: Any = None) -> Any:
    return batch


default_collate_fn_map: dict[Any, Callable[..., Any]] = {
    Tensor: _collate_tensors,
    np.ndarray: _collate_arrays,
    (np.bool_, np.number, np.object_): _collate_scalars,
    float: _collate_floats,
    int: _collate_ints,
    str: _unchanged,
    bytes: _unchanged,
}


def default_collate(batch: Any) -> Any:
    """Samples as a batch: tensors, arrays and numbers are stacked, structures of them are kept."""
    return collate(batch, collate_fn_map=default_collate_fn_map)
