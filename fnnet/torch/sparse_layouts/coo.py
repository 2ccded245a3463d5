"""The methods of tensors in coordinates."""

from __future__ import annotations

from typing import Any

from fnnet.torch.sparse_layouts.methods import check_leaf, gives
from fnnet.torch.sparse_layouts.places import narrowed, selected
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    SparseTensor,
    coalesced,
    coo,
    dense,
    empty_coo,
    named,
    refusal,
    refuse_sparse_leaf,
)
from fnnet.torch.tensor import Tensor, alias


@gives(CooTensor)
def to_dense(self: CooTensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The strided tensor of the same elements."""
    if dtype is not None:
        raise RuntimeError("dtype argument is not supported by sparse_to_dense")
    if masked_grad is False:
        refuse_sparse_leaf(self, "to_dense(masked_grad=False)")
    return dense(self)


@gives(CooTensor)
def _indices(self: CooTensor) -> Tensor:
    """The indices."""
    return alias(self._places)


@gives(CooTensor)
def indices(self: CooTensor) -> Tensor:
    """The indices of a tensor each place of which has one entry."""
    if not self._coalesced:
        raise RuntimeError("Cannot get indices on an uncoalesced tensor, please call .coalesce() first")
    return alias(self._places)


@gives(CooTensor)
def values(self: CooTensor) -> Tensor:
    """The values of a tensor each place of which has one entry."""
    if not self._coalesced:
        raise RuntimeError("Cannot get values on an uncoalesced tensor, please call .coalesce() first")
    return named(self._numbers, "ValuesBackward0") if self.requires_grad else alias(self._numbers)


@gives(CooTensor)
def coalesce(self: CooTensor) -> CooTensor:
    """The entries in the order of their places, each place once."""
    return coalesced(self)


@gives(CooTensor)
def is_coalesced(self: CooTensor) -> bool:
    """Whether each place is known to have one entry, in order."""
    return self._coalesced


@gives(CooTensor)
def _coalesced_(self: CooTensor, coalesced: bool) -> CooTensor:
    """Say whether it is."""
    self._coalesced = coalesced
    return self


@gives(CooTensor)
def sparse_dim(self: CooTensor) -> int:
    """The number of sparse dimensions."""
    return self._places._spec.shape[0]


@gives(CooTensor)
def dense_dim(self: CooTensor) -> int:
    """The number of dense dimensions."""
    return self._numbers._spec.ndim - 1


CooTensor._dimI, CooTensor._dimV = sparse_dim, dense_dim  # type: ignore[attr-defined]


@gives(CooTensor)
def narrow_copy(self: CooTensor, dim: int, start: int, length: int) -> CooTensor:
    """A copy of a stretch of a dimension."""
    return narrowed(self, dim, int(start), int(length))


@gives(CooTensor)
def narrow(self: CooTensor, dim: int, start: Any, length: int) -> Any:
    """Raises NotImplementedError, as in PyTorch; `narrow_copy` is there."""
    raise refusal("as_strided", self)


@gives(CooTensor)
def select(self: CooTensor, dim: int, index: int) -> Any:
    """What has one index in a dimension, which goes."""
    return selected(self, dim, int(index))


@gives(CooTensor)
def zero_(self: CooTensor) -> CooTensor:
    """Drop all entries."""
    check_leaf(self)
    return self._become(empty_coo(self._spec.shape, self.sparse_dim(), self.dtype, self.device))


@gives(CooTensor)
def transpose_(self: CooTensor, dim0: int, dim1: int) -> CooTensor:
    """Swap two dimensions in place."""
    check_leaf(self)
    return self._become(self.transpose(dim0, dim1))


@gives(CooTensor)
def t_(self: CooTensor) -> CooTensor:
    """Transpose in place."""
    check_leaf(self)
    return self._become(self.t())


def _resized(self: CooTensor, size: Any, sparse: int, dense_dims: int, clear: bool) -> CooTensor:
    shape = tuple(size)
    if len(shape) != sparse + dense_dims:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(shape)}, sparse_dim = "
            f"{sparse}, dense_dim = {dense_dims}"
        )
    check_leaf(self)
    if clear or not self._nnz():
        return self._become(empty_coo(shape, sparse, self.dtype, self.device))
    own, before = self.sparse_dim(), tuple(self._spec.shape)
    options = (
        "\nYou could try the following options:\n1. If you need an empty sparse tensor of this size, call `x "
        "= "
        "torch.sparse_coo_tensor(size)`."
    )
    for what, then, now in (("sparse", own, sparse), ("dense", self.dense_dim(), dense_dims)):
        if then != now:
            raise RuntimeError(
                f"changing the number of {what} dimensions (from {then} to {now}) on a non-empty sparse "
                "tensor is "
                f"not supported.{options}"
            )
    for what, old, new in (
        ("sparse", before[:own], shape[:own]), ("dense", before[own:], shape[own:])
    ):  # fmt: skip
        if any(m < n for n, m in zip(old, new, strict=True)):
            raise RuntimeError(
                f"shrinking the size of {what} dimensions (from {list(old)} to {list(new)}) on a non-empty "
                "sparse "
                f"tensor is not supported.{options}"
            )
    values = self._numbers
    if shape[own:] != before[own:]:
        raise refusal("sparse_resize_ (of dense dimensions)", self)
    return self._become(coo(self._places, values, shape, self._coalesced))


@gives(CooTensor)
def sparse_resize_(self: CooTensor, size: Any, sparse_dim: int, dense_dim: int) -> CooTensor:
    """Give the tensor another size, which may only grow while there are entries."""
    return _resized(self, size, sparse_dim, dense_dim, False)


@gives(CooTensor)
def sparse_resize_and_clear_(self: CooTensor, size: Any, sparse_dim: int, dense_dim: int) -> CooTensor:
    """Give the tensor another size and no entries."""
    return _resized(self, size, sparse_dim, dense_dim, True)


def _new(self: SparseTensor, size: Any, dtype: Any = None, device: Any = None, **options: Any) -> Any:
    from fnnet.torch.creation import size_of

    shape = size_of(size, "new_zeros")
    made = empty_coo(shape, len(shape), dtype or self.dtype, device or self.device)
    return made.requires_grad_() if options.get("requires_grad") else made


CooTensor.new_zeros = lambda self, *size, **options: _new(self, size, **options)  # type: ignore[attr-defined]
CooTensor.new_empty = CooTensor.new_zeros  # type: ignore[attr-defined]
