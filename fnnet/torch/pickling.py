"""Tensors copied deeply and pickled: the values, the class and whether a gradient is wanted."""

from __future__ import annotations

from typing import Any

import numpy as np

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


def _deepcopy(self: Any, memo: dict[int, Any]) -> Any:
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
            "moment.  If you were attempting to deepcopy a module, this may be because of a torch.nn.utils."
            "weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
        )
    copied = self.detach().clone()
    made = memo[id(self)] = object.__new__(type(self))
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
