"""Questions about tensors and dtypes, and PyTorch's constants."""

from __future__ import annotations

import math
from typing import Any

from fnnet.torch import promotion
from fnnet.torch.attach import method
from fnnet.torch.dtypes import dtype
from fnnet.torch.refusals import require_tensor
from fnnet.torch.spec import Size
from fnnet.torch.tensor import Tensor

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e


class layout:
    """torch.layout: how the elements of a tensor are held."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> Any:
        return _layout, (self._name,)


def _layout(name: str) -> layout:
    return strided if name == "strided" else LAYOUTS[name]


strided = layout("strided")
LAYOUTS = {
    name: layout(name)
    for name in ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged", "_mkldnn")
}
"""The other layouts. Of tensors here, some are in coordinates or compressed (CSR, CSC)."""


def is_tensor(obj: Any) -> bool:
    """Whether it is a tensor."""
    return isinstance(obj, Tensor)


def is_floating_point(input: Tensor) -> bool:
    """Whether the tensor's dtype is floating."""
    require_tensor("is_floating_point", input)
    return input.dtype.is_floating_point


def is_complex(input: Tensor) -> bool:
    """Whether the tensor's dtype is complex."""
    require_tensor("is_complex", input)
    return input.dtype.is_complex


def is_nonzero(input: Tensor) -> bool:
    """Whether a tensor of one element is not zero."""
    return bool(input)


def numel(input: Tensor) -> int:
    """The number of elements."""
    require_tensor("numel", input)
    return input._spec.numel


def _answer(name: str, *args: Any) -> bool:
    from fnnet.torch import call, declare

    return bool(call.call(declare.OPS[name], args, {}))


@method
def equal(input: Tensor, other: Tensor) -> bool:
    """Whether shapes and all elements are equal."""
    if not isinstance(other, Tensor):
        raise TypeError(f"equal(): argument 'other' (position 2) must be Tensor, not {type(other).__name__}")
    return _answer("equal", input, other)


@method
def allclose(
    input: Tensor, other: Tensor, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False
) -> bool:
    """Whether all elements are close. Raises RuntimeError for tensors of different dtypes."""
    require_tensor("allclose", other, "other", 2)
    if input.dtype is not other.dtype:
        names = [one.dtype.numpy.name.capitalize() for one in (input, other)]
        raise RuntimeError("{} did not match {}".format(*[_SPOKEN.get(name, name) for name in names]))
    return _answer("allclose", input, other, rtol, atol, equal_nan)


_SPOKEN = {"Float32": "Float", "Float64": "Double", "Int64": "Long", "Int32": "Int", "Float16": "Half"}


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape to which these shapes broadcast. Raises RuntimeError if there is none."""
    given = [(one,) if isinstance(one, int) else tuple(one) for one in shapes]
    result = [1] * max(map(len, given), default=0)
    for position, shape in enumerate(given):
        for dim in range(-1, -len(shape) - 1, -1):
            if shape[dim] not in (1, result[dim]):
                if result[dim] != 1:
                    raise RuntimeError(
                        f"Attempting to broadcast a dimension of length {shape[dim]} at {dim}! Mismatching "
                        f"argument at index {position} had {shape}; but expected shape should be "
                        f"broadcastable to {result}"
                    )
                result[dim] = shape[dim]
    return Size(result)


def result_type(tensor1: Any, tensor2: Any) -> dtype:
    """The dtype in which PyTorch computes on the two, tensors or numbers."""
    for one in (tensor1, tensor2):
        if not isinstance(one, Tensor | bool | int | float | complex):
            raise TypeError(
                "result_type() received an invalid combination of arguments - got "
                f"({type(tensor1).__name__}, {type(tensor2).__name__})"
            )
    return promotion.result_type(
        [
            (one.ndim, one.dtype) if isinstance(one, Tensor) else (None, type(one))
            for one in (tensor1, tensor2)
        ]
    )
