"""Tensors in memory that processes share: `Tensor.share_memory_`, and how they travel to other processes.

The memory is a file that is mapped by every process, in /dev/shm where there is one. A storage that NumPy
shares keeps its truth in such an array already (see `storage.py`): reads copy from it, writes go into it at
once.
Nothing is locked, as in PyTorch: two processes that add to one tensor at a time may lose an addition.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

from fnnet.torch.attach import method
from fnnet.torch.dtypes import of_numpy
from fnnet.torch.pickling import _reduce_ex, added
from fnnet.torch.spec import spec_of
from fnnet.torch.storage import UNSEEN, Storage
from fnnet.torch.tensor import Tensor, alias, wrap

_PATHS: weakref.WeakKeyDictionary[Storage, str] = weakref.WeakKeyDictionary()
"""Which file is a storage's memory."""
_HERE: weakref.WeakValueDictionary[str, Storage] = weakref.WeakValueDictionary()
"""The other way round: tensors that share memory there share it here."""
_FOLDER = "/dev/shm"


def _mapped(file: int, shape: tuple[int, ...], dtype: Any) -> np.ndarray[Any, Any]:
    size = max(int(np.prod(shape)) * np.dtype(dtype).itemsize, 1)  # nothing cannot be mapped
    if os.fstat(file).st_size < size:
        raise RuntimeError(
            f"share_memory_: {size} bytes of shared memory expected, {os.fstat(file).st_size} found"
        )
    return np.ndarray(shape, dtype, buffer=mmap.mmap(file, size))


def _note(storage: Storage, path: str) -> None:
    _PATHS[storage] = path
    _HERE[path] = storage


@method
def share_memory_(self: Tensor) -> Tensor:
    """Move the memory to where other processes can map it. Raises RuntimeError off the CPU."""
    storage = self._storage
    if storage in _PATHS:
        return self
    if self.device.type != "cpu":
        raise RuntimeError(f"share_memory_: expected a tensor on the CPU, got one on {self.device}")
    if storage.host is not None and not storage._release():
        raise NotImplementedError("fnnet.torch: share_memory_: NumPy holds the memory of this tensor already")
    values = np.asarray(storage.current().read())
    folder = _FOLDER if os.path.isdir(_FOLDER) else None
    file, path = tempfile.mkstemp(prefix="fnnet_", dir=folder)
    try:
        weakref.finalize(storage, _removed, path, os.getpid())
        os.posix_fallocate(
            file, 0, max(values.nbytes, 1)
        )  # raises now where there is no room, not at a write
        array = _mapped(file, values.shape, values.dtype)
    finally:
        os.close(file)
    np.copyto(array, values)
    UNSEEN.last = float("inf")
    storage.host, storage.value = array, None
    _note(storage, path)
    return self


def _removed(path: str, owner: int) -> None:
    if os.getpid() == owner:  # not in a forked copy of the owner
        os.unlink(path)


@method
def is_shared(self: Tensor) -> bool:
    """Whether `share_memory_` moved the memory; a GPU's always counts as shared."""
    return self._storage in _PATHS or self.device.type == "cuda"


def _attached(
    cls: type[Any] | None,
    path: str,
    shape: tuple[int, ...],
    dtype: Any,
    steps: Any,
    starts: Any,
    requires_grad: bool,
    further: dict[str, Any],
) -> Any:
    storage = _HERE.get(path)
    if storage is None:
        file = os.open(path, os.O_RDWR)
        try:
            array = _mapped(file, shape, dtype)
        finally:
            os.close(file)
        storage = Storage(None, spec_of(shape, of_numpy(array.dtype)))
        storage.host = array
        UNSEEN.last = float("inf")
        _note(storage, path)
    made = wrap(storage.current(), storage.spec)
    made._storage = made._counter = storage
    if steps is not None:
        made = alias(made, steps, starts)
    if cls is not None:
        plain, made = made, object.__new__(cls)
        made.__dict__.update(plain.__dict__)
    made.__dict__.update(further)
    return made.requires_grad_() if requires_grad else made


def refuse_made_by_graph(tensor: Tensor) -> None:
    """Raise RuntimeError for a tensor that a graph made: graphs do not cross to other processes."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd does not "
            "support crossing process boundaries.  If you just want to transfer the data, call detach() on "
            "the tensor before serializing (e.g., putting it on the queue)."
        )


def _reduced(tensor: Any) -> Any:
    """A tensor for another process: where its memory is, if that is shared, or else its values."""
    refuse_made_by_graph(tensor)
    path = _PATHS.get(tensor._storage)
    if path is None:
        return _reduce_ex(tensor, 2)
    array = tensor._storage.host
    cls = None if type(tensor) is Tensor else type(tensor)
    seen = (tensor._steps, tensor._starts, tensor._requires, added(tensor))
    return _attached, (cls, path, array.shape, array.dtype, *seen)


def register(cls: type[Any]) -> None:
    """Send tensors of this class to other processes by their shared memory."""
    ForkingPickler.register(cls, _reduced)


register(Tensor)
