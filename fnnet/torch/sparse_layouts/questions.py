"""What strided tensors say where sparse ones are meant, and how they become sparse."""

from __future__ import annotations

from typing import Any

from fnnet.functional import sparse as F
from fnnet.torch.attach import method
from fnnet.torch.sparse_layouts import making as sparse_making
from fnnet.torch.sparse_layouts.compressed import CSC, CSR, LAYOUT_NAMES
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    SparseTensor,
    dense,
    planned,
    refusal,
)
from fnnet.torch.tensor import Tensor


def expected(name: str, kind: str, tensor: Any) -> RuntimeError:
    """The error for a tensor of another layout than that which has this part."""
    return RuntimeError(
        f"{name} expected {kind} tensor layout but got {LAYOUT_NAMES.get(tensor.layout, 'Strided')}"
    )


@method
def to_sparse(
    self: Tensor, sparse_dim: Any = None, *, layout: Any = None, blocksize: Any = None, dense_dim: Any = None
) -> Any:
    """What is not zero, in coordinates or in the layout given."""
    return sparse_making.in_layout(self, sparse_dim, layout, blocksize=blocksize, dense_dim=dense_dim)


@method
def to_sparse_coo(self: Tensor) -> Any:
    """What is not zero, in coordinates."""
    return sparse_making.to_coo(self)


@method
def to_sparse_csr(self: Tensor, dense_dim: Any = None) -> Any:
    """What is not zero, by rows."""
    return sparse_making.to_compressed(self, CSR, dense_dim)


@method
def to_sparse_csc(self: Tensor, dense_dim: Any = None) -> Any:
    """What is not zero, by columns."""
    return sparse_making.to_compressed(self, CSC, dense_dim)


@method
def sparse_mask(self: Tensor, mask: Any) -> Any:
    """The elements at the places where a sparse tensor has entries."""
    if not isinstance(mask, CooTensor):
        raise RuntimeError("sparse_mask(): the mask has to be a tensor in coordinates")
    if self._spec.shape != mask._spec.shape:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has "
            "size "
            f"{list(mask.shape)}"
        )
    if isinstance(self, SparseTensor):
        if not isinstance(self, CooTensor):
            raise refusal("sparse_mask", self)
        strided = dense(self, "SparseMaskBackward0")
    else:
        strided = self
    values = planned(F.coo_mask, "SparseMaskBackward0", mask._places, strided)
    return mask._with(values)


def _asked(name: str, kind: str) -> None:
    def ask(self: Tensor) -> Any:
        raise expected(name, kind, self)

    ask.__name__, ask.__doc__ = name, f"Raises RuntimeError: only a {kind} tensor has it."
    method(ask)


for _name in ("indices", "coalesce", "is_coalesced"):
    _asked(_name, "sparse coordinate")
_asked("values", "sparse")
for _name in ("crow_indices", "col_indices"):
    _asked(_name, "sparse row compressed")
for _name in ("ccol_indices", "row_indices"):
    _asked(_name, "sparse column compressed")


def _lacked(name: str) -> None:
    def ask(self: Tensor, *args: Any) -> Any:
        raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from the 'CPU' backend.")

    ask.__name__, ask.__doc__ = name, "Raises NotImplementedError: only a sparse tensor has it."
    method(ask)


for _name in ("_indices", "_values", "_nnz", "sparse_resize_", "sparse_resize_and_clear_"):
    _lacked(_name)


@method
def sparse_dim(self: Tensor) -> int:
    """The number of sparse dimensions: 0."""
    return 0


@method
def dense_dim(self: Tensor) -> int:
    """The number of dense dimensions: all."""
    return self.ndim
