"""How a Tensor lies in memory: shape and strides, sharing with NumPy, `detach` and `data`, copies."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.attach import method
from fnnet.torch.autograd.unseen import stale_accumulator, stale_node
from fnnet.torch.call import adopt
from fnnet.torch.indexing import canonical_dim
from fnnet.torch.memory_formats import is_in
from fnnet.torch.mode import MODE
from fnnet.torch.record import RECORD
from fnnet.torch.spec import Spec
from fnnet.torch.storage import UNSEEN, Storage, Version
from fnnet.torch.tensor import Tensor, alias
from fnnet.torch.view import marked


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """The values as a NumPy array that shares the tensor's memory."""
    if force:
        return self.detach().cpu().numpy()
    if self.requires_grad and MODE.enabled:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    if self._spec.device.type != "cpu":
        raise TypeError(
            f"can't convert {self._spec.device} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )
    if self._spec.dtype is D.bfloat16:
        raise TypeError("Got unsupported ScalarType BFloat16")
    mark = marked(self._steps) if self._steps else None
    if mark is not None:
        raise RuntimeError(
            f"Can't call numpy() on Tensor that has {'conjugate' if mark == 'conj' else 'negative'} bit set. "
            f"Use tensor.resolve_{mark}().numpy() instead."
        )
    storage = self._storage
    host = storage.share()
    if self._steps is None:
        return host.view() if host.shape == tuple(self._spec.shape) else host
    kind = self._spec.dtype.numpy
    base_strides = tuple(stride // host.itemsize for stride in host.strides)
    laid = _host_layout(self, base_strides)
    if not host.size or not self._spec.numel:
        return np.empty(self._spec.shape, kind)
    flat, size = host[(0,) * host.ndim + (None,)], np.dtype(kind).itemsize
    if flat.dtype != kind:  # complex numbers seen as real ones, or the other way
        parts = (max(1, size // host.itemsize),)
        flat = np.lib.stride_tricks.as_strided(flat, parts, (host.itemsize,)).view(kind)
    start = np.lib.stride_tricks.as_strided(flat, (laid[1] + 1,), (size,))[laid[1] :]
    return np.lib.stride_tricks.as_strided(
        start, tuple(self._spec.shape), tuple(stride * size for stride in laid[0])
    )


def _host_layout(tensor: Tensor, strides: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    from fnnet.torch import view

    laid = view.layout(tensor._steps or (), tensor._starts, tensor._storage.spec.shape, strides)
    if laid is None:
        raise RuntimeError("numpy(): this view cannot be expressed by strides")
    return laid


def _of_dimension(lengths: tuple[int, ...], dim: int) -> int:
    if not lengths:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return lengths[canonical_dim(dim, len(lengths))]


@method
def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dimension."""
    shape = self._spec.shape
    if dim is not None and not hasattr(dim, "__index__"):
        raise TypeError(f"size(): argument 'dim' (position 1) must be int, not {type(dim).__name__}")
    return shape if dim is None else _of_dimension(shape, dim)


@method
def dim(self: Tensor) -> int:
    """The number of dimensions."""
    return self._spec.ndim


Tensor.ndimension = dim  # type: ignore[attr-defined]


@method
def numel(self: Tensor) -> int:
    """The number of elements."""
    return self._spec.numel


Tensor.nelement = numel  # type: ignore[attr-defined]


@method
def element_size(self: Tensor) -> int:
    """Bytes of one element."""
    return self._spec.dtype.itemsize


@method
def stride(self: Tensor, dim: int | None = None) -> Any:
    """The strides in elements, or that of one dimension."""
    strides = self._spec.strides
    return strides if dim is None else _of_dimension(strides, dim)


@method
def storage_offset(self: Tensor) -> int:
    """Where in its storage the first element lies."""
    return self._offset


@method
def _is_view(self: Tensor) -> bool:
    return self._base is not None


@method
def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the memory is row-major, or in the given format."""
    return is_in(self._spec, memory_format)


@method
def is_floating_point(self: Tensor) -> bool:
    """Whether the dtype is floating."""
    return self._spec.dtype.is_floating_point


@method
def is_complex(self: Tensor) -> bool:
    """Whether the dtype is complex."""
    return self._spec.dtype.is_complex


_COPIES: weakref.WeakKeyDictionary[Storage, tuple[int, np.ndarray[Any, Any]]] = weakref.WeakKeyDictionary()
"""The memories whose address was asked for: after how many changes, and their copies."""


def _address(storage: Storage) -> int:
    """Where the bytes of a memory are, for code that reads them by their address."""
    if RECORD.immediate or storage.spec.device.type != "cpu":
        return id(storage) * 64
    if storage.host is not None:
        return int(storage.host.ctypes.data)
    changes, copied = _COPIES.get(storage, (-1, None))
    if copied is None or changes != storage.changes:
        spec = storage.spec
        if copied is None:
            reach = 1 + sum((size - 1) * step for size, step in zip(spec.shape, spec.strides, strict=True))
            copied = np.zeros(reach, spec.dtype.numpy)
        strides = [step * copied.itemsize for step in spec.strides]
        arranged = np.lib.stride_tricks.as_strided(copied, tuple(spec.shape), strides)
        arranged[...] = np.asarray(storage.current().read())
        _COPIES[storage] = storage.changes, copied
    return int(copied.ctypes.data)


@method
def data_ptr(self: Tensor) -> int:
    """The address of a copy of the memory, made now and again at a later call if the memory has changed.

    It tells memories apart and stays while the memory lives. What others write there is not seen.
    """
    if self._storage.spec.numel == 0 or self._spec.device.type == "meta":
        return 0
    return _address(self._storage) + self._offset * self._spec.dtype.itemsize


def _outside() -> tuple[Any, ...]:
    """The step of a view outside of the graph: on JAX's tracers it has to be said, for JAX differentiates."""
    return (("detach",),) if RECORD.immediate else ()


@method
def detach(self: Tensor) -> Tensor:
    """A tensor on the same memory, outside of the graph."""
    made = alias(self, _outside())
    if MODE.inference:
        made._inference = True
    return made


@method
def detach_(self: Tensor) -> Tensor:
    """Take the tensor out of the graph that made it."""
    if self._base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel "
            "(DDP) "
            "for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, "
            "and "
            "hence detach_() cannot be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as the solution."
        )
    self._fn, self._nr, self._requires = None, 0, False
    return self


def _get_data(self: Tensor) -> Tensor:
    made = alias(self, _outside())
    made._counter = Version()
    return made


def _set_data(self: Tensor, new: Tensor) -> None:
    if not isinstance(new, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
    if self.requires_grad and not new._spec.differentiable:
        raise RuntimeError(
            "data set to a tensor that requires gradients must be floating point or complex dtype"
        )
    before, after = self._spec, new._spec
    if before.dtype is not after.dtype or before.device is not after.device:
        self._accumulator = None
    elif before.shape != after.shape and self._fn is not None:
        stale_node(self, after)
    elif before.shape != after.shape and self._accumulator is not None:
        self._accumulator = stale_accumulator(self._accumulator, after)
    self._storage, self._spec = new._storage, after
    self._steps, self._starts, self._offset = new._steps, new._starts, new._offset
    self._cache, self._cached_at = new._cache, new._cached_at
    UNSEEN.note(self._storage)


Tensor.data = property(_get_data, _set_data, doc="The same memory outside of the graph.")  # type: ignore[attr-defined]


@method
def as_strided(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage with the given shape, strides and offset."""
    root = alias(self)
    root._steps, root._starts, root._offset, root._spec = None, (), 0, self._storage.spec
    start = self._offset if storage_offset is None else storage_offset
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError("mismatch in length of strides and shape")
    if any(one < 0 for one in stride):
        raise RuntimeError(
            f"as_strided: Negative strides are not supported at the moment, got strides: {list(stride)}"
        )
    last = start + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    spec = self._storage.spec
    if last >= max(1, spec.numel * spec.dtype.itemsize // self.element_size()):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start}, and itemsize "
            f"{self.element_size()} requiring a storage size of {(last + 1) * self.element_size()} are out "
            f"of bounds for storage of size {spec.numel * spec.dtype.itemsize}"
        )
    steps = _memory_order(spec)
    if self._spec.dtype is not spec.dtype:  # the same bytes, of which the view makes other numbers
        root, steps = alias(root, (*steps, ("reshape", (spec.numel,)))).view(self._spec.dtype), ()
    made = alias(root, (*steps, ("strided", size, stride)), (start,))
    adopt(made, self, None)
    made._fn_version = -1
    return made


def _memory_order(spec: Spec) -> tuple[Any, ...]:
    if spec.contiguous:
        return ()
    order = tuple(sorted(range(spec.ndim), key=lambda dim: -spec.strides[dim]))
    return (("transpose", order),)
