"""Making sparse tensors: from indices and values, from strided tensors, by the old names of types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.functional import sparse as F
from fnnet.torch import dtypes as D
from fnnet.torch.creation import as_dtype, from_array, size_of, tensor
from fnnet.torch.devices import as_device
from fnnet.torch.inquiry import LAYOUTS, layout
from fnnet.torch.sparse_layouts.compressed import (
    CSC,
    CSR,
    CompressedTensor,
    compressed,
    compressed_of,
    coo_of,
)
from fnnet.torch.sparse_layouts.tensors import (
    COO,
    CooTensor,
    SparseTensor,
    coo,
    empty_coo,
    known,
    named,
    own,
    planned,
    refusal,
)
from fnnet.torch.tensor import Tensor

_NODE = "SparseCooTensorWithDimsAndTensorsBackward0"
_COMPRESSED_NODE = "SparseCompressedTensorBackward0"

_CHECKED = [False]
"""Whether each new sparse tensor is checked: `check_sparse_tensor_invariants`."""


def _held(data: Any, kind: Any, where: Any) -> Tensor:
    """Data as a strided tensor, on its own memory if it is one already."""
    if isinstance(data, SparseTensor):
        raise TypeError("expected a strided tensor, but got a sparse one")
    made = data if isinstance(data, Tensor) else tensor(data, dtype=kind)
    if where is not None:
        made = made.to(as_device(where))
    return made if kind is None else made.to(kind)


def _values(data: Any, kind: Any, where: Any, requires_grad: bool, node: str) -> Tensor:
    values = _held(data, as_dtype(kind), where)
    if requires_grad:
        if not values._spec.differentiable:
            raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
        leaf = values.detach()
        leaf.requires_grad_()
        leaf.__dict__["_of_sparse"] = True
        return leaf
    return named(own(values), node)


def sparse_coo_tensor(
    indices: Any = None,
    values: Any = None,
    size: Any = None,
    *,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
    check_invariants: bool | None = None,
    is_coalesced: bool | None = None,
) -> CooTensor:
    """A tensor in coordinates: indices (sparse dimensions, entries), values (entries, *dense dimensions).

    Without `size` it is as large as the greatest indices ask for; with a size alone it has no entries.
    """
    if values is None:
        shape = size_of((indices if size is None else size,), "sparse_coo_tensor")
        kind = as_dtype(dtype) or D.get_default_dtype()
        made = empty_coo(shape, len(shape), kind, as_device(device))
        return made if not requires_grad else made.requires_grad_()  # type: ignore[return-value]
    places = _held(indices, None, device).to(D.int64)
    held = _values(values, dtype, device, requires_grad, _NODE)
    if places.ndim != 2:
        if places.ndim != 1 or size is None:
            raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(places.shape)}")
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(size)}, sparse_dim = "
            f"{places.shape[0]}, dense_dim = 0"
        )
    sparse, count = places.shape
    if not held.ndim or held.shape[0] != count:
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {count}, nnz from values: "
            f"{held.shape[0] if held.ndim else 1}"
        )
    if size is None:
        there = known(places)
        if there.size and there.min() < 0:
            dim = int(np.argwhere(there < 0)[0, 0])
            raise RuntimeError(f"found negative index {there.min()} for dim {dim}")
        shape = tuple((there.max(1) + 1).tolist() if count else [0] * sparse) + tuple(held.shape[1:])
    else:
        shape = size_of((size,), "sparse_coo_tensor")
        if len(shape) != sparse + held.ndim - 1:
            raise RuntimeError(
                f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, "
                "sparse_dim = "
                f"{sparse}, dense_dim = {held.ndim - 1}"
            )
        if shape[sparse:] != tuple(held.shape[1:]):
            raise RuntimeError(
                f"values has incorrect size, expected {[count, *shape[sparse:]]}, got {list(held.shape)}"
            )
    if check_invariants or (check_invariants is None and _CHECKED[0]):
        for dim, (index, length) in enumerate(zip(known(places), shape, strict=False)):
            if index.size and index.min() < 0:
                raise RuntimeError(f"found negative index {index.min()} for dim {dim}")
            if index.size and index.max() >= length:
                raise RuntimeError(
                    f"size is inconsistent with indices: for dim {dim}, size is {length} but found index "
                    f"{index.max()}"
                )
    return coo(own(places), held, shape, count < 2 if is_coalesced is None else is_coalesced)


def _compressed(
    name: str, lies: layout, begins: Any, places: Any, values: Any, size: Any, options: dict[str, Any]
) -> CompressedTensor:
    device = options.get("device")
    starts, within = (
        _held(one, None if isinstance(one, Tensor) else D.int64, device) for one in (begins, places)
    )
    held = _values(
        values, options.get("dtype"), device, options.get("requires_grad", False), _COMPRESSED_NODE
    )
    if starts.dtype is not within.dtype or starts.dtype not in (D.int32, D.int64):
        raise RuntimeError(
            f"{name}: the indices have to be both int32 or both int64, got {starts.dtype} and {within.dtype}"
        )
    if starts.ndim > 1:
        raise NotImplementedError(f"fnnet.torch: {name} of a batch of matrices is not supported")
    if held.ndim > 1:
        raise NotImplementedError(f"fnnet.torch: {name} with dense dimensions is not supported")
    across = starts.shape[0] - 1
    if size is None:
        there = known(within)
        along = int(there.max()) + 1 if there.size else 0
        size = (across, along) if lies is CSR else (along, across)
    shape = size_of((size,), name)
    if len(shape) != 2:
        raise RuntimeError(f"{name}: size must have 2 dimensions, got {len(shape)}")
    begin_name, place_name = ("crow", "col") if lies is CSR else ("ccol", "row")
    length, width = shape if lies is CSR else shape[::-1]
    if across != length:
        raise RuntimeError(
            f"{begin_name}_indices.shape[-1] must be equal to the number of "
            f"{'rows' if lies is CSR else 'columns'} + 1 ({length + 1}), but got {across + 1}"
        )
    if within.shape[0] != held.shape[0]:
        raise RuntimeError(
            f"number of elements in {place_name}_indices and values must be the same, but got "
            f"{within.shape[0]} and {held.shape[0]}"
        )
    checked = options.get("check_invariants")
    if checked or (checked is None and _CHECKED[0]):
        first, there = known(starts), known(within)
        if first[0] != 0 or first[-1] != len(there) or (np.diff(first) < 0).any():
            raise RuntimeError(f"`{begin_name}_indices` must rise from 0 to nnz")
        if there.size and (there.min() < 0 or there.max() >= width):
            raise RuntimeError(f"`0 <= {place_name}_indices < {width}` is not satisfied.")
    return compressed(own(starts), own(within), held, shape, lies)


def sparse_csr_tensor(
    crow_indices: Any, col_indices: Any, values: Any, size: Any = None, **options: Any
) -> CompressedTensor:
    """A matrix by its rows: where each begins (rows + 1), the columns of the entries, and their values."""
    return _compressed("sparse_csr_tensor", CSR, crow_indices, col_indices, values, size, options)


def sparse_csc_tensor(
    ccol_indices: Any, row_indices: Any, values: Any, size: Any = None, **options: Any
) -> CompressedTensor:
    """A matrix by its columns, as `sparse_csr_tensor` by its rows."""
    return _compressed("sparse_csc_tensor", CSC, ccol_indices, row_indices, values, size, options)


def sparse_compressed_tensor(
    compressed_indices: Any,
    plain_indices: Any,
    values: Any,
    size: Any = None,
    *,
    layout: Any = None,
    **options: Any,
) -> CompressedTensor:
    """A matrix in the layout given, torch.sparse_csr or torch.sparse_csc."""
    if layout not in (CSR, CSC):
        raise NotImplementedError(
            f"fnnet.torch: sparse_compressed_tensor of layout {layout} is not supported"
        )
    name = "sparse_compressed_tensor"
    return _compressed(name, layout, compressed_indices, plain_indices, values, size, options)


# ---------------------------------------------------------------------- from strided tensors


def _of_strided(x: Tensor, sparse: int, name: str) -> CooTensor:
    numbers = known(x)
    if not x.ndim:
        places = np.zeros((0, int(bool(numbers != 0))), np.int64)
    else:
        inner = tuple(range(sparse, x.ndim))
        places = np.stack(np.nonzero((numbers != 0).any(inner) if inner else numbers)).astype(np.int64)
    there = from_array(places, x.device)
    return coo(there, planned(_taken, name, there, x), x._spec.shape, True)


def _taken(places: Any, x: Any) -> Any:
    return F.coo_mask(places, x)


def to_coo(x: Tensor, sparse: int | None = None) -> CooTensor:
    """What is not zero, with so many sparse dimensions. Runs the record, for its shape depends on values."""
    if isinstance(x, CooTensor):
        if sparse is not None and sparse != x._places._spec.shape[0]:
            raise refusal("to_sparse(sparse_dim)", x)
        return x
    if isinstance(x, CompressedTensor):
        return coo_of(x)
    if sparse is None:
        return _of_strided(x, x.ndim, "ToSparseBackward1")
    if x.ndim and sparse == 0:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    if not 0 <= sparse <= x.ndim:
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{x.ndim}] range, but {sparse} is given"
        )
    return _of_strided(x, sparse, "ToSparseBackward0")


def to_compressed(x: Tensor, lies: layout, dense_dim: Any = None) -> Any:
    """The same matrix by its rows or columns."""
    if dense_dim:
        raise NotImplementedError("fnnet.torch: compressed tensors with dense dimensions are not supported")
    if isinstance(x, CompressedTensor):
        return x if x.layout is lies else compressed_of(coo_of(x), lies)
    if x.ndim != 2:
        raise NotImplementedError(f"fnnet.torch: {lies} of a tensor of {x.ndim} dimensions is not supported")
    return compressed_of(to_coo(x), lies)


def in_layout(x: Tensor, sparse_dim: Any = None, layout: Any = None, **options: Any) -> Any:
    """`Tensor.to_sparse`. Raises NotImplementedError for block layouts."""
    if options.get("blocksize") is not None or layout in (LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"]):
        raise NotImplementedError(f"fnnet.torch: to_sparse to {layout or 'blocks'} is not supported")
    if sparse_dim is not None and not isinstance(sparse_dim, int):
        raise TypeError(
            f"to_sparse(): argument 'sparse_dim' (position 1) must be int, not {type(sparse_dim).__name__}"
        )
    if layout is None or layout is COO:
        return to_coo(x, sparse_dim)
    if layout in (CSR, CSC):
        return to_compressed(x, layout, options.get("dense_dim"))
    raise RuntimeError(f"to_sparse: conversion to {layout} is not possible")


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Sequence[int], layout: Any = None) -> Any:
    """A matrix with these rows as its diagonals at the offsets: element j of a row lies in column j."""
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    rows = diagonals if diagonals.ndim == 2 else diagonals.unsqueeze(0)
    wanted = known(offsets).reshape(-1)
    if len(wanted) != rows.shape[0]:
        raise RuntimeError(
            f"Number of diagonals ({rows.shape[0]}) does not match the number of offsets ({len(wanted)})"
        )
    if len(np.unique(wanted)) != len(wanted):
        raise RuntimeError("Offset tensor contains duplicate values")
    row, column, source = [], [], []
    for number, offset in enumerate(wanted.tolist()):
        there = np.arange(rows.shape[1])
        inside = (there < shape[1]) & (there - offset >= 0) & (there - offset < shape[0])
        column.append(there[inside])
        row.append(there[inside] - offset)
        source.append(there[inside] + number * rows.shape[1])
    places = np.stack([np.concatenate(row), np.concatenate(column)]).astype(np.int64)
    taken = from_array(np.concatenate(source).astype(np.int64), rows.device)
    made = coo(from_array(places, rows.device), rows.reshape(-1).index_select(0, taken), shape, False)
    return made if layout is None or layout is COO else in_layout(made, layout=layout)


# ---------------------------------------------------------------------- old names of types


class _SparseType(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, CooTensor) and instance.dtype is cls.kind  # type: ignore[attr-defined]


class _Old(metaclass=_SparseType):
    kind = D.float32
    is_sparse = True

    def __new__(cls, *args: Any, **options: Any) -> Any:
        if len(args) > 1 and isinstance(args[0], Tensor):
            return sparse_coo_tensor(*args, dtype=cls.kind, **options)
        shape = size_of(args, "new") if args else (0,)
        return empty_coo(shape, len(shape), cls.kind, as_device(options.get("device")))


OLD_TYPES: dict[str, Any] = {
    name: type(name, (_Old,), {"kind": kind, "dtype": kind, "layout": COO, "__module__": "torch.sparse"})
    for name, kind in (
        ("FloatTensor", D.float32), ("DoubleTensor", D.float64), ("HalfTensor", D.float16),
        ("BFloat16Tensor", D.bfloat16), ("ByteTensor", D.uint8), ("CharTensor", D.int8),
        ("ShortTensor", D.int16), ("IntTensor", D.int32), ("LongTensor", D.int64),
    )
}  # fmt: skip
"""`torch.sparse.FloatTensor` and its kin."""
