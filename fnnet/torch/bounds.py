"""Indices out of range are errors at the call, as in PyTorch, although the call is only recorded.

The pure functions check indices whose values they know. Here the values are looked at before the call is
recorded:
the range of a whole storage is computed once and kept, so that batches sliced from checked data cost
nothing. Where
the range does not clear them, the function itself is called on the values, and raises its own error.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fnnet.torch.dtypes import FLOATING
from fnnet.torch.mode import no_grad

if TYPE_CHECKING:
    from fnnet.torch.operation import Op
    from fnnet.torch.plan import Plan
    from fnnet.torch.record import Value
    from fnnet.torch.tensor import Tensor

BY_DIM = frozenset(
    (
        "gather",
        "index_select",
        "index_add",
        "index_copy",
        "index_fill",
        "scatter",
        "scatter_add",
        "scatter_reduce",
    )
)
"""Operations whose argument `index` counts along dimension `dim` of `input`."""

ROWS = frozenset(("embedding", "embedding_bag"))
CLASSES = frozenset(("cross_entropy", "nll_loss"))
INTEGER_DIVISIONS = frozenset(("floor_divide", "remainder", "fmod", "div"))
DIVISOR = -1
"""In place of an input: a Python number is the divisor of integers."""


def limit_of(name: str, arguments: dict[str, Any]) -> tuple[str, int] | None:
    """The argument that must stay below a limit, and the limit."""
    if name in BY_DIM and not isinstance(arguments.get("dim"), str):
        shape, dim = arguments["input"].spec.shape, arguments.get("dim", 0)
        return "index", shape[dim] if shape and -len(shape) <= dim < len(shape) else 1
    if name in ("take", "put"):
        return "index", arguments["input"].spec.numel
    if name in ROWS:
        return "input", arguments["weight"].spec.shape[0]
    if name == "adaptive_log_softmax":
        return "target", arguments["cutoffs"][-1]
    if name in CLASSES:
        shape = arguments["input"].spec.shape
        return ("target", shape[1 if len(shape) > 1 else 0]) if shape else None
    return None


def indices_of(name: str, bound: inspect.BoundArguments, order: dict[int, int]) -> tuple[int, int] | None:
    """Which tensor of a plan holds indices, and their limit."""
    found = limit_of(name, bound.arguments)
    if found is None:
        return None
    hole = bound.arguments.get(found[0])
    spec: Any = getattr(hole, "spec", None)
    if hole is None or not hasattr(spec, "dtype") or spec.dtype.category >= FLOATING:
        return None
    return order[hole.index], found[1]


def _range(value: Value) -> tuple[int, int]:
    if value.bounds is None:
        seen = np.asarray(value.read())
        value.bounds = (int(seen.min()), int(seen.max())) if seen.size else (0, -1)
    return value.bounds


def is_clear(tensor: Tensor, limit: int) -> bool:
    """Whether all values of the tensor lie in [0, limit)."""
    root = tensor._storage.value
    if root is not None and root.array is not None and not isinstance(root.array, jax.core.Tracer):
        low, high = _range(root)
        if low >= 0 and high < limit:
            return True
    value = tensor._value()
    if isinstance(value.array, jax.core.Tracer):
        return True
    low, high = _range(value)
    return low >= 0 and high < limit


def check(op: Op, plan: Plan, tensors: Sequence[Tensor], args: Sequence[Any], kwargs: dict[str, Any]) -> None:
    """Raise the function's error for indices out of range."""
    assert plan.indices is not None
    position, limit = plan.indices
    if position == DIVISOR:
        if op.bind(args, kwargs).arguments["other"] == 0:
            raise RuntimeError("ZeroDivisionError")
    elif not is_clear(tensors[position], limit):
        with no_grad():
            op.compute(args, kwargs)
