"""Storage: the memory that a tensor and its views share, and its sharing with NumPy.

A storage holds the current value of its root tensor. An in-place operation gives it a new value and counts a
change; a view that has been read before compares the count and reads again. Once NumPy shares the memory, the
truth lies in a host buffer: reads copy from it, writes go into it at once.
"""

from __future__ import annotations

import itertools
import sys
import weakref
from importlib import import_module
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.torch.record import RECORD, Value, placed_value

if TYPE_CHECKING:
    from fnnet.torch.spec import Spec


sequence = itertools.count()
"""Counts the nodes of the graph as they are made, and the writes that autograd does not see."""


class Unseen:
    """Writes that autograd counts nowhere, after which backward finds other numbers than forward had.

    That is what is written through `x.data`, by giving `x.data` other memory, and by NumPy, which may write
    at any time once it shares memory.
    """

    def __init__(self) -> None:
        self.last: float = -1
        self.at: weakref.WeakKeyDictionary[Storage, int] = weakref.WeakKeyDictionary()

    def note(self, storage: Storage) -> None:
        """The memory was written to now."""
        self.at[storage] = number = next(sequence)
        self.last = max(self.last, number)


UNSEEN = Unseen()


class Version:
    """The version counter of autograd: a tensor and its views share one; `x.data` has its own."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        self.version = 0


class Storage:
    """The memory of a root tensor. It serves as the version counter of that tensor as well.

    Attributes:
        value: the current value of the root tensor; None while NumPy shares the memory.
        spec: of the root tensor.
        changes: how often the value was replaced.
        version: how many in-place operations autograd counts.
    """

    __slots__ = ("__weakref__", "changes", "host", "spec", "value", "version")

    def __init__(self, value: Value | None, spec: Spec) -> None:
        self.value = value
        self.spec = spec
        self.changes = 0
        self.version = 0
        self.host: np.ndarray[Any, Any] | None = None

    def replace(self, value: Value) -> None:
        """Give the root tensor a new value."""
        self.changes += 1
        if self.host is None:
            self.value = value
        elif not self._release():
            np.copyto(self.host, np.asarray(value.read()))
        else:
            self.value = value

    def current(self) -> Value:
        """The value of the root tensor now."""
        if self.value is not None:
            return self.value
        assert self.host is not None
        value = value_of_host(self.host, self.spec, copy=True)
        if self.host.flags.writeable and not self._release():
            self.changes += 1  # NumPy may write at any time: views must read again
            return value
        self.host = None
        self.value = value
        return value

    def _release(self) -> bool:
        """Whether nobody but this storage holds the host buffer any more; then it is dropped."""
        assert self.host is not None
        if self.host.base is not None or sys.getrefcount(self.host) > _ALONE:
            return False
        self.host = None
        return True

    def share(self) -> np.ndarray[Any, Any]:
        """The memory as NumPy's, shared from now on. Raises TypeError off the CPU."""
        if self.host is None:
            assert self.value is not None
            UNSEEN.last = float("inf")
            array = np.array(self.value.read(), order="C")
            self.host, self.value = array, None
        return self.host


def value_of_host(array: np.ndarray[Any, Any], spec: Spec, copy: bool) -> Value:
    """A NumPy array as a value on the device of `spec`, never sharing memory if `copy`."""
    if RECORD.immediate:
        return Value(jnp.asarray(array.astype(jax.dtypes.canonicalize_dtype(array.dtype))))
    return placed_value(np.array(array) if copy else array, spec.device)


def _measure() -> int:
    class Holder:
        __slots__ = ("host",)

        def __init__(self) -> None:
            self.host = np.zeros(1)

        def count(self) -> int:
            return sys.getrefcount(self.host)

    return Holder().count()


_ALONE = _measure()


def __getattr__(name: str) -> Any:
    """PyTorch's classes of the memory, which know tensors."""
    if name in ("TypedStorage", "UntypedStorage"):
        return getattr(import_module("fnnet.torch.storages"), name)
    raise AttributeError(f"module 'torch.storage' has no attribute '{name}'")
