"""PyTorch's names of what a profile shows (`aten::matmul` for `x @ y`), and what an operation costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import EllipsisType
from typing import Any

from fnnet.torch.tensor import Tensor

__all__ = ["TENSOR_METHODS", "TORCH_FUNCTIONS", "aten_of", "flops_of", "index_names"]

_DTYPES = ("float", "double", "half", "bfloat16", "long", "int", "short", "char", "byte", "bool")
_OTHER = {
    "cross_entropy": "cross_entropy_loss", "nll_loss": "nll_loss_nd", "norm": "linalg_vector_norm",
    "logsigmoid": "log_sigmoid", "inverse": "linalg_inv",
    **dict.fromkeys(("type", "cpu", "cuda", *_DTYPES), "to"),
}  # fmt: skip
"""Operations and methods that PyTorch shows under another name than that by which programs call them."""

TENSOR_METHODS = (
    "to", "clone", "detach", "detach_", "item", "copy_", "zero_", "fill_", "normal_", "uniform_", "random_",
    "bernoulli_", "exponential_", "log_normal_", "cauchy_", "geometric_", "new_zeros", "new_ones", "new_full",
    "new_empty", "expand_as", "type_as", "masked_select", "select", "narrow", "is_nonzero", "index_put_",
    "type", "cpu", "cuda", *_DTYPES,
)  # fmt: skip
TORCH_FUNCTIONS = (
    "randn", "rand", "randint", "randperm", "normal", "bernoulli", "multinomial", "poisson", "zeros", "ones",
    "full", "empty", "arange", "zeros_like", "ones_like", "full_like", "empty_like", "rand_like",
    "randn_like", "randint_like", "masked_select", "select", "narrow", "allclose", "equal", "is_nonzero",
    "segment_reduce",
)  # fmt: skip
"""Functions and methods that are no declared operations but show in a profile."""


def aten_of(name: str, values: Sequence[Any] = ()) -> str:
    """What PyTorch calls the operation that a program calls `name`, with these arguments."""
    if name == "sub" and values and not isinstance(values[0], Tensor):
        name = "rsub"
    return "aten::" + _OTHER.get(name, name)


def index_names(index: Any) -> list[str]:
    """What PyTorch shows of `x[index]`."""
    items = index if isinstance(index, tuple) else (index,)
    names = []
    advanced = False
    for one in items:
        if isinstance(one, bool):
            advanced = True
        elif isinstance(one, int):
            names.append("aten::select")
        elif isinstance(one, slice):
            names += [] if one == slice(None) else ["aten::slice"]
        elif one is None:
            names.append("aten::unsqueeze")
        elif not isinstance(one, EllipsisType):
            advanced = True
    if not advanced and not names:
        return ["aten::alias"]
    return names + ["aten::index"] * advanced


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value._spec.shape) if isinstance(value, Tensor) else ()


def flops_of(name: str, args: Sequence[Any], result: Any) -> int:
    """How many additions and multiplications of numbers it takes: 0 but for products, `mul` and `add`.

    The count of PyTorch's profiler, from the same shapes.
    """
    shapes = [_shape(one) for one in args]
    if name in ("mm", "matmul", "bmm", "linear") and len(shapes) > 1 and shapes[0] and shapes[1]:
        return 2 * math.prod(_shape(result)) * shapes[0][-1]
    if name in ("addmm", "baddbmm") and len(shapes) > 2 and shapes[1]:
        return 2 * math.prod(_shape(result)) * shapes[1][-1]
    if name in ("conv1d", "conv2d", "conv3d") and len(shapes) > 1 and shapes[1]:
        return 2 * math.prod(_shape(result)) * math.prod(shapes[1][1:])
    if name in ("add", "mul"):
        return math.prod(_shape(result))
    return 0
