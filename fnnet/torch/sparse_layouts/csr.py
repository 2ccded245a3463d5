"""The methods of compressed sparse matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fnnet.torch.sparse_layouts.compressed import CSC, CSR, CompressedTensor, coo_of
from fnnet.torch.sparse_layouts.methods import gives
from fnnet.torch.sparse_layouts.places import selected
from fnnet.torch.sparse_layouts.questions import expected
from fnnet.torch.sparse_layouts.tensors import (
    CooTensor,
    named,
)
from fnnet.torch.tensor import Tensor, alias


@gives(CompressedTensor)
def to_dense(self: CompressedTensor, dtype: Any = None, *, masked_grad: bool | None = None) -> Tensor:
    """The strided tensor of the same elements."""
    return CooTensor.to_dense(coo_of(self), dtype, masked_grad=masked_grad)  # type: ignore[attr-defined]


def _part(name: str, lies: Any, kind: str, of: Callable[[CompressedTensor], Tensor]) -> None:
    def part(self: CompressedTensor) -> Tensor:
        if self.layout is not lies:
            raise expected(name, kind, self)
        return alias(of(self))

    part.__name__, part.__doc__ = name, "Indices."
    setattr(CompressedTensor, name, part)


_part("crow_indices", CSR, "sparse row compressed", lambda self: self._begins)
_part("col_indices", CSR, "sparse row compressed", lambda self: self._places)
_part("ccol_indices", CSC, "sparse column compressed", lambda self: self._begins)
_part("row_indices", CSC, "sparse column compressed", lambda self: self._places)


@gives(CompressedTensor)
def values(self: CompressedTensor) -> Tensor:
    """The values of the entries."""
    return named(self._numbers, "ValuesBackward0") if self.requires_grad else alias(self._numbers)


@gives(CompressedTensor)
def sparse_dim(self: CompressedTensor) -> int:
    """The number of sparse dimensions: 2."""
    return 2


@gives(CompressedTensor)
def dense_dim(self: CompressedTensor) -> int:
    """The number of dense dimensions: 0."""
    return 0


@gives(CompressedTensor)
def select(self: CompressedTensor, dim: int, index: int) -> Any:
    """A row or a column, in coordinates."""
    return selected(coo_of(self), dim, int(index))
