"""torch._foreach_*: an operation on each tensor of a list, as optimizers are written.

Private names of PyTorch that programs use. A record compiles its calls together in any case, so there is
nothing to gain here but the spelling.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from fnnet.torch.tensor import Tensor

__all__ = ["foreach"]

_UNARY = frozenset(
    (
        "abs", "acos", "asin", "atan", "ceil", "clone", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor",
        "frac", "lgamma", "log", "log10", "log1p", "log2", "max", "neg", "norm", "reciprocal", "round",
        "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc", "zero",
    )
)  # fmt: skip
_OTHER = {"add": "add", "sub": "sub", "mul": "mul", "div": "div", "pow": "pow", "lerp": "lerp",
          "copy": "copy", "addcmul": "addcmul", "addcdiv": "addcdiv",
          "maximum": "clamp_min", "minimum": "clamp_max",
          "clamp_min": "clamp_min", "clamp_max": "clamp_max", "mm": "mm"}  # fmt: skip
"""The method that does it."""
_NO_IN_PLACE = frozenset(("clone", "max", "norm", "mm"))
_IN_PLACE_ONLY = frozenset(("copy", "zero"))


def _same_length(first: Any, *others: Any) -> None:
    if not first:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in others:
        if len(first) != len(other):
            raise RuntimeError(
                f"Tensor lists must have the same number of tensors, got {len(first)} and {len(other)}"
            )


@cache
def foreach(name: str) -> Callable[..., Any] | None:
    """What `torch._foreach_<name>` does, or None if PyTorch has no such function."""
    in_place = name.endswith("_")
    base = name.removesuffix("_")
    known = base in _UNARY or base in _OTHER
    if not known or (in_place and base in _NO_IN_PLACE) or (not in_place and base in _IN_PLACE_ONLY):
        return None
    spelled = f"_foreach_{name}"
    method = _OTHER.get(base, base) + ("_" if in_place else "")
    function: Callable[..., Any]
    if base in ("addcmul", "addcdiv"):

        def ternary(self: Any, tensor1: Any, tensor2: Any, scalars: Any = None, *, value: Any = 1) -> Any:
            given = value if scalars is None else scalars
            _same_length(self, tensor1)
            _same_length(self, tensor2)
            values = given.tolist() if isinstance(given, Tensor) else given
            values = values if isinstance(values, list | tuple) else [values] * len(self)
            _same_length(self, values)
            each = zip(self, tensor1, tensor2, values, strict=True)
            made = tuple(getattr(t, method)(a, b, value=v) for t, a, b, v in each)
            return self if in_place else made

        function = ternary
    elif base in ("lerp", "copy", "mm"):

        def pairwise(self: Any, others: Any, *args: Any, **kwargs: Any) -> Any:
            _same_length(self, others)
            weights = next(iter((*args, *kwargs.values())), None)
            if base == "lerp":
                several = weights if isinstance(weights, list | tuple) else [weights] * len(self)
                _same_length(self, several)
                each = zip(self, others, several, strict=True)
                made = tuple(getattr(t, method)(other, weight) for t, other, weight in each)
            else:
                made = tuple(getattr(t, method)(other) for t, other in zip(self, others, strict=True))
            return self if in_place else made

        function = pairwise
    elif base in _UNARY:

        def unary(self: Any, *args: Any, **kwargs: Any) -> Any:
            if base == "norm":
                kwargs = {"p" if key == "ord" else key: value for key, value in kwargs.items()}
            made = tuple(getattr(t, method)(*args, **kwargs) for t in self)
            return self if in_place else made

        function = unary
    else:

        def binary(self: Any, other: Any, **kwargs: Any) -> Any:
            if isinstance(self, int | float):  # _foreach_pow(2.0, tensors)
                return tuple(self**t for t in other)
            others = other if isinstance(other, list | tuple) else [other] * len(self)
            _same_length(self, others)
            made = tuple(getattr(t, method)(o, **kwargs) for t, o in zip(self, others, strict=True))
            return self if in_place else made

        function = binary
    function.__name__ = function.__qualname__ = spelled
    function.__doc__ = f"`{method}` on each tensor of the list."
    return function
