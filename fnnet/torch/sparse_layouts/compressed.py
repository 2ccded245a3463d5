"""Compressed sparse matrices: CSR, and CSC, which is the CSR of the transpose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.functional import sparse as F
from fnnet.torch.creation import from_array
from fnnet.torch.inquiry import LAYOUTS, layout
from fnnet.torch.sparse_layouts.tensors import (
    COO,
    CooTensor,
    SparseSpec,
    SparseTensor,
    coalesced,
    coo,
    known,
    named,
    planned,
    refusal,
)
from fnnet.torch.storage import Version
from fnnet.torch.tensor import Tensor

CSR, CSC = LAYOUTS["sparse_csr"], LAYOUTS["sparse_csc"]
LAYOUT_NAMES = {COO: "Sparse", CSR: "SparseCsr", CSC: "SparseCsc"}
"""How PyTorch's messages name the layouts."""


class CompressedTensor(SparseTensor):
    """A matrix by its rows (CSR) or columns (CSC): where each begins, the entries' indices in it, values."""

    _begins: Tensor
    _places: Tensor

    def _parts(self) -> tuple[Tensor, ...]:
        return self._begins, self._places, self._numbers

    def _with(self, values: Tensor) -> CompressedTensor:
        return compressed(self._begins, self._places, values, self._spec.shape, self.layout)

    def _become(self, other: SparseTensor) -> CompressedTensor:
        assert isinstance(other, CompressedTensor)
        self._spec, self._begins = other._spec, other._begins
        self._places, self._numbers = other._places, other._numbers
        self._counter.version += 1
        return self

    def _values_of(self, gradient: SparseTensor) -> Tensor:
        if not isinstance(gradient, CompressedTensor) or gradient._places is not self._places:
            raise refusal("grad (of another pattern)", self)
        return gradient._numbers

    def _transposed(self, name: str = "TransposeBackward0") -> CompressedTensor:
        """The transpose, in the other layout."""
        if self.ndim != 2:
            raise refusal("transpose (of a batch)", self)
        lies = CSC if self.layout is CSR else CSR
        values = named(self._numbers, name)
        return compressed(self._begins, self._places, values, self._spec.shape[::-1], lies)

    def _like_coo(self, made: CooTensor) -> CompressedTensor:
        """A tensor in coordinates in the layout of this one."""
        return compressed_of(made, self.layout)


def compressed(
    begins: Tensor, places: Tensor, values: Tensor, shape: Sequence[int], lies: layout
) -> CompressedTensor:
    """The matrix that these hold, which are not looked at."""
    made: CompressedTensor = object.__new__(CompressedTensor)
    made._spec = SparseSpec(shape, values._spec.dtype, values._spec.device, lies)
    made._begins, made._places, made._numbers = begins, places, values
    made._counter = Version()
    return made


def _both(begins: Any, places: Any, flipped: bool) -> Any:
    rows = F.csr_rows(begins, places.shape[-1]).astype(np.int64)
    pair = [places.astype(np.int64), rows] if flipped else [rows, places.astype(np.int64)]
    return jnp.stack(pair)


def coo_of(matrix: CompressedTensor) -> CooTensor:
    """The matrix in coordinates."""
    if matrix.ndim != 2:
        raise refusal("to_sparse (of a batch)", matrix)
    flipped = matrix.layout is CSC
    places = planned(_both, "", matrix._begins, matrix._places, flipped=flipped)
    return coo(places, matrix._numbers, matrix._spec.shape, not flipped)


def compressed_of(matrix: CooTensor, lies: layout) -> CompressedTensor:
    """A matrix in coordinates by its rows or columns."""
    if matrix.ndim != 2 or matrix._places._spec.shape[0] != 2:
        raise refusal("to_sparse_csr (of what is no matrix)", matrix)
    if lies is CSC:
        flipped = coo(matrix._places.flip(0), matrix._numbers, matrix._spec.shape[::-1], False)
        whole = coalesced(flipped)
    else:
        whole = coalesced(matrix)
    rows = known(whole._places)
    begins = np.searchsorted(rows[0], np.arange(whole._spec.shape[0] + 1)).astype(np.int64)
    return compressed(
        from_array(begins, matrix.device), from_array(np.ascontiguousarray(rows[1]), matrix.device),
        whole._numbers, matrix._spec.shape, lies,
    )  # fmt: skip


CompressedTensor.__name__ = CompressedTensor.__qualname__ = "Tensor"
CompressedTensor.__module__ = "torch"
