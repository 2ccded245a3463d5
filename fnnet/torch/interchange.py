"""Tensors from what other libraries hold: buffers, DLPack, anything array-like."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch.creation import arange, as_dtype, as_tensor, empty, finish, full, sharing
from fnnet.torch.devices import as_device
from fnnet.torch.into_out import takes_out
from fnnet.torch.refusals import cpp_name
from fnnet.torch.spec import contiguous_strides
from fnnet.torch.storages import UntypedStorage, of_bytes
from fnnet.torch.tensor import Tensor, from_array
from fnnet.torch.warning import warn


def asarray(
    obj: Any, *, dtype: Any = None, device: Any = None, copy: bool | None = None, requires_grad: bool = False
) -> Tensor:
    """Anything array-like as a tensor; a copy if `copy`, an error if not and one is needed."""
    if isinstance(obj, np.generic):
        obj = np.asarray(obj)
    if isinstance(obj, UntypedStorage):
        return finish(of_bytes(obj).view(as_dtype(dtype) or D.uint8).to(as_device(device)), requires_grad)
    shared = isinstance(obj, Tensor | np.ndarray)
    made = as_tensor(obj, dtype=dtype, device=device)
    source = obj.dtype if isinstance(obj, Tensor) else None
    if isinstance(obj, Tensor) and obj.requires_grad and not made._spec.differentiable:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    changed = not shared or (source is not None and source is not made.dtype)
    if isinstance(obj, np.ndarray):
        changed = D.of_numpy(obj.dtype) is not made.dtype
    if copy is False and changed:
        old = source if source is not None else D.of_numpy(obj.dtype) if shared else None
        if old is not None and old is not made.dtype:
            raise ValueError(
                f"can't alias tensor with dtype '{cpp_name(old)}' into dtype '{cpp_name(made.dtype)}'."
            )
        raise ValueError("can't alias arbitrary sequence into a tensor.")
    if copy and not changed:
        made = made.detach().clone()
    if requires_grad and made.is_leaf:
        return finish(made, True)
    return made.detach() if not requires_grad and not isinstance(obj, Tensor) else made


def frombuffer(
    buffer: Any, *, dtype: Any, count: int = -1, offset: int = 0, requires_grad: bool = False
) -> Tensor:
    """A tensor on the memory of a buffer. Raises ValueError for a count or offset that does not fit."""
    kind = as_dtype(dtype)
    assert kind is not None
    length = memoryview(buffer).nbytes
    if length == 0:
        raise ValueError("both buffer length (0) and count (-1) must not be 0")
    if not 0 <= offset < length:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and no greater than buffer length "
            f"({length} bytes) minus 1"
        )
    if count < 0 and (length - offset) % kind.itemsize:
        raise ValueError(
            f"buffer length ({length - offset} bytes) after offset ({offset} bytes) must be a multiple of "
            f"element size ({kind.itemsize})"
        )
    array = np.frombuffer(buffer, kind.numpy, count, offset)
    if not array.flags.writeable:
        warn(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. This means "
            "you can write to the underlying (supposedly non-writable) buffer using the tensor. You may want "
            "to copy the buffer to protect its data or make it writable before converting it to a tensor. "
            "This type of warning will be suppressed for the rest of this program."
        )
    return finish(sharing(array), requires_grad)


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Tensor:
    """A tensor with the values of an array of another library, through DLPack or NumPy."""
    if isinstance(ext_tensor, Tensor):
        return ext_tensor.detach()
    import jax

    return from_array(ext_tensor if isinstance(ext_tensor, jax.Array) else np.from_dlpack(ext_tensor), device)


def scalar_tensor(
    s: Any, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """A tensor of no dimensions, of the default dtype."""
    kind = as_dtype(dtype) or D.get_default_dtype()
    return full((), s, dtype=kind, device=device, requires_grad=requires_grad)


@takes_out
def range(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, **options: Any
) -> Tensor:
    """Numbers from start to end, which is included: the deprecated forerunner of `arange`."""
    if end is None:
        raise TypeError('range() missing 1 required positional arguments: "end"')
    warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is "
        "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values in "
        "[start, end)."
    )
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    count = int((end - start) / step) + 1
    made = arange(count, dtype=D.float64) * step + start
    made = made.to(as_dtype(dtype) or D.get_default_dtype()).to(as_device(device))
    return finish(made, options.get("requires_grad", False))


def empty_strided(size: Any, stride: Any, *, dtype: Any = None, device: Any = None, **options: Any) -> Tensor:
    """A tensor of zeros with these strides."""
    size, stride = tuple(size), tuple(stride)
    if len(size) != len(stride):
        raise RuntimeError(
            f"dimensionality of sizes ({len(size)}) must match dimensionality of strides ({len(stride)})"
        )
    if any(step < 0 for step in stride):
        raise RuntimeError(
            f"Storage size calculation overflowed with sizes={list(size)} and strides={list(stride)}"
        )
    last = 1 + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    made = empty(last, dtype=dtype, device=device).as_strided(size, stride)
    made._base, made._fn = None, None
    return finish(made, options.get("requires_grad", False))


def empty_permuted(size: Any, physical_layout: Any, **options: Any) -> Tensor:
    """A tensor whose dimensions lie in memory in the order `physical_layout`, the outermost first."""
    size, order = tuple(size), tuple(physical_layout)
    if len(order) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(size)} is not equal to len(physical_layout) = {len(order)}"
        )
    for place, dim in enumerate(order):
        if not 0 <= dim < len(size):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(size) - 1}, but got "
                f"{dim} at index {place}).  NB: negative dims not currently supported"
            )
        if dim in order[:place]:
            raise RuntimeError("Duplicate dim not allowed")
    laid = contiguous_strides(tuple(size[dim] for dim in order))
    strides = dict(zip(order, laid, strict=True))
    return empty_strided(size, tuple([strides[dim] for dim, _ in enumerate(size)]), **options)
