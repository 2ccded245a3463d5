"""Data: the orders of samplers and loaders, datasets from their files, pictures synthetic and transformed."""

from fnnet.data import cifar as cifar
from fnnet.data import sampler as sampler
from fnnet.data import synthetic as synthetic
from fnnet.data import text as text
from fnnet.data.cifar import cifar10 as cifar10
from fnnet.data.cifar import cifar100 as cifar100
from fnnet.data.cifar import has_cifar10 as has_cifar10
from fnnet.data.idx import mnist as mnist
from fnnet.data.idx import read_idx as read_idx
from fnnet.data.pictures import normalize as normalize
from fnnet.data.pictures import to_float as to_float
from fnnet.data.synthetic import synthetic_pictures as synthetic_pictures

CIFAR10_CLASSES = cifar.CLASSES
SYNTHETIC_CLASSES = synthetic.CLASSES
