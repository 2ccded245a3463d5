"""Which rows a step sees: mini-batches in order or shuffled, the last one smaller, or everything at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp


@dataclass(frozen=True)
class Batches:
    """How `rows` rows are cut into batches of `size`; the last one may be smaller.

    Attributes:
        rows: of the data.
        size: of a batch; equal to rows for full-batch training.
        drop_last: whether a smaller last batch is left out.
    """

    rows: int
    size: int
    drop_last: bool = False

    @classmethod
    def of(cls, data: Any, batch_size: int | None, drop_last: bool = False) -> Batches:
        """The cut of a pytree of arrays (rows, ...). Raises RuntimeError or ValueError if there is none."""
        leaves = jax.tree.leaves(data)
        if not leaves:
            raise ValueError("data: expected at least one array, got none")
        if batch_size is None and any(jnp.ndim(leaf) == 0 for leaf in leaves):
            return cls(1, 1)
        shapes = [jnp.shape(leaf) for leaf in leaves]
        if batch_size is None and len({shape[0] for shape in shapes}) > 1:
            return cls(1, 1)
        if any(not shape for shape in shapes) or len({shape[0] for shape in shapes}) > 1:
            raise RuntimeError(
                f"data: Size mismatch between tensors: the first axes differ, got shapes {shapes}"
            )
        rows = shapes[0][0]
        size = rows if batch_size is None else batch_size
        if isinstance(size, bool) or not isinstance(size, int):
            raise TypeError(f"batch_size: expected an int, got {type(size).__name__}")
        if size < 1 or rows < 1:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={size} (rows: {rows})"
            )
        if drop_last and size > rows:
            raise ValueError(
                f"drop_last: no batch is left: batch_size={size} is more than the {rows} rows of data"
            )
        return cls(rows, min(size, rows), drop_last)

    @property
    def full(self) -> int:
        """How many batches of `size` an epoch has."""
        return self.rows // self.size

    @property
    def tail(self) -> int:
        """How many rows the smaller last batch has; 0 if there is none."""
        return 0 if self.drop_last else self.rows % self.size

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch."""
        return self.full + (self.tail > 0)

    def take(self, data: Any, order: jax.Array | None, position: Any, count: int) -> Any:
        """The batch of `count` rows that is number `position` of its epoch.

        Args:
            data: a pytree of arrays (rows, ...).
            order: the epoch's order of the rows (rows,); None for their own.
            position: from 0; may be traced.
            count: `size`, or `tail` for the smaller last batch.
        """
        if order is None:
            if count == self.rows:
                return data
            return jax.tree.map(lambda x: jax.lax.dynamic_slice_in_dim(x, position * self.size, count), data)
        chosen = jax.lax.dynamic_slice_in_dim(order, position * self.size, count)
        return jax.tree.map(lambda x: jnp.asarray(x).at[chosen].get(mode="promise_in_bounds"), data)


def epoch_order(key: jax.Array, epoch: Any, rows: int) -> jax.Array:
    """The order of the rows in an epoch by a JAX key: a permutation by `fold_in(key, epoch)`."""
    return jax.random.permutation(jax.random.fold_in(key, epoch), rows)
