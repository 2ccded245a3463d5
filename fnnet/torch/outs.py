"""What `out=` does: the result is put into the given tensor, which is resized if its shape is another."""

from __future__ import annotations

import warnings
from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch import indexing, return_types
from fnnet.torch.arrangement import by_columns
from fnnet.torch.dtypes import dtype
from fnnet.torch.memory_formats import contiguous_format
from fnnet.torch.mode import no_grad
from fnnet.torch.naming import NOT_SEEN
from fnnet.torch.operation import Op
from fnnet.torch.promotion import can_cast
from fnnet.torch.refusals import cpp_name
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor

_CONVERTING = frozenset(
    ("addr", "cholesky", "cholesky_inverse", "cholesky_solve", "geqrf",
     "kron", "ldexp", "linalg_cond", "linalg_matrix_power", "linalg_matrix_rank",
     "linalg_pinv", "linalg_tensorinv", "linalg_tensorsolve", "logical_and", "logical_not", "logical_or",
     "logical_xor", "logit", "logsumexp", "lu", "mean", "mvlgamma", "nanmean", "nansum", "normalize", "polar",
     "polygamma", "signbit", "square", "std", "var", "isneginf", "isposinf", "histogramdd", "equal")
)  # fmt: skip
_ITERATED = frozenset(
    ("abs", "bitwise_not", "ceil", "conj_physical", "floor", "frac", "neg", "gelu", "hardshrink", "softplus",
     "softshrink", "round", "sgn", "sign", "trunc")
)  # fmt: skip
_BOOLEAN = frozenset(("signbit", "isneginf", "isposinf"))
_EXACT = frozenset(("matmul", "cross", "heaviside", "isin", "linalg_cross", "where"))
_KEEP_SHAPE = frozenset(("linspace", "logspace"))
_SILENT = frozenset(("linspace", "logspace", "eye", "logsigmoid", "narrow_copy"))
_EXTREMES = frozenset(("max", "min", "maximum", "minimum"))
_JOINING = frozenset(("cat", "concat", "stack", "hstack", "vstack", "dstack", "column_stack"))
_COLUMNS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("linalg_cholesky", "linalg_cholesky_ex", "linalg_inv", "inverse", "linalg_inv_ex"), (0,)
    ),
    **dict.fromkeys(("linalg_solve", "linalg_solve_ex", "linalg_solve_triangular", "lu_solve"), (0,)),
    **dict.fromkeys(("linalg_lu_solve", "linalg_lu_factor", "linalg_lu_factor_ex", "svd"), (0,)),
    **dict.fromkeys(("linalg_ldl_factor", "linalg_ldl_factor_ex", "linalg_ldl_solve"), (0,)),
    **dict.fromkeys(("linalg_qr", "qr", "triangular_solve"), (0, 1)),
    "linalg_svd": (0, 2),
    "linalg_eigh": (1,),
}
"""Matrices, by the place of the result, that LAPACK puts into a resized `out` column by column."""

_WORDS = {
    D.float64: "double", D.float32: "float", D.float16: "c10::Half", D.bfloat16: "c10::BFloat16",
    D.int64: "long int", D.int32: "int", D.int16: "short int", D.int8: "signed char",
    D.uint8: "unsigned char", D.bool_: "bool", D.complex64: "c10::complex<float>",
    D.complex128: "c10::complex<double>",
}  # fmt: skip


def converts(op: Op, several: bool = False) -> bool:
    """Whether PyTorch converts the result to the dtype of `out`; most operations want the dtype itself."""
    name = op.declared.name
    declared = op.declared
    if name in _EXTREMES:
        return not several
    return name in _CONVERTING or (name not in _EXACT and (bool(declared.promote) or declared.to_float))


def check(op: Op | None, name: str, result: dtype, out: dtype, several: bool = False) -> None:
    """Raise where PyTorch does not put a result of one dtype into a tensor of another."""
    if result is out:
        return
    if op is not None and op.declared.name in _JOINING and not can_cast(result, out):
        raise TypeError(f"torch.cat(): input types can't be cast to the desired output type {cpp_name(out)}")
    if op is not None and "fft" in op.declared.spellings and name != "ihfft":
        if result.category != out.category:
            kind = "complex" if result.is_complex else "floating point"
            raise RuntimeError(f"{name} expects a {kind} output tensor, but got {cpp_name(out)}")
        return
    if op is not None and op.declared.name in _BOOLEAN:
        raise RuntimeError(f"{name} does not support non-boolean outputs.")
    if op is not None and op.declared.name in _ITERATED:
        raise RuntimeError(f"Found dtype {cpp_name(out)} but expected {cpp_name(result)}")
    if op is not None and not converts(op, several):
        raise RuntimeError(
            f"Expected out tensor to have dtype {_WORDS.get(result, result.name)}, but got "
            f"{_WORDS.get(out, out.name)} instead"
        )
    if not can_cast(result, out):
        raise RuntimeError(
            f"result type {cpp_name(result)} can't be cast to the desired output type {cpp_name(out)}"
        )


def write_out(
    out: Any, result: Any, name: str, op: Op | None = None, silent: bool = False, place: int | None = None
) -> Any:
    """Put a result into the tensor (or tensors) given as `out=`; `silent` if resizing one is no warning."""
    if isinstance(out, tuple | list):
        for i, (one, value) in enumerate(zip(out, result, strict=True)):
            write_out(one, value, name, op, place=i)
        fields = getattr(result, "_fields", None)
        return return_types.type_of(f"{type(result).__name__}_out", fields)(*out) if fields else tuple(out)
    if not isinstance(out, Tensor):
        raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(out).__name__}")
    if type(out._spec) is not Spec or type(result._spec) is not Spec:
        raise NotImplementedError(f"fnnet.torch: out= of {name} with sparse tensors is not supported")
    seen = op is None or op.declared.name not in NOT_SEEN
    if seen and (out.requires_grad or result.requires_grad):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one "
            "of the arguments requires grad."
        )
    check(op, name, result.dtype, out.dtype, place is not None)
    if name in _KEEP_SHAPE and out._spec.numel == result._spec.numel:
        result = result.reshape(out.shape)
    if out._spec.shape != result._spec.shape:
        resize(out, result, silent or name in _SILENT, op is None or _keeps_order(op, out))
        if op is not None and (place or 0) in _COLUMNS.get(op.declared.name, ()):
            out._spec = out._storage.spec = by_columns(out._spec)
        return out
    with no_grad():
        indexing._assign(out, result, "CopyBackwards")
    return out


def _keeps_order(op: Op, out: Tensor) -> bool:
    """Whether a resized `out` lies in memory as the result: if it was empty, or by elementwise operations."""
    if op.declared.promote or op.declared.to_float:
        return True
    return not out._spec.numel and op.declared.name not in ("cholesky", "cholesky_solve")


def resize(out: Tensor, result: Tensor, silent: bool = False, keeps: bool = True) -> None:
    """Give `out` the shape and values of `result`, as PyTorch resizes a tensor given as out=.

    It takes over the memory order of the result if it `keeps` it, and is row-major otherwise.
    """
    if out._spec.numel and not silent:
        warnings.warn(
            f"An output with one or more elements was resized since it had shape {list(out.shape)}, which "
            f"does not match the required output shape {list(result.shape)}. This behavior is deprecated, "
            "and in a future PyTorch release outputs will not be resized unless they have zero elements. You "
            "can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with "
            "t.resize_(0).",
            UserWarning,
            stacklevel=4,
        )
    made = result.to(out.dtype)
    if made is result:
        made = result.clone() if keeps else result.clone(memory_format=contiguous_format)
    elif not keeps:
        made = made.contiguous()
    out._storage, out._spec, out._steps, out._starts = made._storage, made._spec, None, ()
    out._counter.version += 1
