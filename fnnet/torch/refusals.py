"""Wrong calls that can be told from the kinds of the arguments: what is no tensor, and refused dtypes.

A call is looked at once, when its plan is made. What kind of argument stands where is read off the
annotations of the pure function; which dtypes PyTorch's kernels refuse was recorded from PyTorch.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np

from fnnet.functional.refusal import check_kinds as check_kinds
from fnnet.torch import dtypes as D

_LABELS = {D.BOOL: "bool", D.INTEGER: "integer", D.FLOATING: "floating", D.COMPLEX: "complex"}
_BY_INPUT = frozenset(("lerp",))
"""Operations that refuse their input's dtype, whatever the other arguments are."""

_OF_PICTURES = frozenset(("interpolate", "upsample", "upsample_nearest", "upsample_bilinear"))
"""Operations that refuse integers, but take pictures of bytes."""

_SAME_AS = {"cross_entropy": "log_softmax", "gumbel_softmax": "softmax"}
"""Operations that PyTorch composes, and the first in them that refuses a dtype."""

CPP_NAMES = {
    "float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long", "int32": "Int",
    "int16": "Short", "int8": "Char", "uint8": "Byte", "bool": "Bool", "bfloat16": "BFloat16",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip

_SAME_DTYPE = {
    "lerp": "expected dtype {first} for `{argument}` but got dtype {other}",
    "heaviside": "heaviside is not yet implemented for tensors with different dtypes.",
    "meshgrid": "meshgrid expects all tensors to have the same dtype",
    "cartesian_prod": "meshgrid expects all tensors to have the same dtype",
    "tensordot": "both inputs should have same dtype",
    **dict.fromkeys(("cross", "linalg_cross", "einsum"), "expected scalar type {First} but found {Other}"),
}
"""Operations that do not promote, and what they say of two dtypes (and of the other argument)."""

_ERRORS: dict[str, type[Exception]] = {
    "RuntimeError": RuntimeError,
    "NotImplementedError": NotImplementedError,
}


def cpp_name(kind: D.dtype) -> str:
    """PyTorch's C++ name of a dtype, which its messages use."""
    return CPP_NAMES.get(kind.name, kind.name.replace("float8", "Float8"))


@cache
def _refused() -> dict[str, dict[str, list[str]]]:
    text = Path(__file__).with_name("refused_dtypes.json").read_text(encoding="utf-8")
    return cast("dict[str, dict[str, list[str]]]", json.loads(text))


def check_dtype(name: str, input: D.dtype, common: D.dtype | None = None) -> None:
    """Raise PyTorch's error if its kernel of the operation refuses the dtype in which it would compute.

    That is `common`, to which the arguments are promoted, if there is one.
    """
    kind = input if common is None or name in _BY_INPUT else common
    if kind is D.uint8 and name in _OF_PICTURES:
        return
    name = _SAME_AS.get(name, name)
    found = _refused().get(name, {}).get(_LABELS[kind.category])
    if found is not None:
        raise _ERRORS[found[0]](found[1].replace("{}", cpp_name(kind)))


def check_same_dtype(name: str, tensors: list[tuple[str, D.dtype]]) -> None:
    """Raise RuntimeError if an operation that promotes nothing gets tensors, by argument, of two dtypes."""
    text = _SAME_DTYPE.get(name)
    if text is None:
        return
    for argument, kind in tensors[1:]:
        if kind is not tensors[0][1]:
            first = tensors[0][1]
            names = {"First": cpp_name(first), "Other": cpp_name(kind)}
            raise RuntimeError(
                text.format(first=c_name(first), argument=argument, other=c_name(kind), **names)
            )


def check_subtraction(name: str, sides: list[D.dtype | type | None]) -> None:
    """Raise RuntimeError if one side of a difference is boolean: a tensor of that dtype, or a Python bool."""
    if name in ("sub", "rsub") and (D.bool_ in sides or bool in sides) and set(sides) != {D.bool_}:
        raise RuntimeError(
            "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert "
            "a mask, use the `~` or `logical_not()` operator instead."
        )


_SAME_Q = ("quantile", "nanquantile")


def check_targets(name: str, tensors: list[tuple[str, D.dtype]]) -> None:
    """Raise RuntimeError for targets, weights and sources whose dtype does not go with the input's."""
    kinds = dict(tensors)
    target, input = kinds.get("target"), kinds.get("input")
    if name in ("cross_entropy", "nll_loss"):
        if target in (D.int32, D.int16, D.int8):
            raise RuntimeError(f"expected target dtype to be Long or Byte, but got {cpp_name(target)}")
        if kinds.get("weight", input) is not input and input is not None:
            raise RuntimeError(
                f"expected scalar type {cpp_name(input)} but found {cpp_name(kinds['weight'])}"
            )
    elif name == "index_copy" and input is not None and kinds.get("source") is not input:
        raise RuntimeError(
            "index_copy_(): self and source expected to have the same dtype, but got (self) "
            f"{cpp_name(input)} and (source) {cpp_name(kinds['source'])}"
        )
    elif name in _SAME_Q and kinds.get("q", input) is not input:
        raise RuntimeError("quantile() q tensor must be same dtype as the input tensor")
    elif name == "take" and kinds.get("index", D.int64) is not D.int64:
        raise RuntimeError(f"take(): Expected a long tensor for index, but got {cpp_name(kinds['index'])}")
    elif name == "take_along_dim" and kinds.get("indices", D.int64) is not D.int64:
        raise RuntimeError(
            f"torch.take_along_dim(): dtype of indices should be Long but got {cpp_name(kinds['indices'])}"
        )
    elif name == "ldexp" and kinds.get("other") is D.bool_ and input is not None and input.is_floating_point:
        raise NotImplementedError("\"ldexp_cpu_exp\" not implemented for 'Bool'")
    elif name == "binary_cross_entropy" and target is not input and target is not None and input is not None:
        raise RuntimeError(f"Found dtype {cpp_name(target)} but expected {cpp_name(input)}")


_C_NAMES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "int64": "long int", "int32": "int", "int16": "short int", "int8": "signed char",
    "uint8": "unsigned char", "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


def c_name(kind: D.dtype) -> str:
    """The name of a dtype in C, which some messages use."""
    """The name of a dtype in C++ itself, which other messages use."""
    return _C_NAMES.get(kind.name, kind.name)


def require_tensor(name: str, value: Any, argument: str = "input", position: int = 1) -> None:
    """Raise TypeError for an argument that is no tensor."""
    if not hasattr(value, "_spec"):
        kind = "numpy.ndarray" if isinstance(value, np.ndarray) else type(value).__name__
        raise TypeError(f"{name}(): argument '{argument}' (position {position}) must be Tensor, not {kind}")
