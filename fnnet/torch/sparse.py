"""torch.sparse: functions of sparse tensors, and the old names of their types."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.functional import sparse as F
from fnnet.torch.creation import as_dtype
from fnnet.torch.missing import missing, refusals
from fnnet.torch.mode import _Context
from fnnet.torch.sparse_layouts.calls import out_of_place as out_of_place
from fnnet.torch.sparse_layouts.calls import summed
from fnnet.torch.sparse_layouts.compressed import CSR, CompressedTensor, coo_of
from fnnet.torch.sparse_layouts.making import _CHECKED, OLD_TYPES, spdiags
from fnnet.torch.sparse_layouts.products import product, sampled
from fnnet.torch.sparse_layouts.tensors import CooTensor, SparseTensor, coalesced, named, planned, refusal
from fnnet.torch.tensor import Tensor

globals().update(
    refusals(
        "torch.sparse",
        "spsolve as_sparse_gradcheck SparseSemiStructuredTensor SparseSemiStructuredTensorCUSPARSELT "
        "SparseSemiStructuredTensorCUTLASS to_sparse_semi_structured",
    )
)
globals().update(OLD_TYPES)

__all__ = [
    "addmm", "check_sparse_tensor_invariants", "log_softmax", "mm", "sampled_addmm", "softmax", "spdiags",
    "sum",
    *OLD_TYPES,
]  # fmt: skip


def _into(made: Any, out: Any) -> Any:
    if out is None:
        return made
    if isinstance(made, SparseTensor) or isinstance(out, SparseTensor):
        raise NotImplementedError("fnnet.torch: out= of a function of torch.sparse is not supported")
    from fnnet.torch.outs import write_out

    return write_out(out, made, "mm")


def mm(mat1: Any, mat2: Any, reduce: Any = None, *, out: Any = None) -> Any:
    """The product of two matrices, of which at least one is sparse; sparse if both are."""
    if reduce is not None:
        raise NotImplementedError("fnnet.torch: torch.sparse.mm with `reduce` is not supported")
    if not isinstance(mat1, SparseTensor) and not isinstance(mat2, SparseTensor):
        return _into(mat1.mm(mat2), out)
    return _into(product(mat1, mat2, "SparseAddmmBackward0"), out)


def addmm(mat: Any, mat1: Any, mat2: Any, *, beta: Any = 1.0, alpha: Any = 1.0, out: Any = None) -> Any:
    """`beta * mat + alpha * (mat1 @ mat2)`, mat1 being sparse and the others strided."""
    made = product(mat1, mat2, "SparseAddmmBackward0")
    if isinstance(mat, SparseTensor) or isinstance(made, SparseTensor):
        raise refusal("_sparse_addmm", mat1)
    scaled = mat if beta == 1 else mat * beta
    total = scaled.expand(made.shape) + (made if alpha == 1 else made * alpha)
    return _into(named(total, "SparseAddmmBackward0"), out)


def sampled_addmm(
    input: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1.0, alpha: Any = 1.0, out: Any = None
) -> Any:
    """`beta * input + alpha * (mat1 @ mat2)` at the places where the matrix `input`, by rows, has entries."""
    if not isinstance(input, CompressedTensor) or input.layout is not CSR:
        if isinstance(input, SparseTensor):
            raise refusal("sparse_sampled_addmm", input)
        raise RuntimeError("sampled_addmm: Expected self to have sparse csr layout")
    if mat1.ndim != 2 or mat2.ndim != 2 or mat1.shape[1] != mat2.shape[0]:
        raise RuntimeError(
            f"sampled_addmm: mat1 and mat2 shapes cannot be multiplied ({'x'.join(map(str, mat1.shape))} and "
            f"{'x'.join(map(str, mat2.shape))})"
        )
    if (mat1.shape[0], mat2.shape[1]) != tuple(input.shape):
        raise RuntimeError(
            f"sampled_addmm: self.shape[-2:] must match the product's {[mat1.shape[0], mat2.shape[1]]}, got "
            f"{list(input.shape)}"
        )
    if mat1.dtype is not input.dtype or mat2.dtype is not input.dtype:
        raise RuntimeError("sampled_addmm: Expected mat1 and mat2 to have the dtype of self")
    values = input._numbers * beta + sampled(coo_of(input), mat1, mat2) * alpha
    return _into(input._with(named(values, "SparseSampledAddmmBackward0")), out)


def sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of all entries, or over some dimensions: then sparse if a sparse dimension is left."""
    if not isinstance(input, CooTensor):
        if isinstance(input, SparseTensor):
            return input.sum() if dim is None else input.sum(dim)
        raise RuntimeError("Could not run 'aten::_sparse_sum' with arguments from the 'CPU' backend.")
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return summed(input, dims or None, as_dtype(dtype))


def _softmax(input: Any, dim: int, dtype: Any, log: bool) -> Any:
    if not isinstance(input, CooTensor):
        name = "_sparse_log_softmax" if log else "_sparse_softmax"
        if isinstance(input, SparseTensor):
            raise refusal(name, input)
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the 'CPU' backend.")
    whole = coalesced(input if dtype is None else input.to(as_dtype(dtype)))
    node = "SparseLogSoftmaxBackward0" if log else "SparseSoftmaxBackward0"
    values = planned(
        F.coo_softmax, node, whole._places, whole._numbers, size=tuple(whole._spec.shape), dim=dim, log=log
    )
    return whole._with(values)


def softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The softmax along a dimension, as if what has no entry were minus infinity."""
    return _softmax(input, dim, dtype, False)


def log_softmax(input: Any, dim: int, *, dtype: Any = None) -> Any:
    """The logarithm of `softmax`."""
    return _softmax(input, dim, dtype, True)


class check_sparse_tensor_invariants(_Context):
    """Whether each new sparse tensor is checked: a context manager, a decorator, and a switch."""

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved: bool | None = None

    @staticmethod
    def is_enabled() -> bool:
        """Whether it is on."""
        return _CHECKED[0]

    @staticmethod
    def enable() -> None:
        """Turn it on."""
        _CHECKED[0] = True

    @staticmethod
    def disable() -> None:
        """Turn it off."""
        _CHECKED[0] = False

    def __enter__(self) -> None:
        if self.saved is not None:
            raise RuntimeError(
                "This context manager instance is already activated. Use a different context manager "
                "instance "
                "for context nesting."
            )
        self.saved, _CHECKED[0] = _CHECKED[0], self.state

    def __exit__(self, *error: object) -> None:
        _CHECKED[0], self.saved = bool(self.saved), None

    def clone(self) -> check_sparse_tensor_invariants:
        """A fresh one, for one call of a decorated function."""
        return check_sparse_tensor_invariants(self.state)


def __getattr__(name: str) -> Any:
    raise missing("torch.sparse", name)


_Any = Callable[..., Any]
