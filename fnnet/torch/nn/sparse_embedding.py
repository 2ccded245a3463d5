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
from fnnet.torch.spec import spec_of
from fnnet.torch.tensor import Tensor

__all__ = ["sparse_bags", "sparse_rows"]


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

    def pull(rows: Any, gradient: Any) -> tuple[Tensor, Tensor]:
        if scale_grad_by_freq:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        flat, values = rows.reshape(1, -1).long(), gradient.reshape(-1, columns)
        if padding is None:
            return flat, values
        counted = np.flatnonzero(np.asarray(flat._value().read())[0] != padding)
        if len(counted) == flat.shape[1]:
            return flat, values
        taken = from_array(counted, flat.device)
        return flat.index_select(1, taken), values.index_select(0, taken)

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
