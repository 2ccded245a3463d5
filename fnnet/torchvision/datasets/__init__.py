"""torchvision.datasets: pictures from their own files, or made up."""

from fnnet.torchvision.datasets import utils as utils
from fnnet.torchvision.datasets.cifar import CIFAR10 as CIFAR10
from fnnet.torchvision.datasets.cifar import CIFAR100 as CIFAR100
from fnnet.torchvision.datasets.fakedata import FakeData as FakeData
from fnnet.torchvision.datasets.folder import DatasetFolder as DatasetFolder
from fnnet.torchvision.datasets.folder import ImageFolder as ImageFolder
from fnnet.torchvision.datasets.mnist import KMNIST as KMNIST
from fnnet.torchvision.datasets.mnist import MNIST as MNIST
from fnnet.torchvision.datasets.mnist import FashionMNIST as FashionMNIST
from fnnet.torchvision.datasets.vision import VisionDataset as VisionDataset


def __getattr__(name: str) -> object:
    """A dataset that torchvision has and fnnet lacks says so."""
    raise AttributeError(f"module 'torchvision.datasets' has no attribute '{name}' in fnnet")
