"""PyTorch's type promotion: tensors with dimensions count before 0-d tensors, and those before Python
numbers.

Source: https://docs.pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
"""

from __future__ import annotations

from functools import cache
from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch.dtypes import BOOL, COMPLEX, FLOATING, dtype
from fnnet.torch.refusals import cpp_name

_UNSIGNED = (D.uint16, D.uint32, D.uint64)


def _require(function: str, **kinds: Any) -> None:
    for position, (name, kind) in enumerate(kinds.items(), 1):
        if not isinstance(kind, dtype):
            raise TypeError(
                f"{function}(): argument '{name}' (position {position}) must be torch.dtype, not "
                f"{type(kind).__name__}"
            )


@cache
def promote_types(type1: dtype, type2: dtype) -> dtype:
    """The smallest dtype that holds both. Raises RuntimeError where PyTorch defines none."""
    _require("promote_types", type1=type1, type2=type2)
    if type1 is type2:
        return type1
    if any(one.name.startswith("float8") for one in (type1, type2)):
        names = " and ".join(cpp_name(one) for one in (type1, type2))
        raise RuntimeError(f"Promotion for Float8 Types is not supported, attempted to promote {names}")
    low, high = sorted((type1, type2), key=lambda one: (one.category, one.itemsize))
    if high.category == COMPLEX:
        return D.complex128 if D.float64 in (low, high) or D.complex128 in (low, high) else D.complex64
    if high.category == FLOATING:
        return D.float32 if low.category == FLOATING and low.itemsize == high.itemsize else high
    if low.category == BOOL or (low.is_signed == high.is_signed and low.category == high.category):
        return high
    if low in _UNSIGNED or high in _UNSIGNED:
        raise RuntimeError(
            f"Promotion for uint16, uint32, uint64 types is not supported, attempted to "
            f"promote {type1.name} and {type2.name}"
        )
    if low.itemsize == high.itemsize:
        return D.int16
    return high


def of_number(number_type: type) -> dtype:
    """The dtype that a Python number has on its own."""
    if number_type is bool:
        return D.bool_
    if number_type is int:
        return D.int64
    return D.get_default_dtype() if number_type is float else D.get_default_dtype().to_complex()


def _combine(higher: dtype | None, lower: dtype | None) -> dtype | None:
    if higher is None or lower is None:
        return higher or lower
    if higher.category == COMPLEX:
        return higher
    if higher.category == FLOATING:
        return higher.to_complex() if lower.category == COMPLEX else higher
    if higher is D.bool_ or lower.category >= FLOATING:
        return promote_types(higher, lower)
    return higher


def result_type(arguments: list[tuple[int | None, Any]]) -> dtype:
    """The dtype in which PyTorch computes.

    Args:
        arguments: pairs (number of dimensions, dtype) for tensors, (None, type) for Python numbers.
    """
    groups: list[dtype | None] = [None, None, None]
    for ndim, kind in arguments:
        group = 2 if ndim is None else 0 if ndim else 1
        own = of_number(kind) if ndim is None else kind
        before = groups[group]
        groups[group] = own if before is None else promote_types(before, own)
    result = _combine(groups[0], _combine(groups[1], groups[2]))
    assert result is not None
    return result


def can_cast(from_: dtype, to: dtype) -> bool:
    """Whether a result of one dtype may be stored in a tensor of the other, as `torch.can_cast`."""
    _require("can_cast", from_=from_, to=to)
    if from_.category > to.category:
        return False
    return not (from_.category != BOOL and to.category == BOOL)
