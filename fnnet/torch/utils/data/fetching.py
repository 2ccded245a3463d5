"""How the data of one batch is fetched, in the main process or in a worker."""

from __future__ import annotations

from typing import Any

from fnnet.torch.utils.data.collating import default_collate
from fnnet.torch.utils.data.dataset import IterableDataset, TensorDataset, items_of


class StreamFetcher:
    """Takes as many items of a stream as there are indices. Raises StopIteration at the end."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Any, drop_last: bool) -> None:
        self.batched, self.collate_fn, self.drop_last = batched, collate_fn, drop_last
        self.items = iter(dataset)
        self.ended = False

    def fetch(self, index: Any) -> Any:
        if self.ended:
            raise StopIteration
        if not self.batched:
            return self.collate_fn(next(self.items))
        data = []
        for _ in index:
            try:
                data.append(next(self.items))
            except StopIteration:
                self.ended = True
                break
        if not data or (self.drop_last and len(data) < len(index)):
            raise StopIteration
        return self.collate_fn(data)


class MapFetcher:
    """Takes the items at the indices."""

    def __init__(self, dataset: Any, batched: bool, collate_fn: Any, drop_last: bool) -> None:
        self.dataset, self.batched, self.collate_fn = dataset, batched, collate_fn
        # stacking the rows of a tensor is indexing it: one operation instead of one a row
        self.rows = (
            batched
            and collate_fn is default_collate
            and type(dataset) is TensorDataset
            and bool(dataset.tensors)
            and not any(one.requires_grad for one in dataset.tensors)
        )

    def fetch(self, index: Any) -> Any:
        if self.rows and all(type(i) is int for i in index) and index:
            return [one[index] for one in self.dataset.tensors]
        return self.collate_fn(items_of(self.dataset, index) if self.batched else self.dataset[index])


def fetcher_of(dataset: Any, batched: bool, collate_fn: Any, drop_last: bool) -> StreamFetcher | MapFetcher:
    """The fetcher for this kind of dataset."""
    kind = StreamFetcher if isinstance(dataset, IterableDataset) else MapFetcher
    return kind(dataset, batched, collate_fn, drop_last)
