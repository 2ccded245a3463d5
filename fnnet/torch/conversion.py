"""Copies of a Tensor: in another dtype, on another device, in another memory order."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import lax

from fnnet.torch import dtypes as D
from fnnet.torch.attach import method
from fnnet.torch.call import apply
from fnnet.torch.creation import as_dtype
from fnnet.torch.devices import META, as_device, device, jax_device
from fnnet.torch.memory_formats import contiguous_format, is_in, preserve_format, spec_in
from fnnet.torch.mode import MODE
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import Value, without_data
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, wrap
from fnnet.torch.warning import warn

_COPIES: dict[Any, Plan] = {}


def copied(tensor: Tensor, spec: Spec, grad_fn: str) -> Tensor:
    """A copy with memory of its own, in the given dtype, device and memory order; noted for backward."""
    old = tensor._spec
    if spec.device is not old.device:
        return _moved(tensor, spec)
    if old.dtype.category == D.COMPLEX:
        warn_of_lost_part(old.dtype, spec.dtype)
    key = (old, spec, grad_fn)
    plan = _COPIES.get(key)
    if plan is None:
        plan = make_plan(lambda x: cast(x, spec.dtype), [old], (), spec.device, grad_fn)
        plan.outputs = (spec,)
        _COPIES[key] = plan
    return apply(plan, [tensor], ())[0]


def warn_of_lost_part(old: D.dtype, new: D.dtype) -> None:
    """Warn if complex numbers become real ones."""
    if old.category == D.COMPLEX and D.BOOL < new.category < D.COMPLEX:
        warn("Casting complex values to real discards the imaginary part")


def cast(x: Any, kind: D.dtype) -> Any:
    """Conversion as PyTorch's: floats wrap into small integers by way of a wide one."""
    to = kind.numpy
    if x.dtype == to:
        return x
    if np.dtype(x.dtype).kind == "c" and kind.category < D.COMPLEX:
        x = lax.real(x)
    if kind.category == D.BOOL:
        return x != np.zeros((), x.dtype)
    if kind.category == D.INTEGER and kind.itemsize < 8 and np.dtype(x.dtype).kind not in "iub":
        x = lax.convert_element_type(x, np.int64)
    return lax.convert_element_type(x, to)


def _moved(tensor: Tensor, spec: Spec) -> Tensor:
    """A copy on another device. Its node takes gradients back."""
    import jax

    made = copied(tensor, spec_of(spec.shape, spec.dtype, tensor._spec.device), "ToCopyBackward0")
    if spec.device is META:
        moved = wrap(without_data(), spec)
    else:
        moved = wrap(Value(jax.device_put(made._value().get(), jax_device(spec.device))), spec)
    if MODE.enabled and made.requires_grad:
        from fnnet.torch.autograd.transfer import TransferNode

        moved._fn = TransferNode(made, spec)
    return moved


@method
def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own, part of the graph."""
    return copied(self, spec_in(self._spec, memory_format), "CloneBackward0")


@method
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its memory is row-major (or in the given format), else a copy that is."""
    if is_in(self._spec, memory_format):
        return self
    return copied(self, spec_in(self._spec, memory_format or contiguous_format), "CloneBackward0")


@method
def to_dense(self: Tensor, dtype: Any = None, *, masked_grad: bool = True) -> Tensor:
    """The tensor itself, for it is strided; or in another dtype."""
    if dtype is not None and not isinstance(dtype, D.dtype):
        raise TypeError(
            f"to_dense(): argument 'dtype' (position 1) must be torch.dtype, not {type(dtype).__name__}"
        )
    return self if dtype is None else to(self, dtype)


@method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor in another dtype or on another device; itself if it is there already."""
    where, kind, copy = self._spec.device, self._spec.dtype, kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None)
    format = kwargs.pop("memory_format", None)
    for name in ("device", "dtype", "other"):
        if kwargs.get(name) is not None:
            if (name == "dtype") != isinstance(kwargs[name], D.dtype | type) and name != "other":
                raise TypeError(
                    "to() received an invalid combination of arguments - got "
                    f"({name}={type(kwargs[name]).__name__}, )"
                )
            args = (*args, kwargs[name])
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    if sum(isinstance(one, D.dtype) for one in args) > 1:
        raise TypeError("to() received an invalid combination of arguments - got (torch.dtype, torch.dtype)")
    flags: list[bool] = []  # non_blocking, copy
    for one in args:
        if isinstance(one, Tensor):
            where, kind = one._spec.device, one._spec.dtype
        elif isinstance(one, str | device) or (type(one) is int):
            where = as_device(one)
        elif isinstance(one, bool):
            flags.append(one)
        elif one is not None:
            kind = as_dtype(one) or kind
    copy = copy or flags[1:] == [True]
    old = self._spec
    keeps = format is None or format is preserve_format or is_in(old, format)
    if where is old.device and kind is old.dtype and not copy and keeps:
        return self
    dense = spec_in(old, format)
    return copied(self, spec_of(old.shape, kind, where, dense.strides), "ToCopyBackward0")


@method
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor on the CPU."""
    return self.to("cpu", memory_format=memory_format)


@method
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """The tensor on a GPU."""
    return self.to("cuda" if device is None else device, memory_format=memory_format)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type ("torch.FloatTensor"), or the tensor in another dtype."""
    from fnnet.torch.legacy import dtype_of_type, type_name

    if dtype is None:
        return type_name(self._spec)
    return self.to(*dtype_of_type(dtype))


Tensor.type = _type  # type: ignore[attr-defined]


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype and on the device of another."""
    return self.to(other)


for _name, _kind in (
    ("float", D.float32), ("double", D.float64), ("half", D.float16), ("bfloat16", D.bfloat16),
    ("int", D.int32), ("long", D.int64), ("short", D.int16), ("char", D.int8), ("byte", D.uint8),
    ("bool", D.bool_),
    ("cfloat", D.complex64), ("cdouble", D.complex128),
):  # fmt: skip

    def _convert(self: Tensor, *, memory_format: Any = None, _kind: D.dtype = _kind) -> Tensor:
        return self.to(_kind, memory_format=memory_format)

    _convert.__name__ = _name
    setattr(Tensor, _name, _convert)
