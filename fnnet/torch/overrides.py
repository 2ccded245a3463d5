"""torch.overrides: tensors here have no `__torch_function__`, and nothing overrides a function of fnnet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fnnet.torch.missing import refusals
from fnnet.torch.tensor import Tensor

_REFUSED = refusals(
    "torch.overrides",
    "handle_torch_function wrap_torch_function get_overridable_functions get_testing_overrides "
    "get_ignored_functions TorchFunctionMode",
    "tensors of fnnet have no __torch_function__",
)
globals().update(_REFUSED)
__all__ = ["has_torch_function", "is_tensor_like", "is_tensor_method_or_property", *_REFUSED]


def has_torch_function(relevant_args: Iterable[Any]) -> bool:
    """False: arguments cannot take over a call."""
    return False


def has_torch_function_unary(arg: Any) -> bool:
    """False, as `has_torch_function`."""
    return False


def has_torch_function_variadic(*args: Any) -> bool:
    """False, as `has_torch_function`."""
    return False


def is_tensor_like(inp: Any) -> bool:
    """Whether it is a tensor, or says that it is one by having `__torch_function__`."""
    return isinstance(inp, Tensor) or hasattr(type(inp), "__torch_function__")


def is_tensor_method_or_property(func: Any) -> bool:
    """Whether it is one of Tensor's methods."""
    return getattr(Tensor, getattr(func, "__name__", ""), None) is func
