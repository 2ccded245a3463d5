"""Wrong calls that can be told from the kinds of the arguments: what is no tensor, and refused dtypes.

A call is looked at once, when its plan is made. What kind of argument stands where is read off the
annotations of the pure function; which dtypes PyTorch's kernels refuse was recorded from PyTorch.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from fnnet.functional.refusal import check_kinds as check_kinds
from fnnet.torch import dtypes as D

if TYPE_CHECKING:
    from fnnet.torch.spec import Spec

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
    **dict.fromkeys(
        ("cross", "linalg_cross", "einsum", "cdist", "grid_sample"),
        "expected scalar type {First} but found {Other}",
    ),
    **dict.fromkeys(
        ("linalg_solve", "linalg_solve_ex", "linalg_tensorsolve"),
        "linalg.solve: Expected A and B to have the same dtype, but found A of type {First} and B of type "
        "{Other} instead",
    ),
    "linalg_lstsq": "torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's "
    "dtype {First} and other's dtype {Other}",
    "linalg_householder_product": "torch.linalg.householder_product: tau dtype {Other} does not match input "
    "dtype {First}",
    "cholesky_solve": "Expected b and A to have the same dtype, but found b of type {First} and A of type "
    "{Other} instead.",
    "prelu": "prelu: Type promoting not supported. Got {First} and {Other}",
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
_LONG = (D.int64,)
_INTS = (D.int64, D.int32)
_OF_INTS = "{name}(): Expected dtype int32/int64 for index"
_OF_LONG = "{name}(): Expected a long tensor for index, but got {Dtype}"
_LOOKED_UP = (
    "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
    "{tensor} instead (while checking arguments for {name})"
)

_OF_VECTORS = ("index_select", "index_fill", "index_copy")
_INDICES: dict[str, tuple[str, tuple[D.dtype, ...], type[Exception], str]] = {
    "index_select": ("index", _INTS, RuntimeError, "{name}(): Expected dtype int32 or int64 for index"),
    "gather": ("index", _INTS, RuntimeError, _OF_INTS),
    **dict.fromkeys(
        ("scatter", "scatter_add", "scatter_reduce"),
        ("index", _INTS, RuntimeError, _OF_INTS.format(name="scatter")),
    ),
    "index_fill": ("index", _LONG, IndexError, "index_fill_(): Expected dtype int64 for index."),
    **dict.fromkeys(
        ("index_add", "index_reduce"),
        ("index", _INTS, RuntimeError, _OF_INTS.replace("()", "_()") + " but got: {Dtype}"),
    ),
    **dict.fromkeys(("index_copy", "put"), ("index", _LONG, RuntimeError, _OF_LONG.replace("()", "_()"))),
    "take": ("index", _LONG, RuntimeError, _OF_LONG),
    "take_along_dim": (
        "indices", _LONG, RuntimeError, "torch.{name}(): dtype of indices should be Long but got {Dtype}"
    ),
    "one_hot": (
        "tensor", _LONG, RuntimeError, "one_hot is only applicable to index tensor of type LongTensor."
    ),
    "nll_loss": (
        "target", (D.int64, D.uint8), RuntimeError,
        "expected target dtype to be Long or Byte, but got {Dtype}",
    ),
    "embedding": ("input", _INTS, RuntimeError, _LOOKED_UP),
    "embedding_bag": ("input", _INTS, RuntimeError, _LOOKED_UP),
}  # fmt: skip
"""Which argument of an operation holds indices, of which dtypes, and what is said of another."""


def check_targets(name: str, tensors: list[tuple[str, D.dtype]], specs: list[Spec]) -> None:
    """Raise RuntimeError for targets, weights and sources whose dtype does not go with the input's."""
    kinds = dict(tensors)
    target, input = kinds.get("target"), kinds.get("input")
    indices = _INDICES.get(name)
    if indices is not None:
        argument, allowed, error, text = indices
        given = kinds.get(argument)
        matrix = name in _OF_VECTORS and specs[list(kinds).index(argument)].ndim > 1  # which is said first
        if given is not None and given not in allowed and not matrix:
            cpp = cpp_name(given)
            tensor = "CPUBoolType" if given is D.bool_ else f"torch.{cpp}Tensor"
            raise error(text.replace("{name}", name).replace("{Dtype}", cpp).replace("{tensor}", tensor))
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
    elif name in _SAME_Q and input in (D.float16, D.bfloat16):
        raise RuntimeError("quantile() input tensor must be either float or double dtype")
    elif name == "put" and input is not None and kinds.get("source") is not input:
        raise RuntimeError(
            "put_(): self and source expected to have the same dtype, but got self.dtype = "
            f"{cpp_name(input)} and source.dtype = {cpp_name(kinds['source'])}"
        )
    elif name == "smooth_l1_loss" and input is not None and target is not None:
        kind = next((one for one in (input, target) if one.is_complex), input)
        if kind.is_complex or not (input.is_floating_point or target.is_floating_point):
            raise NotImplementedError(f"\"smooth_l1_cpu\" not implemented for '{cpp_name(kind)}'")
    elif name == "kl_div" and target is not None and not target.is_floating_point:
        what = "Complex" if target.is_complex else "Integral"
        raise RuntimeError(f"kl_div: {what} inputs not supported.")
    elif name == "binary_cross_entropy_with_logits" and target is not None and input is not None:
        if target is D.bool_:
            raise RuntimeError(
                "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
                "`logical_xor()` operator instead."
            )
        if not target.is_floating_point and input.is_floating_point:
            raise RuntimeError(
                f"result type {cpp_name(input)} can't be cast to the desired output type {cpp_name(target)}"
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
