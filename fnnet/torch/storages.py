"""Tensor.untyped_storage and Tensor.storage: the memory that a tensor and its views share."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from fnnet.torch.attach import method
from fnnet.torch.creation import from_numpy
from fnnet.torch.pickling import linear
from fnnet.torch.tensor import Tensor

__all__ = ["TypedStorage", "UntypedStorage"]

_DEPRECATED = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only "
    "storage class. This should only matter to you if you are using storages directly.  To access "
    "UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)


class UntypedStorage:
    """The bytes: their number, place and device."""

    __module__ = "torch.storage"

    def __init__(self, of: Tensor) -> None:
        self._of = of

    @property
    def device(self) -> Any:
        """Where the memory is."""
        return self._of.device

    @classmethod
    def from_file(cls, filename: Any, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """The bytes of a file, read when they are used. They are private: what is written stays in memory.

        Raises NotImplementedError for memory that is shared with the file, RuntimeError for a shorter file.
        """
        if shared:
            raise NotImplementedError(
                f"fnnet.torch: UntypedStorage.from_file({str(filename)!r}, shared=True) is not supported"
            )
        size = os.stat(filename).st_size
        if nbytes > size:
            raise RuntimeError(f"file {filename} has {size} bytes, of which {nbytes} were asked for")
        if not nbytes:
            return cls(from_numpy(np.zeros(0, np.uint8)))
        return cls(from_numpy(np.memmap(filename, np.uint8, "c", shape=(nbytes,)).view(np.ndarray)))

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, slice):
            return self.tolist()[index]
        if index.step not in (None, 1):
            raise RuntimeError(
                f"Trying to slice with a step of {index.step}, but only a step of 1 is supported"
            )
        return UntypedStorage(from_numpy(of_bytes(self).numpy()[index]))

    def untyped(self) -> UntypedStorage:
        """The storage itself."""
        return self

    def element_size(self) -> int:
        """1."""
        return 1

    def nbytes(self) -> int:
        """How many bytes there are."""
        spec = self._of._storage.spec
        return int(spec.numel) * spec.dtype.itemsize

    size = __len__ = nbytes

    def data_ptr(self) -> int:
        """Where the memory begins: one number for all tensors that share it."""
        return int(self._of.data_ptr()) - int(self._of.storage_offset()) * self._of.element_size()

    def tolist(self) -> list[int]:
        """The bytes."""
        return list(linear(self._of._storage).tobytes())

    def __repr__(self) -> str:
        lines = "".join(f" {byte}\n" for byte in self.tolist())
        return f"{lines}[torch.storage.UntypedStorage(device={self.device}) of size {self.nbytes()}]"


class TypedStorage(UntypedStorage):
    """The elements in the order of the memory."""

    __module__ = "torch.storage"

    @property
    def dtype(self) -> Any:
        """The kind of the elements."""
        return self._of.dtype

    def element_size(self) -> int:
        """How many bytes an element takes."""
        return int(self._of.element_size())

    def size(self) -> int:
        """How many elements there are."""
        return self.nbytes() // self.element_size()

    __len__ = size

    def untyped(self) -> UntypedStorage:
        """The bytes."""
        return UntypedStorage(self._of)

    def tolist(self) -> list[Any]:
        """The elements."""
        elements: list[Any] = linear(self._of._storage).view(self.dtype.numpy).tolist()
        return elements

    def __getitem__(self, index: Any) -> Any:
        return self.tolist()[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        _elements(self._of)[index] = value

    def __repr__(self) -> str:
        lines = "".join(f" {one}\n" for one in self.tolist())
        kind = f"dtype={self.dtype}, device={self.device}"
        return f"{lines}[torch.storage.TypedStorage({kind}) of size {self.size()}]"


def of_bytes(storage: UntypedStorage) -> Tensor:
    """The bytes of a storage as a tensor that shares them."""
    return from_numpy(_elements(storage._of).numpy().view(np.uint8))


def _elements(of: Any) -> Any:
    """All elements of the memory, as a flat view of it."""
    return of.detach().as_strided((TypedStorage(of).size(),), (1,), 0)


@method
def untyped_storage(self: Tensor) -> UntypedStorage:
    """The memory as bytes."""
    return UntypedStorage(self)


@method
def storage(self: Tensor) -> TypedStorage:
    """The memory as elements. Deprecated in PyTorch."""
    warnings.warn(_DEPRECATED, UserWarning, stacklevel=2)
    return TypedStorage(self)
