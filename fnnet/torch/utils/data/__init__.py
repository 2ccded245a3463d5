"""torch.utils.data: datasets, samplers and the loader with its worker processes."""

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
