"""Tensors copied and pickled: the memory, the place in it, the class and whether a gradient is wanted."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np

from fnnet.torch import view
from fnnet.torch.spec import Spec, contiguous_strides
from fnnet.torch.storage import Storage
from fnnet.torch.tensor import Tensor, from_array

_UNWRITTEN = {"_post_accumulate_hooks"}


def added(tensor: Any) -> dict[str, Any]:
    """Attributes that a class or a user has given a tensor."""
    own = _UNWRITTEN | set(Tensor.__annotations__) | set(vars(Tensor))
    return {name: value for name, value in tensor.__dict__.items() if name not in own}


def linear(storage: Storage) -> np.ndarray[Any, Any]:
    """The elements of a storage in the order in which strides count them."""
    values, spec = np.asarray(storage.current().read()), storage.spec
    if not spec.contiguous:
        values = values.transpose(memory_order(spec))
    return np.ascontiguousarray(values).reshape(-1)


def memory_order(spec: Spec) -> list[int]:
    """The dimensions, those with the longest strides first."""
    return sorted(range(spec.ndim), key=lambda dim: (-spec.strides[dim], dim))


def lies_there(tensor: Any) -> bool:
    """Whether a tensor's strides say where its elements are in what `linear` gives."""
    root = tensor._storage.spec
    if not root.contiguous:
        order = memory_order(root)
        dense = contiguous_strides(tuple(root.shape[dim] for dim in order))
        if any(root.shape[dim] > 1 and root.strides[dim] != dense[place] for place, dim in enumerate(order)):
            return False
    if root.numel * root.dtype.itemsize % tensor.dtype.itemsize:
        return False
    return view.layout(tensor._steps or (), tensor._starts, root.shape, root.strides) is not None


def _rebuilt(
    cls: type[Any] | None,
    memory: Any,
    place: tuple[Any, ...] | None,
    mark: str | None,
    device: str,
    requires_grad: bool,
    further: dict[str, Any],
) -> Any:
    made = from_array(memory, device)
    if place is not None:
        made = made.as_strided(*place)
    if mark is not None:
        made = made.conj()
    if cls is not None:
        plain, made = made, object.__new__(cls)
        made.__dict__.update(plain.__dict__)
    made.__dict__.update(further)
    return made.requires_grad_() if requires_grad else made


def _reduce_ex(self: Any, protocol: Any) -> Any:
    """The whole memory and the place in it, as PyTorch pickles a tensor; each has memory of its own."""
    warn_of_hooks(self)
    mark, place = view.marked(self._steps), None
    if not self.is_meta and lies_there(self) and mark != "neg":
        memory = linear(self._storage).view(self.dtype.numpy)
        place = (tuple(self.shape), tuple(self.stride()), self.storage_offset())
        if memory.shape == place[0] and place[1:] == ((1,), 0):
            place = None
    else:
        memory, mark = np.asarray(self._value().read()), None
    cls = None if type(self) is Tensor else type(self)
    return _rebuilt, (cls, memory, place, mark, str(self.device), self.requires_grad, added(self))


def warn_of_hooks(tensor: Any) -> None:
    """Warn, as PyTorch does, that hooks are left out of pickles and files."""
    for hook in list((tensor._hooks or {}).values()):
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can "
                "decorate the function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )


def _copy(self: Any) -> Any:
    """A leaf of the same class in the same memory, as PyTorch makes it from what it would pickle."""
    plain = self.detach()
    made = object.__new__(type(self))
    made.__dict__.update(plain.__dict__)
    made.__dict__.update(added(self))
    return made.requires_grad_() if self.requires_grad else made


def _copied_storage(storage: Storage, memo: dict[int, Any]) -> Storage:
    """The copy of what several tensors share: their copies share it."""
    made: Storage | None = memo.get(id(storage))
    if made is None:
        root = object.__new__(Tensor)
        root._spec, root._storage, root._counter = storage.spec, storage, storage
        made = memo[id(storage)] = root.clone()._storage
    return made


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils."
            "weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
        )
    from fnnet.torch.nn.parameter import Parameter

    if isinstance(self, Parameter):  # memory of its own, and no gradient
        made = memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return made
    copied = self.detach()
    made = memo[id(self)] = object.__new__(type(self))
    storage = _copied_storage(self._storage, memo)
    if storage.spec is self._storage.spec and view.marked(self._steps) is None:
        copied._storage = copied._counter = storage
        copied._cache = None
    else:  # what it shows lies nowhere
        copied = copied.clone()
    made.__dict__.update(copied.__dict__)
    made.__dict__.update(copy.deepcopy(added(self), memo))
    if self._requires:
        made.requires_grad_()
    if self.grad is not None:
        made.grad = self.grad.__deepcopy__(memo)
    return made


Tensor.__reduce_ex__ = _reduce_ex  # type: ignore[method-assign]
setattr(Tensor, "__copy__", _copy)  # noqa: B010
setattr(Tensor, "__deepcopy__", _deepcopy)  # noqa: B010
