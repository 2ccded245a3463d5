"""Tensors that a module owns: parameters and buffers."""

from __future__ import annotations

from typing import Any, cast

from fnnet.torch.creation import empty, finish
from fnnet.torch.shared import register
from fnnet.torch.tensor import Tensor, alias

__all__ = ["Buffer", "Parameter"]


def _adopt(cls: type[Any], data: Any) -> Any:
    """A tensor of class `cls` on the memory of `data`, outside of the graph."""
    if data is None:
        data = empty(0)
    if not isinstance(data, Tensor):
        raise TypeError(f"{cls.__name__}: expected a Tensor, got {type(data).__name__}")
    made = object.__new__(cls)
    made.__dict__.update(alias(data).__dict__)
    return made


class Parameter(Tensor):
    """A tensor that a module trains: a leaf that shares the memory of the tensor it is made of."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True, **attributes: Any) -> Parameter:
        for name in attributes:  # accelerate gives a __dict__, where PyTorch has nothing of its own
            if name not in Tensor.__annotations__ and name not in vars(Tensor):
                raise TypeError(f"Parameter.__new__() got an unexpected keyword argument '{name}'")
        made = cast(Parameter, _adopt(cls, data))
        return cast(Parameter, finish(made, requires_grad))

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        plain: Any = super()  # its methods are attached
        return "Parameter containing:\n" + str(plain.__repr__(tensor_contents=tensor_contents))


def __getattr__(name: str) -> Any:
    """The tensors without a shape, which PyTorch has in this module too."""
    from fnnet.torch.nn import uninitialized

    if name in uninitialized.__all__:
        return getattr(uninitialized, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class Buffer(Tensor):
    """A tensor that is part of a module's state but not trained."""

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        made = cast(Buffer, _adopt(cls, data))
        made.persistent = persistent
        return made


register(Parameter)
register(Buffer)
