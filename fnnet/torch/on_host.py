"""Tensors that NumPy has computed: their arrays go to the device when somebody computes with them there.

Datasets and transforms make many small tensors that only NumPy ever reads again: a picture is turned, scaled
and put into a batch. None of them needs to be a JAX array.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.torch.dtypes import of_numpy
from fnnet.torch.record import RECORD, Value
from fnnet.torch.spec import spec_of
from fnnet.torch.storage import value_of_host
from fnnet.torch.tensor import Tensor, wrap


class OnHost(Value):
    """A value whose array is NumPy's until it is asked for."""

    __slots__ = ("host",)

    def __init__(self, host: np.ndarray[Any, Any]) -> None:
        super().__init__(None)
        self.host = host

    def _fill(self) -> Any:
        made = value_of_host(self.host, spec_of(self.host.shape, of_numpy(self.host.dtype)), copy=False)
        if not RECORD.immediate:  # what is made for JAX's tracers is for them alone
            self.array, self.alone = made.array, made.alone
        return made.array


def tensor_of(array: Any) -> Tensor:
    """A tensor on the CPU of an array that nobody will write to any more."""
    array = np.ascontiguousarray(array).reshape(np.shape(array))
    return wrap(OnHost(array), spec_of(array.shape, of_numpy(array.dtype)))


def array_of(tensor: Tensor) -> np.ndarray[Any, Any]:
    """The values of a tensor on the CPU, not to be written to."""
    value = tensor._value()
    return value.host if isinstance(value, OnHost) else np.asarray(value.read())


def stacked(tensors: Sequence[Tensor]) -> Tensor | None:
    """The tensors as rows of one, if all of them are NumPy's and of one shape and dtype; else None."""
    first = tensors[0]._spec
    arrays = []
    for one in tensors:
        value = one._storage.value
        if not isinstance(value, OnHost) or one._steps is not None or one._spec is not first:
            return None
        if one.requires_grad:
            return None
        arrays.append(value.host)
    return tensor_of(np.stack(arrays))
