"""The orders of the rows in each epoch, as `fit` hands them to its programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.data.sampler import epochs
from fnnet.train.program import Shuffle

TABLE_ENTRIES = 1 << 22
"""How many row numbers a table of orders may hold."""


def is_key(x: Any) -> bool:
    """Whether x is a JAX key or an array of keys (typed, or raw uint32)."""
    return hasattr(x, "dtype") and (jnp.issubdtype(x.dtype, jax.dtypes.prng_key) or x.dtype == jnp.uint32)


class Orders:
    """Where the orders of the epochs come from.

    Attributes:
        epochs: how many the run has, a begun one included.
        kind: "none", "key" (the programs make them) or "orders" (tables made here, epoch by epoch).
        shared: whether all seeds have the same order.
    """

    def __init__(self, shuffle: Any, rows: int, epochs: int, seeds: int | None) -> None:
        self.rows = rows
        self.epochs = epochs
        self.seeds = seeds
        self.shared = True
        self.kind: Shuffle = "none"
        self._key: Any = None
        self._generators: list[Any] = []
        self._next_epoch = 0
        self._tables: list[tuple[int, np.ndarray]] = []
        self._states: dict[int, list[np.ndarray]] = {}
        if shuffle is None:
            return
        if is_key(shuffle):
            self.kind = "key"
            self._key = shuffle
            typed = jnp.issubdtype(shuffle.dtype, jax.dtypes.prng_key)
            self.shared = shuffle.ndim == (0 if typed else 1)
            if not self.shared and (seeds is None or shuffle.shape[0] != seeds):
                raise ValueError(
                    f"shuffle: expected one key or one a seed, got an array of shape {shuffle.shape}"
                )
            return
        many = isinstance(shuffle, Sequence)
        self._generators = list(shuffle) if many else [shuffle]
        self.shared = not many
        if many and len(self._generators) != seeds:
            raise ValueError(f"shuffle: expected one generator or one a seed, got {len(self._generators)}")
        for generator in self._generators:
            if not (hasattr(generator, "get_state") and hasattr(generator, "set_state")):
                raise TypeError(
                    "shuffle: expected None, a JAX key or a fnnet.random.Generator, "
                    f"got {type(generator).__name__}"
                )
        self.kind = "orders"

    @property
    def capacity(self) -> int:
        """How many epochs a table holds."""
        return max(1, min(64, self.epochs, TABLE_ENTRIES // max(1, self.rows * len(self._generators))))

    def argument(self, epoch: int) -> tuple[Any, int, int | None]:
        """What the programs take from `epoch` on: (argument, its first epoch, its end or None)."""
        if self.kind == "none":
            return None, 0, None
        if self.kind == "key":
            return self._key, 0, None
        for first, orders in self._tables:
            if first <= epoch < first + self.capacity:
                return orders, first, first + self.capacity
        if epoch != self._next_epoch:
            raise RuntimeError(f"shuffle: the generators stand at epoch {self._next_epoch}, not at {epoch}")
        self._states = {}
        drawn = [self._draw() for _ in range(min(self.capacity, self.epochs - epoch))]
        # Tables have one size, so that the compiled program fits all; the run draws for its own epochs only.
        orders = np.stack([*drawn, *[drawn[0]] * (self.capacity - len(drawn))])
        # The table before stays: a run that stops may have to take its last steps again.
        self._tables = [*self._tables[-1:], (epoch, orders)]
        return orders, epoch, epoch + self.capacity

    def _draw(self) -> np.ndarray:
        self._states[self._next_epoch] = [np.asarray(g.get_state()) for g in self._generators]
        self._next_epoch += 1
        drawn = [loader_order(generator, self.rows) for generator in self._generators]
        return drawn[0] if self.shared else np.stack(drawn)

    def states_before(self, epoch: int) -> list[np.ndarray]:
        """The generators' states before the draws of `epoch`, to begin again from there."""
        if self.kind != "orders":
            return []
        if epoch in self._states:
            return self._states[epoch]
        return [np.asarray(g.get_state()) for g in self._generators]

    def rewind(self, epoch: int, states: Sequence[np.ndarray]) -> None:
        """Put the generators where they stood before `epoch`."""
        for generator, state in zip(self._generators, states, strict=True):
            generator.set_state(state)
        self._next_epoch = epoch
        self._tables = []


def loader_order(generator: Any, rows: int) -> np.ndarray:
    """The order in which PyTorch's DataLoader(shuffle=True) gives the rows in the next epoch.

    The generator stands for PyTorch's default one; an epoch draws the workers' base seed from it, then the
    sampler's seed.
    """
    return next(epochs(generator, rows)).order.astype(np.int32)
