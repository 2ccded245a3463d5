"""fnnet: PyTorch's semantics as pure JAX functions."""

from fnnet import functional as functional
from fnnet import init as init
from fnnet import layers as layers
from fnnet import optim as optim
from fnnet import random as random
from fnnet.layers import *

__version__ = "0.1.0"
