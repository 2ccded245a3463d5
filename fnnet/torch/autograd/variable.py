"""torch.autograd.Variable, which has been a Tensor since PyTorch 0.4."""

from __future__ import annotations

import warnings
from typing import Any

from fnnet.torch.tensor import Tensor


class _Kind(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor)


class Variable(metaclass=_Kind):
    """`Variable(tensor, requires_grad=...)` is a leaf tensor on the same memory.

    Raises TypeError for what is not a tensor, ValueError for `volatile` together with `requires_grad`.
    """

    def __new__(cls, data: Any = None, requires_grad: bool = False, volatile: bool = False) -> Any:
        from fnnet.torch.creation import empty

        if volatile:
            if requires_grad:
                raise ValueError("Variable can't be volatile and require_grad at the same time!")
            warnings.warn(
                "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
                stacklevel=2,
            )
        if data is not None and not isinstance(data, Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        leaf = empty(0) if data is None else data.detach()
        return leaf.requires_grad_() if requires_grad else leaf
