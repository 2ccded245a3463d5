"""What a Tensor can do beside operations: give its values, share its memory, take part in autograd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from jax import lax

from fnnet.torch import dtypes as D
from fnnet.torch import indexing
from fnnet.torch.autograd import hooks
from fnnet.torch.autograd.backward import backward as run_backward
from fnnet.torch.call import adopt, apply
from fnnet.torch.creation import as_dtype
from fnnet.torch.devices import as_device, device, jax_device
from fnnet.torch.indexing import canonical_dim
from fnnet.torch.layout import dense_strides
from fnnet.torch.mode import MODE
from fnnet.torch.plan import Plan, make_plan
from fnnet.torch.record import Value
from fnnet.torch.spec import Size, Spec, contiguous_strides, spec_of
from fnnet.torch.storage import Version
from fnnet.torch.tensor import Tensor, alias, view_spec, wrap

_COPIES: dict[Any, Plan] = {}


def method(function: Any) -> Any:
    """Attach to Tensor under the function's own name."""
    setattr(Tensor, function.__name__, function)
    return function


# ---------------------------------------------------------------------- values


@method
def item(self: Tensor) -> Any:
    """The value of a tensor of one element as a Python number."""
    if self._spec.numel != 1:
        raise RuntimeError(f"a Tensor with {self._spec.numel} elements cannot be converted to Scalar")
    return self._value().get().item()


@method
def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers."""
    return np.asarray(self._value().get()).tolist()


@method
def __bool__(self: Tensor) -> bool:
    if self._spec.numel != 1:
        raise RuntimeError(
            "Boolean value of Tensor with no values is ambiguous"
            if self._spec.numel == 0
            else "Boolean value of Tensor with more than one value is ambiguous"
        )
    return bool(self._value().get().item())


@method
def __float__(self: Tensor) -> float:
    return float(self.item())  # type: ignore[attr-defined]


@method
def __int__(self: Tensor) -> int:
    return int(self.item())  # type: ignore[attr-defined]


@method
def __complex__(self: Tensor) -> complex:
    return complex(self.item())  # type: ignore[attr-defined]


@method
def __index__(self: Tensor) -> int:
    if self._spec.dtype.category > D.INTEGER:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self.item())  # type: ignore[attr-defined]


@method
def __len__(self: Tensor) -> int:
    if not self._spec.ndim:
        raise TypeError("len() of a 0-d tensor")
    return self._spec.shape[0]


@method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if not self._spec.ndim:
        raise TypeError("iteration over a 0-d tensor")
    return iter([indexing.get(self, i) for i in range(self._spec.shape[0])])


@method
def __hash__(self: Tensor) -> int:
    return id(self)


@method
def __contains__(self: Tensor, element: Any) -> bool:
    return bool((self == element).any().item())  # type: ignore[attr-defined]


@method
def __array__(self: Tensor, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
    array = self.numpy()  # type: ignore[attr-defined]
    return array if dtype is None else array.astype(dtype, copy=False)


@method
def __getitem__(self: Tensor, index: Any) -> Tensor:
    return indexing.get(self, index)


@method
def __setitem__(self: Tensor, index: Any, value: Any) -> None:
    indexing.put(self, index, value)


@method
def __repr__(self: Tensor, *, tensor_contents: Any = None) -> str:
    try:
        from fnnet.torch.printing import tensor_text
    except ImportError:
        text = np.array2string(np.asarray(self._value().get()), separator=", ", prefix="tensor(")
        return f"tensor({text})"
    return tensor_text(self)


@method
def __format__(self: Tensor, spec: str) -> str:
    if self._spec.ndim == 0:
        return format(self.item(), spec)  # type: ignore[attr-defined]
    return object.__format__(self, spec)


Tensor.select, Tensor.narrow = indexing.select, indexing.narrow  # type: ignore[attr-defined]


# ---------------------------------------------------------------------- memory


@method
def numpy(self: Tensor, *, force: bool = False) -> np.ndarray[Any, Any]:
    """The values as a NumPy array that shares the tensor's memory."""
    if force:
        return self.detach().cpu().numpy()  # type: ignore[attr-defined]
    if self.requires_grad:
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
    storage = self._storage
    host = storage.share()
    if self._steps is None:
        return host.view() if host.shape == tuple(self._spec.shape) else host
    size = host.itemsize
    base_strides = tuple(stride // size for stride in host.strides)
    laid = _host_layout(self, base_strides)
    flat = host[(0,) * host.ndim + (None,)] if host.size else host.reshape(-1)[:0]
    if not host.size or not self._spec.numel:
        return np.empty(self._spec.shape, host.dtype)
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


@method
def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the length of one dimension."""
    shape = self._spec.shape
    return shape if dim is None else shape[canonical_dim(dim, len(shape))]


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
    return strides if dim is None else strides[canonical_dim(dim, len(strides))]


@method
def storage_offset(self: Tensor) -> int:
    """Where in its storage the first element lies."""
    return self._offset


@method
def is_contiguous(self: Tensor, memory_format: Any = None) -> bool:
    """Whether the memory is row-major."""
    return self._spec.contiguous


@method
def is_floating_point(self: Tensor) -> bool:
    """Whether the dtype is floating."""
    return self._spec.dtype.is_floating_point


@method
def is_complex(self: Tensor) -> bool:
    """Whether the dtype is complex."""
    return self._spec.dtype.is_complex


@method
def data_ptr(self: Tensor) -> int:
    """A number that tells memories apart; it is no address."""
    return id(self._storage) * 64 + self._offset * self._spec.dtype.itemsize


def copied(tensor: Tensor, spec: Spec, grad_fn: str) -> Tensor:
    """A copy with memory of its own, in the given dtype, device and memory order; noted for backward."""
    old = tensor._spec
    if spec.device is not old.device:
        return _moved(tensor, spec)
    key = (old, spec, grad_fn)
    plan = _COPIES.get(key)
    if plan is None:
        plan = make_plan(lambda x: cast(x, spec.dtype), [old], (), spec.device, grad_fn)
        plan.outputs = (spec,)
        _COPIES[key] = plan
    return apply(plan, [tensor], ())[0]


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
    array = jax.device_put(made._value().get(), jax_device(spec.device))
    moved = wrap(Value(array), spec)
    if MODE.enabled and made.requires_grad:
        from fnnet.torch.autograd.transfer import TransferNode

        moved._fn = TransferNode(made, spec)
    return moved


@method
def clone(self: Tensor, *, memory_format: Any = None) -> Tensor:
    """A copy with memory of its own, part of the graph."""
    spec = self._spec
    dense = spec_of(spec.shape, spec.dtype, spec.device, dense_strides(spec))
    return copied(self, dense, "CloneBackward0")


@method
def contiguous(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor itself if its memory is row-major, else a row-major copy."""
    if self._spec.contiguous:
        return self
    return copied(self, spec_of(self._spec.shape, self._spec.dtype, self._spec.device), "CloneBackward0")


@method
def detach(self: Tensor) -> Tensor:
    """A tensor on the same memory, outside of the graph."""
    made = alias(self)
    if MODE.inference:
        made._inference = True
    return made


@method
def detach_(self: Tensor) -> Tensor:
    """Take the tensor out of the graph that made it."""
    if self._base is not None:
        raise RuntimeError(
            "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) "
            "for training, and gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and "
            "hence detach_() cannot be called on these gradients. To fix this error, please refer to the "
            "Optimizer.zero_grad() function in torch/optim/optimizer.py as a reference."
        )
    self._fn, self._nr, self._requires = None, 0, False
    return self


def _get_data(self: Tensor) -> Tensor:
    made = alias(self)
    made._counter = Version()
    return made


def _set_data(self: Tensor, new: Tensor) -> None:
    if not isinstance(new, Tensor):
        raise TypeError(f"Variable data has to be a tensor, but got {type(new).__name__}")
    self._storage, self._spec = new._storage, new._spec
    self._steps, self._starts, self._offset = new._steps, new._starts, new._offset
    self._cache, self._cached_at = new._cache, new._cached_at
    self._accumulator = None


Tensor.data = property(_get_data, _set_data, doc="The same memory outside of the graph.")  # type: ignore[attr-defined]


@method
def to(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The tensor in another dtype or on another device; itself if it is there already."""
    where, kind, copy = self._spec.device, self._spec.dtype, kwargs.pop("copy", False)
    kwargs.pop("non_blocking", None), kwargs.pop("memory_format", None)
    for name in ("device", "dtype", "other"):
        if kwargs.get(name) is not None:
            args = (*args, kwargs[name])
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"to() got an unexpected keyword argument '{next(iter(kwargs))}'")
    for one in args:
        if isinstance(one, Tensor):
            where, kind = one._spec.device, one._spec.dtype
        elif isinstance(one, str | device) or (type(one) is int):
            where = as_device(one)
        elif isinstance(one, bool):
            continue
        elif one is not None:
            kind = as_dtype(one) or kind
    old = self._spec
    if where is old.device and kind is old.dtype and not copy:
        return self
    dense = spec_of(old.shape, kind, where, dense_strides(old))
    return copied(self, dense, "ToCopyBackward0")


@method
def cpu(self: Tensor, memory_format: Any = None) -> Tensor:
    """The tensor on the CPU."""
    return self.to("cpu")  # type: ignore[attr-defined]


@method
def cuda(self: Tensor, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> Tensor:
    """The tensor on a GPU."""
    return self.to("cuda" if device is None else device)  # type: ignore[attr-defined]


@method
def type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type ("torch.FloatTensor"), or the tensor in another dtype."""
    from fnnet.torch.legacy import dtype_of_type, type_name

    if dtype is None:
        return type_name(self._spec)
    return self.to(*dtype_of_type(dtype))  # type: ignore[attr-defined]


@method
def type_as(self: Tensor, other: Tensor) -> Tensor:
    """The tensor in the dtype and on the device of another."""
    return self.to(other)  # type: ignore[attr-defined]


for _name, _kind in (
    ("float", D.float32), ("double", D.float64), ("half", D.float16), ("bfloat16", D.bfloat16), ("int", D.int32),
    ("long", D.int64), ("short", D.int16), ("char", D.int8), ("byte", D.uint8), ("bool", D.bool_),
    ("cfloat", D.complex64), ("cdouble", D.complex128),
):  # fmt: skip

    def _convert(self: Tensor, memory_format: Any = None, _kind: D.dtype = _kind) -> Tensor:
        return self.to(_kind)  # type: ignore[attr-defined]

    _convert.__name__ = _name
    setattr(Tensor, _name, _convert)


# ---------------------------------------------------------------------- in place


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take the values of another tensor, broadcast and converted."""
    if isinstance(src, Tensor) and src._spec.device is not self._spec.device:
        src = src.to(self._spec.device)  # type: ignore[attr-defined]
    indexing._assign(self, src, "CopyBackwards")
    return self


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to a number."""
    if isinstance(value, Tensor) and value._spec.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value._spec.ndim} dimensions."
        )
    indexing._assign(self, value, "FillBackward0")
    return self


@method
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero."""
    indexing._assign(self, 0, "ZeroBackward0")
    return self


# ---------------------------------------------------------------------- autograd


@method
def backward(
    self: Tensor,
    gradient: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Add the gradient of this tensor with respect to the graph's leaves to their `.grad`."""
    run_backward(self, gradient, retain_graph, create_graph, inputs=inputs)


def _get_grad(self: Tensor) -> Tensor | None:
    if self._grad is None and self._fn is not None and not self._retains:
        import warnings

        warnings.warn(
            "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute "
            "won't be populated during autograd.backward(). If you indeed want the .grad field to be populated "
            "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor "
            "by mistake, make sure you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 "
            "for more informations.",
            UserWarning,
            stacklevel=2,
        )
    return self._grad


def _set_grad(self: Tensor, grad: Any) -> None:
    if grad is not None:
        if not isinstance(grad, Tensor):
            raise TypeError(
                f"assigned grad expected to be a Tensor or None but got grad of type {_type_name(grad)}"
            )
        if grad._spec.shape != self._spec.shape:
            raise RuntimeError(
                f"assigned grad has data of a different size (expected {list(self.shape)}, got {list(grad.shape)})"
            )
        if grad._spec.dtype is not self._spec.dtype:
            raise RuntimeError(
                f"assigned grad has data of a different type (expected {self.dtype}, got {grad.dtype})"
            )
    self._grad = grad


def _type_name(value: Any) -> str:
    return value.__class__.__name__


def _del_grad(self: Tensor) -> None:
    self._grad = None


Tensor.grad = property(_get_grad, _set_grad, _del_grad, doc="The gradient.")  # type: ignore[attr-defined]
Tensor.register_hook = hooks.register_hook  # type: ignore[attr-defined]
Tensor.register_post_accumulate_grad_hook = hooks.register_post_accumulate_grad_hook  # type: ignore[attr-defined]
Tensor.retain_grad = hooks.retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: self._retains)  # type: ignore[attr-defined]
Tensor.output_nr = property(lambda self: self._nr)  # type: ignore[attr-defined]


@method
def is_inference(self: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return self._inference


@method
def as_strided(self: Tensor, size: Any, stride: Any, storage_offset: int | None = None) -> Tensor:
    """A view of the storage with the given shape, strides and offset."""
    root = alias(self)
    root._steps, root._starts, root._offset, root._spec = None, (), 0, self._storage.spec
    start = self._offset if storage_offset is None else storage_offset
    size, stride = tuple(size), tuple(stride)
    last = start + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) if 0 not in size else 0
    if last >= max(1, self._storage.spec.numel):
        raise RuntimeError(
            f"setStorage: sizes {list(size)}, strides {list(stride)}, storage offset {start} are out of bounds "
            f"for storage of size {self._storage.spec.numel * self.element_size()}"  # type: ignore[attr-defined]
        )
    steps = _memory_order(self._storage.spec)
    made = alias(root, (*steps, ("strided", size, stride)), (start,))
    adopt(made, self, None)
    made._fn_version = -1
    return made


def _memory_order(spec: Spec) -> tuple[Any, ...]:
    if spec.contiguous:
        return ()
    order = tuple(sorted(range(spec.ndim), key=lambda dim: -spec.strides[dim]))
    return (("transpose", order),)


__all__ = ["Size", "contiguous_strides", "view_spec"]
