"""What a Tensor can do beside operations: give its values, take others in place, take part in autograd."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from fnnet.torch import attributes as attributes
from fnnet.torch import conversion as conversion
from fnnet.torch import dtypes as D
from fnnet.torch import indexing
from fnnet.torch import memory as memory
from fnnet.torch import new as new
from fnnet.torch import pickling as pickling
from fnnet.torch import shared as shared
from fnnet.torch import storages as storages
from fnnet.torch import transposed as transposed
from fnnet.torch.attach import method
from fnnet.torch.autograd import hooks
from fnnet.torch.autograd.backward import backward as run_backward
from fnnet.torch.autograd.early import LOSSES
from fnnet.torch.creation import from_numpy
from fnnet.torch.devices import META
from fnnet.torch.layout import broadcast_shapes
from fnnet.torch.missing import missing, tensor_names
from fnnet.torch.mode import MODE
from fnnet.torch.plan import fill_plan
from fnnet.torch.record import RECORD, filled
from fnnet.torch.refusals import c_name, cpp_name
from fnnet.torch.sparse_layouts import coo as coo
from fnnet.torch.sparse_layouts import csr as csr
from fnnet.torch.sparse_layouts import questions as questions
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn

# ---------------------------------------------------------------------- values


def _lacking(self: Tensor, name: str) -> Any:
    if name in tensor_names():
        raise missing("torch.Tensor", name)
    raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)


Tensor.__getattr__ = _lacking  # type: ignore[method-assign]


@method
def item(self: Tensor) -> Any:
    """The value of a tensor of one element as a Python number."""
    if self._spec.numel != 1:
        raise RuntimeError(f"a Tensor with {self._spec.numel} elements cannot be converted to Scalar")
    if self._spec.device is META:
        raise RuntimeError("Tensor.item() cannot be called on meta tensors")
    try:
        value = self._value()
        LOSSES.note(value)
        return value.read().item()
    except jax.errors.ConcretizationTypeError as error:
        raise RuntimeError(
            "vmap: It looks like you're calling .item() on a Tensor. We don't support calling .item() on a "
            f"Tensor inside of vmap, grad or a functionalized module, where values are not known: {error}"
        ) from None


@method
def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers."""
    return np.asarray(self._value().read()).tolist()


@method
def __bool__(self: Tensor) -> bool:
    if self._spec.numel != 1:
        raise RuntimeError(
            "Boolean value of Tensor with no values is ambiguous"
            if self._spec.numel == 0
            else "Boolean value of Tensor with more than one value is ambiguous"
        )
    return bool(item(self))


def _scalar(tensor: Tensor) -> Any:
    global _warned
    if tensor._spec.numel != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    if not _warned and MODE.enabled and tensor.requires_grad:
        _warned = True
        warn(
            "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
            "Consider using tensor.detach() first."
        )
    return tensor.item()


_UNBOUND = 256
"""How many rows are made as views by one call, as PyTorch makes them all; more one by one."""

_warned = False
"""PyTorch warns of this once in a process."""


def _real(value: Any, kind: str = "double") -> Any:
    if isinstance(value, complex) and value.imag:
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    return value.real


@method
def __float__(self: Tensor) -> float:
    return float(_real(_scalar(self)))


@method
def __int__(self: Tensor) -> int:
    return int(_real(_scalar(self), "int64_t"))


@method
def __complex__(self: Tensor) -> complex:
    return complex(_scalar(self))


@method
def __index__(self: Tensor) -> int:
    if self._spec.dtype.category > D.INTEGER or self._spec.numel != 1:
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(self.item())


@method
def __len__(self: Tensor) -> int:
    if not self._spec.ndim:
        raise TypeError("len() of a 0-d tensor")
    return self._spec.shape[0]


@method
def __iter__(self: Tensor) -> Iterator[Tensor]:
    if not self._spec.ndim:
        raise TypeError("iteration over a 0-d tensor")
    if MODE.enabled and self.requires_grad and self._spec.shape[0] <= _UNBOUND:
        return iter(self.unbind(0))
    return iter([indexing.get(self, i) for i in range(self._spec.shape[0])])


@method
def __hash__(self: Tensor) -> int:
    return id(self)


@method
def __contains__(self: Tensor, element: Any) -> bool:
    if not isinstance(element, Tensor | int | float | complex | np.generic):
        raise RuntimeError(
            f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
        )
    found: Any = self == element
    return bool(found.any().item())


@method
def __delitem__(self: Tensor, index: Any) -> None:
    raise TypeError("Tensor does not support deleting items")


@method
def __array__(self: Tensor, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
    array = self.numpy()
    return array if dtype is None else array.astype(dtype, copy=False)


# so that `np.float64(2) * x` and `array * x` ask the tensor
Tensor.__array_priority__ = 1000  # type: ignore[attr-defined]


@method
def __array_wrap__(self: Tensor, array: Any, context: Any = None, return_scalar: bool = False) -> Tensor:
    """The outcome of a function of NumPy, as a tensor; truth values become uint8, as in PyTorch."""
    return from_numpy(np.asarray(array, np.uint8 if array.dtype == bool else None))


@method
def __getitem__(self: Tensor, index: Any) -> Tensor:
    return indexing.get(self, index)


@method
def __setitem__(self: Tensor, index: Any, value: Any) -> None:
    indexing.put(self, index, value)


@method
def __repr__(self: Tensor, *, tensor_contents: Any = None) -> str:
    from fnnet.torch.printing import tensor_text

    return tensor_text(self, tensor_contents)


@method
def __format__(self: Tensor, spec: str) -> str:
    if self._spec.ndim == 0 and self._spec.device is not META and type(self) is Tensor:
        return format(self.item(), spec)
    return object.__format__(self, spec)


Tensor.select, Tensor.narrow = indexing.select, indexing.narrow  # type: ignore[attr-defined]
Tensor.masked_select = indexing.masked_select  # type: ignore[attr-defined]


@method
def nonzero_static(self: Tensor, *, size: int, fill_value: int = -1) -> Tensor:
    """The first `size` places that are not zero, filled up with `fill_value`."""
    from fnnet.torch.function_forms import nonzero_static as of

    return of(self, size=size, fill_value=fill_value)


# ---------------------------------------------------------------------- in place


@method
def copy_(self: Tensor, src: Any, non_blocking: bool = False) -> Tensor:
    """Take the values of another tensor, broadcast and converted."""
    if not isinstance(non_blocking, bool):
        raise TypeError(
            f"copy_(): argument 'non_blocking' (position 2) must be bool, not {type(non_blocking).__name__}"
        )
    if isinstance(src, Tensor):
        if type(src._spec) is not Spec:
            raise RuntimeError(
                "copy_() between dense and sparse Tensors is not implemented! Found self type = "
                f"{self.type()} and src type = {src.type()}"
            )
        if src._spec.shape != self._spec.shape:
            both = broadcast_shapes(self._spec.shape, src._spec.shape)
            if both != self._spec.shape:
                raise RuntimeError(
                    f"output with shape {list(self.shape)} doesn't match the broadcast shape {list(both)}"
                )
        if src._spec.device is not self._spec.device:
            src = src.to(self._spec.device)
    indexing._assign(self, src, "CopyBackwards")
    return self


@method
def positive(self: Tensor) -> Tensor:
    """The tensor itself, as for `+x`. Raises RuntimeError for bool."""
    if self._spec.dtype is D.bool_:
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


setattr(Tensor, "__pos__", positive)  # noqa: B010


@method
def fill_(self: Tensor, value: Any) -> Tensor:
    """Set every element to a number."""
    if not isinstance(value, Tensor | bool | int | float | complex | np.generic):
        raise TypeError(
            f"fill_() received an invalid combination of arguments - got ({type(value).__name__}), but "
            "expected one of: (Tensor value), (Number value)"
        )
    if isinstance(value, Tensor) and value._spec.ndim:
        raise RuntimeError(
            f"fill_ only supports 0-dimension value tensor but got tensor with {value._spec.ndim} dimensions."
        )
    indexing._assign(self, value, "FillBackward3" if isinstance(value, Tensor) else "FillBackward2")
    return self


@method
def zero_(self: Tensor) -> Tensor:
    """Set every element to zero."""
    whole = self._steps is None and self._base is None and self._storage.value is not None
    if whole and not self._inference and not RECORD.immediate and not (MODE.enabled and self.requires_grad):
        self._storage.replace(filled(fill_plan(self._spec, 0)))
        self._counter.version += 1
        return self
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
            "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad "
            "attribute "
            "won't be populated during autograd.backward(). If you indeed want the .grad field to be "
            "populated "
            "for a non-leaf Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf "
            "Tensor "
            "by mistake, make sure you access the leaf Tensor instead. See "
            "github.com/pytorch/pytorch/pull/30531 "
            "for more information.",
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
                f"attempting to assign a gradient of size '{list(grad.shape)}' to a tensor of size "
                f"'{list(self.shape)}'. Please ensure that the gradient and the tensor are the same size"
            )
        if grad._spec.dtype is not self._spec.dtype:
            raise RuntimeError(
                f"attempting to assign a gradient with dtype '{c_name(grad.dtype)}' to a tensor with "
                f"grad_dtype '{cpp_name(self.dtype)}'. The gradient must match the tensor's grad_dtype "
                "(defaults to the tensor's dtype). You can set the tensor's grad_dtype attribute with a "
                "specific dtype, or None to allow any dtype. Set grad_dtype with caution. Diverging the "
                "dtypes of a tensor and its gradient may break downstream systems that assume they match."
            )
    self._grad = grad


def _type_name(value: Any) -> str:
    return value.__class__.__name__


def _del_grad(self: Tensor) -> None:
    self._grad = None


Tensor.grad = property(_get_grad, _set_grad, _del_grad, doc="The gradient.")  # type: ignore[attr-defined]
Tensor.register_hook = hooks.register_hook  # type: ignore[attr-defined]
_post_hook = hooks.register_post_accumulate_grad_hook
Tensor.register_post_accumulate_grad_hook = _post_hook  # type: ignore[attr-defined]
Tensor.retain_grad = hooks.retain_grad  # type: ignore[attr-defined]
Tensor.retains_grad = property(lambda self: self._retains)  # type: ignore[attr-defined]
Tensor.output_nr = property(lambda self: self._nr)  # type: ignore[attr-defined]


@method
def is_inference(self: Tensor) -> bool:
    """Whether the tensor was made in inference mode."""
    return self._inference
