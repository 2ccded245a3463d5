"""Products of matrices one of which is sparse."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.functional import sparse as F
from fnnet.torch.creation import from_array
from fnnet.torch.refusals import cpp_name
from fnnet.torch.sparse_layouts.compressed import CompressedTensor, coo_of
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    SparseTensor,
    coalesced,
    coo,
    known,
    planned,
    refusal,
    refuse_sparse_leaf,
)
from fnnet.torch.tensor import Tensor


def _check(left: Tensor, right: Tensor) -> None:
    if left.dtype is not right.dtype:
        raise RuntimeError(f"expected scalar type {cpp_name(left.dtype)} but found {cpp_name(right.dtype)}")


def _unfit(left: Tensor, right: Tensor) -> RuntimeError:
    sizes = [f"{one.shape[0]}x{one.shape[1]}" for one in (left, right)]
    return RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({sizes[0]} and {sizes[1]})")


def _with_dense(places: Any, values: Any, dense: Any, size: tuple[int, int]) -> Any:
    return F.coo_matmul(places, values, size, dense)


def _of_dense(places: Any, values: Any, dense: Any, size: tuple[int, int]) -> Any:
    return F.coo_matmul(places[::-1], values, size[::-1], dense.T).T


def _is_matrix(tensor: CooTensor) -> bool:
    return tensor.ndim == 2 and tensor._places._spec.shape[0] == 2


def product(left: Any, right: Any, name: str) -> Any:
    """The product of two matrices: sparse if both are."""
    kinds = [isinstance(one, CompressedTensor) for one in (left, right)]
    if all(kinds):
        return left._like_coo(product(coo_of(left), coo_of(right), name))
    for one, is_compressed in zip((left, right), kinds, strict=True):
        if is_compressed:
            refuse_sparse_leaf(one, f"a product of layout {one.layout}")
    left = coo_of(left) if kinds[0] else left
    right = coo_of(right) if kinds[1] else right
    for one in (left, right):
        if isinstance(one, CooTensor) and not _is_matrix(one):
            if one.ndim != 2:
                raise RuntimeError(f"mm: expected matrices, got {one.ndim}D tensor")
            raise refusal("mm (with dense dimensions)", one)
    if isinstance(left, CooTensor) and isinstance(right, CooTensor):
        return _both(left, right)
    held, strided = (left, right) if isinstance(left, CooTensor) else (right, left)
    if strided.ndim < 2:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    if strided.ndim > 2:
        raise RuntimeError(f"mm: expected matrices, got {strided.ndim}D tensor")
    if left.shape[1] != right.shape[0]:
        if held is left:
            raise RuntimeError(
                f"addmm: Argument #3 (dense): Expected dim 0 size {left.shape[1]}, got {right.shape[0]}"
            )
        raise _unfit(left, right)
    _check(held, strided)
    function = _with_dense if held is left else _of_dense
    return planned(function, name, held._places, held._numbers, strided, size=tuple(held._spec.shape))


def vector_product(left: Any, vector: Any) -> Any:
    """The product of a sparse matrix with a vector."""
    if isinstance(vector, SparseTensor) or not isinstance(left, SparseTensor):
        raise refusal("mv", left if isinstance(left, SparseTensor) else vector)
    if isinstance(left, CompressedTensor):
        refuse_sparse_leaf(left, f"a product of layout {left.layout}")
    held = coo_of(left) if isinstance(left, CompressedTensor) else left
    if not isinstance(held, CooTensor) or not _is_matrix(held):
        raise refusal("mv", left)
    if left.shape[1] != vector.shape[0]:
        raise RuntimeError("mv: expected self.size(-1) == vec.size(-1)")
    _check(left, vector)
    return planned(
        _with_dense, "MvBackward0", held._places, held._numbers, vector, size=tuple(held._spec.shape)
    )


def _batched(places: Any, values: Any, dense: Any, size: tuple[int, int, int]) -> Any:
    batch, rows, columns = size
    flat = jnp.stack([places[0] * rows + places[1], places[0] * columns + places[2]])
    made = F.coo_matmul(
        flat, values, (batch * rows, batch * columns), dense.reshape(batch * columns, dense.shape[2])
    )
    return made.reshape(batch, rows, dense.shape[2])


def batched(left: Any, right: Any) -> Any:
    """The products of the matrices of a sparse batch with those of a strided one."""
    if not isinstance(left, CooTensor) or isinstance(right, SparseTensor) or left._places._spec.shape[0] != 3:
        raise refusal("bmm", left if isinstance(left, SparseTensor) else right)
    if left.shape[0] != right.shape[0] or left.shape[2] != right.shape[1]:
        raise RuntimeError(
            f"bmm_sparse: Tensors' sizes do not fit: {list(left.shape)} and {list(right.shape)}"
        )
    _check(left, right)
    size = tuple(left._spec.shape)
    return planned(_batched, "BmmBackward0", left._places, left._numbers, right, size=size)


def _pairs(left: Any, right: Any, first: Any, second: Any, order: Any, owner: Any, count: int) -> Any:
    return F.coo_sum_entries(left[first] * right[second], order, owner, count)


def _both(left: CooTensor, right: CooTensor) -> CooTensor:
    """The product of two sparse matrices: each entry of the first meets those of a row of the second."""
    if left.shape[1] != right.shape[0]:
        raise _unfit(left, right)
    if left.dtype is not right.dtype:
        raise RuntimeError(
            f"sparse.mm: both inputs should have the same dtype, got {left.dtype} and {right.dtype}"
        )
    a, b = coalesced(left), coalesced(right)
    mine, theirs = known(a._places), known(b._places)
    starts = np.searchsorted(theirs[0], np.arange(right.shape[0] + 1))
    lengths = np.diff(starts)[mine[1]] if mine.size else np.zeros(0, np.int64)
    first = np.repeat(np.arange(mine.shape[1]), lengths)
    within = np.arange(len(first)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    second = starts[mine[1][first]] + within if len(first) else np.zeros(0, np.int64)
    shape = (left.shape[0], right.shape[1])
    places = np.stack([mine[0][first], theirs[1][second]]).astype(np.int64)
    order, owner, distinct = F.coo_coalesce(places, shape)
    where = left.device
    numbers = [from_array(np.asarray(one, np.int64), where) for one in (first, second, order, owner)]
    values = planned(
        _pairs, "SparseSparseMatmulBackward0", a._numbers, b._numbers, *numbers, count=distinct.shape[1]
    )
    return coo(from_array(distinct, where), values, shape, True)


def sampled(pattern: CooTensor, left: Tensor, right: Tensor) -> Tensor:
    """The elements of a product of strided matrices at the places of a tensor."""
    made: Tensor = planned(F.sampled_products, "SparseSampledAddmmBackward0", pattern._places, left, right)
    return made
