"""How data and exceptions travel between a loader and its workers: pickled, tensors as NumPy arrays."""

from __future__ import annotations

import io
import pickle
import sys
import traceback
from typing import Any

import numpy as np

from fnnet.torch.devices import as_device
from fnnet.torch.shared import refuse_made_by_graph
from fnnet.torch.tensor import Tensor, from_array


def _rebuild(array: np.ndarray[Any, Any], device: str, requires_grad: bool) -> Tensor:
    made = from_array(array, as_device(device))
    return made.requires_grad_() if requires_grad else made


def reduce_tensor(tensor: Tensor) -> Any:
    """What pickle is to do with a tensor. Raises RuntimeError for one that a graph made."""
    refuse_made_by_graph(tensor)
    array = np.asarray(tensor._value().read())
    return _rebuild, (array, str(tensor.device), tensor.requires_grad)


class _Pickler(pickle.Pickler):
    def reducer_override(self, given: Any) -> Any:
        return reduce_tensor(given) if type(given) is Tensor else NotImplemented


def packed(data: Any) -> bytes:
    """Data as bytes."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(data)
    return buffer.getvalue()


class _KeyErrorMessage(str):
    """KeyError shows the repr of its argument, which would put a traceback on one line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return self


class Caught:
    """An exception on its way to the main process."""

    def __init__(self, where: str) -> None:
        kind, error, trace = sys.exc_info()
        assert kind is not None
        self.kind: Any = kind
        self.text = "".join(traceback.format_exception(kind, error, trace))
        self.where = where

    def reraise(self) -> None:
        """Raise it again, its type kept where it can be made from a message."""
        message: Any = f"Caught {self.kind.__name__} {self.where}.\nOriginal {self.text}"
        if self.kind is KeyError:
            message = _KeyErrorMessage(message)
        try:
            error = self.kind(message=message) if getattr(self.kind, "message", None) else self.kind(message)
        except Exception:  # its constructor wants something else
            raise RuntimeError(message) from None
        raise error

    def __reduce__(self) -> Any:
        try:
            pickle.dumps(self.kind)
        except Exception:  # a class that the main process cannot find by name
            return _caught, (RuntimeError, self.text, self.where)
        return _caught, (self.kind, self.text, self.where)


def _caught(kind: Any, text: str, where: str) -> Caught:
    made = Caught.__new__(Caught)
    made.kind, made.text, made.where = kind, text, where
    return made
