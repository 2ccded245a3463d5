"""Lookups whose gradient is a sparse tensor: `embedding` and `embedding_bag` with `sparse=True`."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.torch.autograd.graph import edge_of
from fnnet.torch.autograd.sparse_gradients import rows_node
from fnnet.torch.call import call
from fnnet.torch.creation import arange, from_array, zeros
from fnnet.torch.declare import OPS
from fnnet.torch.mode import MODE, no_grad
from fnnet.torch.sparse_layouts.tensors import COO, CooTensor, SparseSpec, coo, known
from fnnet.torch.spec import spec_of
from fnnet.torch.storage import Version
from fnnet.torch.tensor import Tensor

__all__ = ["sparse_bags", "sparse_rows"]


class PaddedTensor(CooTensor):
    """The gradient of a table with a padding, which is looked for when somebody asks what entries there are.

    So a step takes as many entries in each turn, whatever of them is padding, and the program stays the same.
    """

    _entries: tuple[Any, Any]
    _padding: int | None
    _kept: Any = None

    def _found(self) -> tuple[Any, Any]:
        if self._kept is None:
            places, values = self._entries
            counted = np.flatnonzero(known(places)[0] != self._padding)
            if len(counted) < places.shape[1]:
                taken = from_array(counted, places.device)
                places, values = places.index_select(1, taken), values.index_select(0, taken)
            self._kept = places, values
        return self._kept

    @property
    def _places(self) -> Any:
        return self._found()[0]

    @_places.setter
    def _places(self, places: Any) -> None:
        self._kept = places, self._kept[1] if self._kept else None
        self._entries, self._padding = self._kept, None

    @property
    def _numbers(self) -> Any:
        return self._found()[1]

    @_numbers.setter
    def _numbers(self, values: Any) -> None:
        self._kept = self._kept[0] if self._kept else None, values
        self._entries, self._padding = self._kept, None

    def all_entries(self) -> CooTensor:
        """With the paddings, whose row is one that the table does not have."""
        places, values = self._entries
        if self._padding is not None:
            places = places.masked_fill(places == self._padding, self._spec.shape[0])
        return coo(places, values, self._spec.shape, False)


PaddedTensor.__name__ = PaddedTensor.__qualname__ = "Tensor"
PaddedTensor.__module__ = "torch"


def sparse_rows(
    input: Any, weight: Any, padding_idx: int | None = None, scale_grad_by_freq: bool = False
) -> Tensor:
    """Rows of a table; the table's gradient has an entry for each of them that is not a padding."""
    with no_grad():
        made: Tensor = call(OPS["embedding"], (input, weight, padding_idx), {})
    if not MODE.enabled or not weight.requires_grad:
        return made
    padding = None if padding_idx is None else padding_idx % weight.shape[0]
    columns = weight.shape[1]

    def _padded(flat: Any, values: Any) -> CooTensor:
        made: PaddedTensor = object.__new__(PaddedTensor)
        made._spec = SparseSpec(weight.shape, values.dtype, values.device, COO)
        made._entries, made._padding = (flat, values), padding
        made._coalesced, made._counter = False, Version()
        return made

    def pull(rows: Any, gradient: Any) -> CooTensor:
        if scale_grad_by_freq:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        flat, values = rows.reshape(1, -1).long(), gradient.reshape(-1, columns)
        return coo(flat, values, weight.shape, False) if padding is None else _padded(flat, values)

    spec = spec_of(made.shape, made.dtype, made.device)
    made._fn = rows_node(
        "EmbeddingBackward0", (None, edge_of(weight)), spec, input.detach(), weight.shape, pull
    )
    return made


def sparse_bags(
    input: Any, weight: Any, offsets: Any, scale_grad_by_freq: bool, options: tuple[Any, ...]
) -> Any:
    """Sums or means of bags of rows of a table, whose gradient has an entry for each row of each bag.

    The rows are looked up, and the bags made of them, as of a table of their own.
    """
    mode, per_sample_weights, include_last_offset, padding_idx = options
    if mode == "max":
        raise ValueError("max mode does not support sparse weights")
    flat = input.reshape(-1)
    count = flat.shape[0]
    rows: Any = sparse_rows(flat, weight, padding_idx, scale_grad_by_freq)
    own: Any = arange(count, device=input.device)
    if padding_idx is not None:
        own = own.masked_fill(flat == padding_idx % weight.shape[0], count)
        rows = call(
            OPS["cat"], ([rows, zeros(1, weight.shape[1], dtype=weight.dtype, device=weight.device)],), {}
        )
    further = (None, 2.0, False, mode, False, per_sample_weights, include_last_offset)
    place = None if padding_idx is None else count
    return call(OPS["embedding_bag"], (own.reshape(input.shape), rows, offsets, *further, place), {})
