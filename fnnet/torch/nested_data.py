"""Nested sequences of numbers as arrays, in the dtype that PyTorch gives them."""

from __future__ import annotations

import array as array_module
import functools
from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.dtypes import dtype as Dtype
from fnnet.torch.tensor import Tensor


def _plain(data: Any, kinds: set[Any], within: bool = False) -> Any:
    """Nested lists of numbers; `kinds` are the types that were met, for NumPy's and tensors their dtypes."""
    if isinstance(data, Tensor):
        if within and data.numel() != 1 and data._spec.differentiable:
            raise ValueError("only one element tensors can be converted to Python scalars")
        if within and data.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        kinds.add(data.dtype)
        return data.item() if within else data.tolist()
    if isinstance(data, list | tuple):
        return [_plain(one, kinds, True) for one in data]
    if isinstance(data, np.generic):
        kinds.add(D.of_numpy(data.dtype))
    else:
        kinds.add(type(data))
    return data


def _common(kinds: set[Any]) -> Dtype | None:
    """The dtype of numbers of these kinds, if there is a tensor or one of NumPy's among them."""
    from fnnet.torch.promotion import of_number, promote_types

    numbers = kinds & {bool, int, float, complex}
    given = {one for one in kinds if isinstance(one, Dtype)}
    if not given or given | numbers != kinds:
        return None
    return functools.reduce(promote_types, given | {of_number(one) for one in numbers})


def _narrowed(array: np.ndarray[Any, Any], kind: Dtype | None) -> np.ndarray[Any, Any]:
    """Python's floats in the default dtype, or as they are where another dtype is asked for."""
    if kind is not None:
        return array
    with np.errstate(over="ignore"):
        return array.astype(D.get_default_dtype().numpy)


def checked_array(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array, if PyTorch takes it: its dtype, its byte order and its strides."""
    if not array.dtype.isnative:
        raise ValueError(
            "given numpy array has byte order different from the native byte order. Conversion between byte "
            "orders is currently not supported."
        )
    D.of_numpy(array.dtype)
    if any(stride < 0 for stride in array.strides):
        raise ValueError(
            "At least one stride in the given numpy array is negative, and tensors with negative strides are "
            "not currently supported. (You can probably work around this by making a copy of your array  "
            "with array.copy().) "
        )
    return array


def as_numpy(data: Any, kind: Dtype | None = None) -> np.ndarray[Any, Any]:
    """Nested sequences as an array whose dtype is PyTorch's choice for them; `kind` is asked for."""
    if isinstance(data, np.ndarray | np.generic):
        return checked_array(np.asarray(data))
    if isinstance(data, bytearray | array_module.array):
        data = list(data)
    if isinstance(data, bytes):
        raise TypeError("new(): invalid data type 'bytes'")
    if hasattr(data, "__array__") and not isinstance(data, Tensor | list | tuple):
        return as_numpy(np.asarray(data))
    kinds: set[Any] = set()
    data = _plain(data, kinds)
    try:
        array = np.array(data)
    except ValueError:
        raise _ragged(data) from None
    common = _common(kinds)
    if common is not None and array.dtype.kind in "biufc":
        return array.astype(common.numpy)
    if array.size == 0:
        return array.astype(D.get_default_dtype().numpy)
    if array.dtype.kind == "f" and not _numpy_scalars(data):
        return _narrowed(array, kind)
    if array.dtype.kind == "c":
        return array.astype(D.get_default_dtype().to_complex().numpy)
    if array.dtype.kind == "u" and not _numpy_scalars(data):
        raise ValueError("Overflow when unpacking long long")
    if array.dtype.kind not in "biuf":
        first = next((one for one in _leaves(data) if not isinstance(one, bool | int | float)), None)
        if first is None and None not in _leaves(data):
            raise ValueError("Overflow when unpacking long long")
        if isinstance(first, str):
            if first is _leaves(data)[0]:
                raise ValueError("too many dimensions 'str'")
            raise TypeError("new(): invalid data type 'str'")
        raise RuntimeError(f"Could not infer dtype of {_type_name(first)}")
    return array


def _type_name(value: Any) -> str:
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _leaves(data: Any) -> list[Any]:
    return [leaf for one in data for leaf in _leaves(one)] if isinstance(data, list) else [data]


def _numpy_scalars(data: Any) -> bool:
    while isinstance(data, list) and data:
        data = data[0]
    return isinstance(data, np.generic | np.ndarray)


def _ragged(data: Any, dim: int = 0) -> Exception:
    """PyTorch's error for nested sequences that are no array: the first element says what is expected."""
    for one in data:
        if not isinstance(data[0], list) and isinstance(one, list):
            wanted = "must be real number, not list" if isinstance(data[0], float) else ""
            return TypeError(wanted or "'list' object cannot be interpreted as an integer")
        if isinstance(data[0], list) and not isinstance(one, list):
            return TypeError("not a sequence")
        if isinstance(one, list) and len(one) != len(data[0]):
            return ValueError(f"expected sequence of length {len(data[0])} at dim {dim + 1} (got {len(one)})")
    return _ragged([item for one in data for item in one], dim + 1)
