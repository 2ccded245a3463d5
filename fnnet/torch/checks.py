"""torch._assert and torch._check: conditions that a program states; and PyTorch's symbolic numbers by name.

Sizes here are Python's integers, so that what PyTorch does to symbolic ones is done to numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fnnet.torch.missing import refusal
from fnnet.torch.tensor import Tensor

__all__ = ["CHECKS"]

Message = Callable[[], str] | None
_NO_MESSAGE = (
    "Expected cond to be True, but got False. (Could this error message be improved? If so, please report an "
    "enhancement request to PyTorch.)"
)


def _fail(kind: type[Exception], cond: Any, message: Message) -> None:
    if isinstance(cond, Tensor):
        raise TypeError(
            "cond must be a bool, but got a Tensor. For tensor conditions, use torch._check_tensor_all() to "
            "assert that all elements are true."
        )
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    text: Any = _NO_MESSAGE
    if message is not None:
        if not callable(message):
            raise TypeError("message must be a callable")
        text = message()
    raise kind(str(text))


def _checker(name: str, kind: type[Exception]) -> Callable[..., None]:
    def check(cond: Any, message: Message = None) -> None:
        _fail(kind, cond, message)

    check.__name__ = check.__qualname__ = name
    check.__doc__ = f"Raise {kind.__name__} with the text of `message()` unless the condition holds."
    return check


def _assert(condition: Any, message: Any) -> None:
    """The assert statement as a function."""
    assert condition, message


def _assert_async(condition: Tensor, assert_msg: str | None = None) -> None:
    """Raise RuntimeError if the tensor's one element is zero. The value is read here, at once."""
    if condition.numel() != 1:
        raise RuntimeError("Expected Tensor with single nonzero value, but got no or several values")
    if not bool(condition):
        raise RuntimeError(assert_msg or "Expected Tensor with single nonzero value, but got zero")


def _check_with(error_type: Any, cond: Any, message: Message) -> None:
    """Raise an error of this type unless the condition holds."""
    _fail(error_type, cond, message)


def _check_is_size(i: int, message: Message = None, *, max: int | None = None) -> None:
    """Raise RuntimeError unless it is a size: not negative, and not above `max`."""
    _fail(RuntimeError, i >= 0, message)
    if max is not None:
        _fail(RuntimeError, i <= max, message)


def _shape_as_tensor(self: Tensor) -> Tensor:
    from fnnet.torch.creation import tensor

    return tensor(list(self.shape))


def sym_int(a: Any) -> int:
    """int(a), rounded to zero."""
    return math.floor(a) if a >= 0 else math.ceil(a)


def sym_float(a: Any) -> float:
    """float(a)."""
    return float(a)


def sym_max(a: Any, b: Any) -> Any:
    """The larger number; a float if one of them is."""
    return type(a + b)(max(a, b))


def sym_min(a: Any, b: Any) -> Any:
    """The smaller number; a float if one of them is."""
    return type(a + b)(min(a, b))


def sym_not(a: Any) -> bool:
    """not a."""
    return not a


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """t if b, else f."""
    return t if b else f


def sym_sum(args: Any) -> Any:
    """The sum of numbers."""
    return sum(args)


def sym_sqrt(a: Any) -> float:
    """The square root of a number."""
    return math.sqrt(a)


_SYMBOLIC = "sizes of fnnet's tensors are Python integers"
CHECKS: dict[str, Any] = {
    "_assert": _assert, "_assert_async": _assert_async, "_check_with": _check_with,
    "_check_is_size": _check_is_size, "_shape_as_tensor": _shape_as_tensor, "sym_int": sym_int,
    "sym_float": sym_float, "sym_max": sym_max, "sym_min": sym_min, "sym_not": sym_not, "sym_ite": sym_ite,
    "sym_sum": sym_sum, "sym_sqrt": sym_sqrt,
}  # fmt: skip
"""What `torch` has of these, by name."""

for _name, _kind in (
    ("_check", RuntimeError), ("_check_index", IndexError), ("_check_value", ValueError),
    ("_check_type", TypeError), ("_check_not_implemented", NotImplementedError),
):  # fmt: skip
    CHECKS[_name] = _checker(_name, _kind)
for _name in ("SymInt", "SymFloat", "SymBool"):
    CHECKS[_name] = refusal(f"torch.{_name}", _SYMBOLIC)
CHECKS["TensorType"] = refusal("torch.TensorType")  # which annotations name
CHECKS["PyTorchFileReader"] = refusal("torch.PyTorchFileReader", "torch.load reads files")
