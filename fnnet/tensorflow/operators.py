"""Python's operators on Tensors and Variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.tensorflow import arrays
from fnnet.tensorflow import mathematics as m
from fnnet.tensorflow.graph import Operators, Tensor, convert_to_tensor, get_default_graph


def _both(
    name: str, function: Callable[..., Tensor], type: str
) -> tuple[Callable[..., Any], Callable[..., Any]]:
    def operate(self: Any, other: Any, reflected: bool) -> Any:
        with get_default_graph().name_scope(name) as scope:
            mine = convert_to_tensor(self)
            try:
                theirs = convert_to_tensor(other, dtype_hint=mine.dtype, name="x" if reflected else "y")
            except NotImplementedError:
                raise TypeError(
                    f"Input 'y' of '{type}' Op has type string that does not match type "
                    f"{mine.dtype.base_dtype.name} of argument 'x'."
                ) from None
            return function(theirs, mine, name=scope) if reflected else function(mine, theirs, name=scope)

    return (lambda self, other: operate(self, other, False), lambda self, other: operate(self, other, True))


def _logical(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def on_booleans(x: Tensor, y: Tensor, name: str) -> Tensor:
        if not x.dtype.is_bool:
            raise NotImplementedError("fnnet.tensorflow: bitwise operators of integers are not mirrored")
        return function(x, y, name=name)

    return on_booleans


for _name, _scope, _function, _type in (
    ("add", "add", m.add, "AddV2"),
    ("sub", "sub", m.subtract, "Sub"),
    ("mul", "mul", m.multiply, "Mul"),
    ("truediv", "truediv", m.truediv, "RealDiv"),
    ("floordiv", "floordiv", m.floordiv, "FloorDiv"),
    ("mod", "mod", m.mod, "FloorMod"),
    ("pow", "pow", m.pow, "Pow"),
    ("matmul", "matmul", m.matmul, "MatMul"),
    ("and", "and", _logical(m.logical_and), "LogicalAnd"),
    ("or", "or", _logical(m.logical_or), "LogicalOr"),
    ("xor", "xor", _logical(m.not_equal), "LogicalXor"),
):
    _plain, _reflected = _both(_scope, _function, _type)
    setattr(Operators, f"__{_name}__", _plain)
    setattr(Operators, f"__r{_name}__", _reflected)

for _name, _function in (("lt", m.less), ("le", m.less_equal), ("gt", m.greater), ("ge", m.greater_equal)):
    setattr(Operators, f"__{_name}__", _function)


def _unary(function: Callable[..., Tensor]) -> Callable[..., Any]:
    return lambda self: function(self)


for _name, _function in (("neg", m.negative), ("abs", m.abs), ("invert", m.logical_not)):
    setattr(Operators, f"__{_name}__", _unary(_function))

setattr(Operators, "__getitem__", lambda self, key: arrays.strided_slice(self, key))  # noqa: B010
