"""The old `Variable`: nowadays a tensor."""

from __future__ import annotations

from typing import Any

from fnnet.torch.creation import tensor
from fnnet.torch.mode import no_grad
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import warn


class _VariableMeta(type):
    def __instancecheck__(cls, other: object) -> bool:
        return isinstance(other, Tensor)


class Variable(metaclass=_VariableMeta):
    """`Variable(tensor)` is a tensor on the same memory, outside of the graph."""

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        if volatile:
            warn("volatile was removed and now has no effect. Use `with torch.no_grad():` instead.")
        if data is None:
            made: Any = tensor([])
        elif not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        else:
            with no_grad():
                made = data.detach()
        return made.requires_grad_() if requires_grad else made


def _creator(self: Tensor) -> Any:
    raise AttributeError("'Tensor' object has no attribute 'creator'")


Tensor.creator = property(_creator, doc="PyTorch before 0.2; now `grad_fn`.")  # type: ignore[attr-defined]
