"""What the operations do with tensors in coordinates and compressed ones. The others refuse them.

They compute with the indices and values; `in_place` writes what they give back into the tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.functional import sparse as F
from fnnet.functional.dimension import canonical_dim
from fnnet.torch.creation import from_array
from fnnet.torch.dtypes import bool_
from fnnet.torch.mode import MODE
from fnnet.torch.promotion import promote_types
from fnnet.torch.refusals import c_name
from fnnet.torch.sparse_layouts import places as places
from fnnet.torch.sparse_layouts.compressed import CompressedTensor, coo_of
from fnnet.torch.sparse_layouts.handled import HANDLED, computed, handles
from fnnet.torch.sparse_layouts.products import batched, product, vector_product
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    SparseTensor,
    coalesced,
    coo,
    dense,
    joined,
    named,
    numbered,
    planned,
    refusal,
    refuse_sparse_leaf,
)
from fnnet.torch.tensor import Tensor

_UNARY = (
    "abs sqrt sin tanh relu sign floor ceil round expm1 log1p asin atan sinh square isnan isinf trunc "
    "deg2rad "
    "rad2deg erf erfinv tan asinh atanh frac signbit sgn isposinf isneginf nan_to_num"
)
"""Functions that are zero at zero, of each value; entries of one place are added before."""

_NOT_IN_PLACE = frozenset(["pow", "mm", "mv", "matmul"])
"""Operations that PyTorch does not write into a sparse tensor."""

_DENSE_ADDEND = "add(sparse, dense) is not supported. Use add(dense, sparse) instead."


def involved(args: Sequence[Any], kwargs: dict[str, Any]) -> list[SparseTensor]:
    """The sparse tensors among the arguments, and in lists of them."""
    found: list[SparseTensor] = []
    for one in (*args, *kwargs.values()):
        found += [
            x for x in (one if isinstance(one, list | tuple) else (one,)) if isinstance(x, SparseTensor)
        ]
    return found


def out_of_place(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What the operation gives, a sparse tensor being among the arguments."""
    function = HANDLED.get(op.declared.name)
    if function is None:
        raise refusal(op.name, involved(args, kwargs)[0])
    bound = op.bind(args, kwargs)
    return function(*bound.args, **bound.kwargs)


def in_place(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """The same, written to the first argument."""
    target = args[0] if args else kwargs["input"]
    if op.declared.name not in HANDLED:
        raise refusal(op.name, involved(args, kwargs)[0])
    if MODE.enabled and target.is_leaf and target.requires_grad:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if op.declared.name in _NOT_IN_PLACE:
        raise refusal(op.name, involved(args, kwargs)[0])
    if op.declared.name in _UNARY.split() and isinstance(target, CooTensor) and not target._coalesced:
        raise RuntimeError(f"{op.declared.name}_ requires coalesced input")
    made = out_of_place(op, args, kwargs)
    if op.declared.name == "mul" and isinstance(made, CooTensor) and not isinstance(args[-1], SparseTensor):
        made._coalesced = False
    if not isinstance(target, SparseTensor):
        if isinstance(made, SparseTensor):
            raise refusal(op.name, made)
        return target.copy_(made)
    if not isinstance(made, SparseTensor):
        raise refusal(op.name, target)
    if made.dtype is not target.dtype:
        if made.dtype.category > target.dtype.category:
            raise RuntimeError(
                f"result type {c_name(made.dtype)} can't be cast to the desired output type "
                f"{c_name(target.dtype)}"
            )
        made = made.to(target.dtype)
    return target._become(made)


def _is_number(value: Any) -> bool:
    return not isinstance(value, Tensor) or (not isinstance(value, SparseTensor) and not value._spec.ndim)


def _unary(name: str) -> None:
    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(input, CompressedTensor):
            return input._with(computed(name, input._numbers, *args, **kwargs))
        whole = coalesced(input)
        return whole._with(computed(name, whole._numbers, *args, **kwargs))

    HANDLED[name] = function


for _name in _UNARY.split():
    _unary(_name)


@handles("neg")
def _neg(input: Any) -> Any:
    return input._with(-input._numbers)


@handles("mul")
def _mul(input: Any, other: Any) -> Any:
    if _is_number(other):
        return input._with(computed("mul", input._numbers, other))
    if _is_number(input):
        return other._with(computed("mul", input, other._numbers))
    if isinstance(input, CooTensor) and isinstance(other, CooTensor):
        return _intersection(input, other)
    held, strided = (input, other) if isinstance(input, SparseTensor) else (other, input)
    if not isinstance(held, CooTensor) or isinstance(strided, SparseTensor):
        raise refusal("mul", held)
    if MODE.enabled and strided.requires_grad:
        raise NotImplementedError(
            "fnnet.torch: the gradient of the strided factor of an elementwise product with a sparse tensor, "
            "which "
            "is sparse in PyTorch, is not supported; multiply the values instead"
        )
    if strided.ndim > held.ndim:
        raise refusal("mul", held)
    taken = planned(F.coo_mask, "SparseMaskBackward0", held._places, strided.expand(held._spec.shape))
    return held._with(computed("mul", held._numbers, taken))


def _intersection(a: CooTensor, b: CooTensor) -> CooTensor:
    count = a._places._spec.shape[0]
    if a._spec.shape != b._spec.shape or b._places._spec.shape[0] != count:
        raise RuntimeError(
            "sparse_binary_op_intersection_cpu(): expects sparse inputs with equal dimensionality, number of "
            "sparse "
            "dimensions, and shape of sparse dimensions"
        )
    if a._coalesced and not b._coalesced:
        kept, looked_up = b, a
    else:
        kept, looked_up = a, coalesced(b)
    here, there = numbered(kept), numbered(looked_up)
    found = np.searchsorted(there, here)
    inside = np.minimum(found, max(len(there) - 1, 0))
    same = there[inside] == here if len(there) else np.zeros(len(here), bool)
    where = a.device
    taken = from_array(np.flatnonzero(same), where)
    values = kept._numbers.index_select(0, taken) * looked_up._numbers.index_select(
        0, from_array(inside[same], where)
    )
    places = kept._places.index_select(1, taken)
    return coo(places, values, kept._spec.shape, a._coalesced and b._coalesced)


@handles("div")
def _div(input: Any, other: Any, *, rounding_mode: Any = None) -> Any:
    if not isinstance(input, SparseTensor) or not _is_number(other):
        shape = list(other.shape) if isinstance(other, Tensor) else []
        raise RuntimeError(
            f"Sparse division requires a scalar or zero-dim dense tensor divisor (got shape {shape} for "
            "divisor)"
        )
    return input._with(computed("div", input._numbers, other, rounding_mode=rounding_mode))


@handles("add")
def _add(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return _sum(input, other, alpha)


@handles("sub")
def _sub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    return _sum(input, other, -alpha)


def _sum(input: Any, other: Any, alpha: Any) -> Any:
    if isinstance(input, SparseTensor) and not isinstance(other, SparseTensor):
        raise RuntimeError(_DENSE_ADDEND)
    if not isinstance(input, Tensor):
        raise RuntimeError(_DENSE_ADDEND)
    if isinstance(input, CompressedTensor) and isinstance(other, CompressedTensor):
        return input._like_coo(_sum(coo_of(input), coo_of(other), alpha))
    if not isinstance(other, CooTensor) or isinstance(input, CompressedTensor):
        raise refusal("add", other if isinstance(input, CooTensor) else input)
    if not isinstance(input, SparseTensor):
        if input._spec.shape != other._spec.shape:
            raise RuntimeError(
                f"add: expected 'self' and 'other' to have same size, but self has size {list(input.shape)} "
                "while "
                f"other has size {list(other.shape)} (FYI: dense-sparse addition does not currently support "
                "broadcasting)"
            )
        refuse_sparse_leaf(other, "add(dense, sparse)")
        values = other._numbers if alpha == 1 else other._numbers * alpha
        if values.dtype is not input.dtype or input.dtype is bool_:
            return computed("add", input, dense(other), alpha=alpha)
        return planned(F.coo_added, "AddBackward0", input, other._places, values)
    if input._spec.shape != other._spec.shape:
        raise RuntimeError(
            f"add: expected sizes of 'self' and 'other' to match, but {list(input.shape)} != "
            f"{list(other.shape)}"
        )
    dims = [one._places._spec.shape[0] for one in (input, other)]
    if dims[0] != dims[1]:
        raise RuntimeError(
            "add: expected 'self' and 'other' to have same number of sparse dimensions, but "
            f"{dims[0]} != {dims[1]}"
        )
    kind = promote_types(input.dtype, other.dtype)
    second = other if alpha == 1 else other._with(other._numbers * alpha)
    return joined(input.to(kind), second.to(kind))


@handles("pow")
def _pow(input: Any, exponent: Any) -> Any:
    if not isinstance(input, CooTensor) or isinstance(exponent, Tensor):
        raise refusal("pow", input if isinstance(input, SparseTensor) else exponent)
    if exponent == 0:
        raise RuntimeError(
            "pow: cannot raise to zeroth power on sparse tensor; it would make the result tensor dense"
        )
    whole = coalesced(input)
    return whole._with(computed("pow", whole._numbers, exponent))


# ---------------------------------------------------------------------- sums


@handles("sum")
def _sum_of(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    dims = None if dim is None else [dim] if isinstance(dim, int) else list(dim)
    if isinstance(input, CompressedTensor):
        if dims:
            raise refusal("sum.dim_IntList", input)
        return computed("sum", input._numbers, dtype=dtype)
    made = summed(input, dims or None, dtype)
    if keepdim:
        axes = sorted(canonical_dim(d, input.ndim) for d in (dims or range(input.ndim)))
        for axis in axes:
            made = made.unsqueeze(axis)
    return made


def summed(input: CooTensor, dims: Sequence[int] | None, dtype: Any = None) -> Any:
    """The sum over some dimensions: strided if no sparse dimension is left, else a tensor in coordinates."""
    values = input._numbers
    if dims is None:
        return computed("sum", values, dtype=dtype)
    input = coalesced(input if dtype is None else input.to(dtype))
    values = input._numbers
    sparse = input._places._spec.shape[0]
    over = [canonical_dim(d, input.ndim) for d in dims]
    if len(set(over)) != len(over):
        raise RuntimeError(f"dim {over[0]} appears multiple times in the list of dims")
    within = [d - sparse + 1 for d in over if d >= sparse]
    kept = [d for d in range(sparse) if d not in over]
    if within:
        values = computed("sum", values, within)
    if not kept:
        return named(computed("sum", values, [0]), "SparseSumBackward0")
    shape = [length for d, length in enumerate(input._spec.shape) if d not in over]
    if len(kept) == sparse:
        return coo(input._places, named(values, "SparseSumBackward0"), shape, input._coalesced)
    places = input._places.index_select(0, from_array(np.asarray(kept), input.device))
    made = coalesced(coo(places, values, shape, False))
    return made._with(named(made._numbers, "SparseSumBackward0"))


@handles("norm")
def _norm(input: CooTensor, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    if not isinstance(input, CooTensor) or dim is not None or keepdim:
        raise refusal("norm", input)
    return computed("norm", coalesced(input)._numbers, 2 if p in (None, "fro") else p, dtype=dtype)


@handles("any")
def _any(input: CooTensor, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(input, CooTensor) or dim is not None:
        raise refusal("any", input)
    return computed("any", input._numbers)


# ---------------------------------------------------------------------- products


@handles("mm")
def _mm(input: Any, mat2: Any, *further: Any, **options: Any) -> Any:
    return product(input, mat2, "MmBackward0")


@handles("mv")
def _mv(input: Any, vec: Any) -> Any:
    return vector_product(input, vec)


@handles("bmm")
def _bmm(input: Any, mat2: Any, *further: Any, **options: Any) -> Any:
    return batched(input, mat2)


@handles("matmul")
def _matmul(input: Any, other: Any) -> Any:
    for one in (input, other):
        if not isinstance(one, Tensor):
            raise TypeError(f"matmul(): argument 'other' must be Tensor, not {type(one).__name__}")
    dims = input.ndim, other.ndim
    if dims == (2, 2):
        return product(input, other, "MmBackward0")
    if dims == (2, 1):
        return vector_product(input, other)
    if dims == (3, 3):
        return batched(input, other)
    if dims == (1, 2):
        return product(input.unsqueeze(0), other, "MmBackward0").squeeze(0)
    raise refusal("matmul", input if isinstance(input, SparseTensor) else other)


@handles("addmm")
def _addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, **further: Any) -> Any:
    made = product(mat1, mat2, "MmBackward0")
    if isinstance(input, SparseTensor) or isinstance(made, SparseTensor):
        raise refusal("addmm", involved((input, mat1, mat2), {})[0])
    scaled = input if beta == 1 else input * beta
    return named(scaled.expand(made.shape) + (made if alpha == 1 else made * alpha), "AddmmBackward0")


@handles("linear")
def _linear(input: Any, weight: Any, bias: Any = None) -> Any:
    made = product(input, weight.t(), "MmBackward0")
    return made if bias is None else made + bias
