"""Operations that move or choose the entries of sparse tensors: transposes, joins, selections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.functional.dimension import canonical_dim
from fnnet.torch.creation import from_array
from fnnet.torch.sparse_layouts.compressed import CompressedTensor
from fnnet.torch.sparse_layouts.handled import computed, handles
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    SparseTensor,
    coo,
    known,
    named,
    refusal,
)
from fnnet.torch.tensor import Tensor


def _moved(input: CooTensor, order: Sequence[int], name: str) -> CooTensor:
    places = input._places.index_select(0, from_array(np.asarray(order), input.device))
    shape = [input._spec.shape[d] for d in order] + list(input._spec.shape[len(order) :])
    return coo(places, named(input._numbers, name), shape, False)


@handles("t")
def _t(input: Any) -> Any:
    if isinstance(input, CompressedTensor):
        return input._transposed("TBackward0")
    sparse = input._places._spec.shape[0]
    if sparse > 2 or input.ndim > sparse:
        raise RuntimeError(
            f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {sparse} sparse and "
            f"{input.ndim - sparse} dense dimensions"
        )
    return _moved(input, (1, 0), "TBackward0") if input.ndim == 2 else input


@handles("transpose")
def _transpose(input: Any, dim0: int, dim1: int) -> Any:
    first, second = canonical_dim(dim0, input.ndim), canonical_dim(dim1, input.ndim)
    if isinstance(input, CompressedTensor):
        return input._transposed() if first != second else input
    sparse = input._places._spec.shape[0]
    if first != second and max(first, second) >= sparse:
        raise RuntimeError(
            f"sparse transpose: transposed dimensions must be sparse Got sparse_dim: {sparse}, d0: {first}, "
            "d1: "
            f"{second}"
        )
    order = list(range(sparse))
    if first != second:
        order[first], order[second] = order[second], order[first]
    return _moved(input, order, "TransposeBackward0")


@handles("permute")
def _permute(input: Any, dims: Sequence[int]) -> Any:
    order = [canonical_dim(d, input.ndim) for d in dims]
    if not isinstance(input, CooTensor):
        raise refusal("permute", input)
    sparse = input._places._spec.shape[0]
    if sorted(order) != list(range(input.ndim)):
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
            f"desired ordering of dimensions i.e. input.dim() = {input.ndim} is not equal to len(dims) = "
            f"{len(order)}"
        )
    if max(order[:sparse], default=-1) >= sparse:
        raise refusal("permute (of sparse and dense dimensions)", input)
    inner = [0, *[d - sparse + 1 for d in order[sparse:]]]
    made = _moved(input, order[:sparse], "PermuteBackward0")
    values = made._numbers
    return made._with(values if inner == sorted(inner) else values.permute(inner))


@handles("unsqueeze")
def _unsqueeze(input: Any, dim: int) -> Any:
    if not isinstance(input, CooTensor):
        raise refusal("unsqueeze", input)
    at = canonical_dim(dim, input.ndim + 1)
    shape = [*input._spec.shape[:at], 1, *input._spec.shape[at:]]
    sparse, count = input._places._spec.shape
    if at > sparse:
        values = input._numbers.unsqueeze(at - sparse + 1)
        return coo(input._places, values, shape, input._coalesced)
    zero = from_array(np.zeros((1, count), np.int64), input.device)
    held: Any = input._places
    places = computed("cat", [held[:at], zero, held[at:]])
    return coo(places, named(input._numbers, "UnsqueezeBackward0"), shape, False)


@handles("cat")
def _cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    for position, one in enumerate(tensors):
        if isinstance(one, SparseTensor) and not isinstance(one, CooTensor):
            raise refusal("cat", one)
        if not isinstance(one, CooTensor):
            raise RuntimeError(
                f"Concatenating sparse tensors, but a dense tensor was found at position {position}."
            )
    first = tensors[0]
    axis = canonical_dim(dim, first.ndim)
    sparse = first._places._spec.shape[0]
    for position, one in enumerate(tensors):
        rest = [n for d, n in enumerate(one._spec.shape) if d != axis]
        if one.ndim != first.ndim or rest != [n for d, n in enumerate(first._spec.shape) if d != axis]:
            raise RuntimeError(
                f"All tensors must have the same shape: {list(first.shape)} (except in the concatenating "
                f"dimension), but found shape: {list(one.shape)} at position {position}."
            )
    if axis >= sparse or any(one._places._spec.shape[0] != sparse for one in tensors):
        raise refusal("cat (of dense dimensions)", first)
    parts, start = [], 0
    for one in tensors:
        shift = np.zeros((sparse, 1), np.int64)
        shift[axis] = start
        parts.append(one._places + from_array(shift, one.device) if start else one._places)
        start += one._spec.shape[axis]
    shape = [start if d == axis else n for d, n in enumerate(first._spec.shape)]
    return coo(computed("cat", parts, 1), computed("cat", [one._numbers for one in tensors]), shape, False)


@handles("stack")
def _stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    return _cat([one.unsqueeze(dim) for one in tensors], dim)


@handles("hstack")
def _hstack(tensors: Sequence[Any]) -> Any:
    return _cat(tensors, 0 if tensors[0].ndim == 1 else 1)


@handles("vstack")
def _vstack(tensors: Sequence[Any]) -> Any:
    return _cat(tensors, 0)


@handles("index_select")
def _index_select(input: Any, dim: int, index: Tensor) -> Any:
    if not isinstance(input, CooTensor) or isinstance(index, SparseTensor):
        raise refusal("index_select", input if isinstance(input, SparseTensor) else index)
    axis = canonical_dim(dim, input.ndim)
    sparse = input._places._spec.shape[0]
    shape = list(input._spec.shape)
    if axis >= sparse:
        values = input._numbers.index_select(axis - sparse + 1, index)
        return input._with(values)
    wanted = known(index).reshape(-1)
    if wanted.size and (wanted.min() < -shape[axis] or wanted.max() >= shape[axis]):
        wrong = int(wanted[(wanted < -shape[axis]) | (wanted >= shape[axis])][0])
        raise IndexError(
            f"index_select(): index contains {wrong} that is out of range for tensor of size {shape} at "
            "dimension "
            f"{axis}"
        )
    wanted = np.where(wanted < 0, wanted + shape[axis], wanted)
    here = known(input._places)[axis]
    pairs = [np.flatnonzero(here == one) for one in wanted]
    taken = np.concatenate([*pairs, np.zeros(0, np.int64)]).astype(np.int64)
    new = np.repeat(np.arange(len(wanted)), [len(one) for one in pairs])
    shape[axis] = len(wanted)
    ordered = input._coalesced and len(wanted) == 1
    return _taken(input, taken, axis, new, shape, ordered, "IndexSelectBackward0")


def _taken(
    input: CooTensor, taken: Any, axis: int, new: Any, shape: Sequence[int], ordered: bool, name: str
) -> CooTensor:
    """Some entries, with new indices along one dimension."""
    places = known(input._places)[:, taken]
    places[axis] = new
    rows = from_array(np.asarray(taken, np.int64), input.device)
    values = named(input._numbers.index_select(0, rows), name)
    return coo(from_array(places, input.device), values, shape, ordered)


def narrowed(input: CooTensor, dim: int, start: int, length: int) -> CooTensor:
    """A copy of a stretch of a dimension."""
    axis = canonical_dim(dim, input.ndim)
    size = input._spec.shape[axis]
    if start < 0:
        start += size
    if not 0 <= start <= size - length or length < 0:
        raise RuntimeError(
            f"Invalid range to narrow. range(start, start+length) must be a subset of range(0, {size})."
        )
    sparse = input._places._spec.shape[0]
    if axis >= sparse:
        return input._with(input._numbers.narrow(axis - sparse + 1, start, length))
    here = known(input._places)[axis]
    taken = np.flatnonzero((here >= start) & (here < start + length))
    shape = [length if d == axis else n for d, n in enumerate(input._spec.shape)]
    return _taken(input, taken, axis, here[taken] - start, shape, input._coalesced, "NarrowCopyBackward0")


def selected(input: CooTensor, dim: int, index: int) -> Any:
    """What has one index in a dimension, which goes."""
    axis = canonical_dim(dim, input.ndim)
    size = input._spec.shape[axis]
    if not -size <= index < size:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input.shape)} at dimension {axis}"
        )
    sparse = input._places._spec.shape[0]
    if axis >= sparse:
        return input._with(input._numbers.select(axis - sparse + 1, index))
    there = known(input._places)
    taken = np.flatnonzero(there[axis] == index % size)
    rows = from_array(taken, input.device)
    values = named(input._numbers.index_select(0, rows), "SelectBackward0")
    if sparse == 1:
        return values.sum(0)
    places = from_array(np.delete(there[:, taken], axis, 0), input.device)
    shape = [n for d, n in enumerate(input._spec.shape) if d != axis]
    return coo(places, values, shape, input._coalesced or len(taken) < 2)
