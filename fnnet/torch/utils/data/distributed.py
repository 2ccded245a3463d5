"""The sampler of one of several replicas."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax

from fnnet.data import sampler as orders
from fnnet.torch.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every `num_replicas`-th index of an order that all replicas share; equally many for each.

    Replica and number of replicas default to JAX's process. Raises ValueError for a rank outside its
    interval.
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas = jax.process_count() if num_replicas is None else num_replicas
        self.rank = jax.process_index() if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise ValueError(
                f"Invalid rank {self.rank}, rank should be in the interval [0, {self.num_replicas - 1}]"
            )
        self.dataset = dataset
        self.epoch = 0
        self.drop_last = drop_last
        self.shuffle = shuffle
        self.seed = seed
        count = len(dataset)
        self.num_samples = count // self.num_replicas if drop_last else -(-count // self.num_replicas)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        order = orders.distributed_order(
            len(self.dataset),
            self.num_replicas,
            self.rank,
            self.epoch,
            self.shuffle,
            self.seed,
            self.drop_last,
        )
        return iter(order.tolist())

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which pass comes next: each has an order of its own."""
        self.epoch = epoch
