"""torch.utils.data: datasets, samplers and the loader with its worker processes."""

from collections.abc import Callable as _Callable
from typing import Any as _Any

from fnnet.torch.places import spell as _spell
from fnnet.torch.utils.data import collating as _collating
from fnnet.torch.utils.data import dataloader as _dataloader
from fnnet.torch.utils.data import fetching as _fetching
from fnnet.torch.utils.data import iterating as _iterating
from fnnet.torch.utils.data.collating import default_collate as default_collate
from fnnet.torch.utils.data.collating import default_convert as default_convert
from fnnet.torch.utils.data.dataloader import DataLoader as DataLoader
from fnnet.torch.utils.data.dataset import ChainDataset as ChainDataset
from fnnet.torch.utils.data.dataset import ConcatDataset as ConcatDataset
from fnnet.torch.utils.data.dataset import Dataset as Dataset
from fnnet.torch.utils.data.dataset import IterableDataset as IterableDataset
from fnnet.torch.utils.data.dataset import StackDataset as StackDataset
from fnnet.torch.utils.data.dataset import Subset as Subset
from fnnet.torch.utils.data.dataset import TensorDataset as TensorDataset
from fnnet.torch.utils.data.dataset import random_split as random_split
from fnnet.torch.utils.data.distributed import DistributedSampler as DistributedSampler
from fnnet.torch.utils.data.sampler import BatchSampler as BatchSampler
from fnnet.torch.utils.data.sampler import RandomSampler as RandomSampler
from fnnet.torch.utils.data.sampler import Sampler as Sampler
from fnnet.torch.utils.data.sampler import SequentialSampler as SequentialSampler
from fnnet.torch.utils.data.sampler import SubsetRandomSampler as SubsetRandomSampler
from fnnet.torch.utils.data.sampler import WeightedRandomSampler as WeightedRandomSampler
from fnnet.torch.utils.data.worker import WorkerInfo as WorkerInfo
from fnnet.torch.utils.data.worker import get_worker_info as get_worker_info

__all__ = [
    "BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "DistributedSampler",
    "IterableDataset", "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset",
    "SubsetRandomSampler", "TensorDataset", "WeightedRandomSampler", "_DatasetKind", "default_collate",
    "default_convert", "get_worker_info", "random_split",
]  # fmt: skip


class _DatasetKind:
    """What fetches items: those of a map, or of a stream."""

    Map, Iterable = 0, 1

    @staticmethod
    def create_fetcher(kind: int, *args: _Any) -> _Any:
        """The fetcher of this kind."""
        return (_fetching.StreamFetcher if kind else _fetching.MapFetcher)(*args)


_dataloader.__dict__.update(
    default_collate=default_collate,
    get_worker_info=get_worker_info,
    _DatasetKind=_DatasetKind,
    _BaseDataLoaderIter=_iterating._BaseDataLoaderIter,
    _SingleProcessDataLoaderIter=_iterating._SingleProcessDataLoaderIter,
    _MultiProcessingDataLoaderIter=_iterating._MultiProcessingDataLoaderIter,
    _collate_fn_t=_Callable[[list[_Any]], _Any],
)
_spell(
    f"{__name__}._utils.collate",
    collate=_collating.collate,
    default_collate=default_collate,
    default_convert=default_convert,
    default_collate_fn_map=_collating.default_collate_fn_map,
    default_collate_err_msg_format=_collating._BAD,
    np_str_obj_array_pattern=_collating._NOT_NUMBERS,
    collate_tensor_fn=_collating._collate_tensors,
    collate_numpy_array_fn=_collating._collate_arrays,
    collate_numpy_scalar_fn=_collating._collate_scalars,
    collate_float_fn=_collating._collate_floats,
    collate_int_fn=_collating._collate_ints,
    collate_str_fn=_collating._unchanged,
)
_spell(
    f"{__name__}._utils.fetch",
    _MapDatasetFetcher=_fetching.MapFetcher,
    _IterableDatasetFetcher=_fetching.StreamFetcher,
)
_spell(f"{__name__}._utils.worker", WorkerInfo=WorkerInfo, get_worker_info=get_worker_info)
