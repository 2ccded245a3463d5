"""Tensors copied deeply and pickled: the values, the class and whether a gradient is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.torch import view
from fnnet.torch.storage import Storage
from fnnet.torch.tensor import Tensor, from_array


def _rebuilt(
    cls: type[Any] | None, values: Any, device: str, requires_grad: bool, further: dict[str, Any]
) -> Any:
    made = from_array(values, device)
    if cls is not None:
        plain, made = made, object.__new__(cls)
        made.__dict__.update(plain.__dict__)
    made.__dict__.update(further)
    return made.requires_grad_() if requires_grad else made


def _further(tensor: Any) -> dict[str, Any]:
    """Attributes that a class or a user has added."""
    own = set(Tensor.__annotations__) | set(vars(Tensor))
    return {name: value for name, value in tensor.__dict__.items() if name not in own}


def _reduce_ex(self: Any, protocol: Any) -> Any:
    values = np.asarray(self._value().read())
    cls = None if type(self) is Tensor else type(self)
    return _rebuilt, (cls, values, str(self.device), self.requires_grad, _further(self))


def _copy(self: Any) -> Any:
    """A leaf of the same class in the same memory, as PyTorch makes it from what it would pickle."""
    plain = self.detach()
    made = object.__new__(type(self))
    made.__dict__.update(plain.__dict__)
    made.__dict__.update(_further(self))
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
    made.__dict__.update(_further(self))
    if self._requires:
        made.requires_grad_()
    if self.grad is not None:
        made.grad = self.grad.__deepcopy__(memo)
    return made


Tensor.__reduce_ex__ = _reduce_ex  # type: ignore[method-assign]
setattr(Tensor, "__copy__", _copy)  # noqa: B010
setattr(Tensor, "__deepcopy__", _deepcopy)  # noqa: B010
