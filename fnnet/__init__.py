"""fnnet: PyTorch's semantics as pure JAX functions."""

from fnnet import functional as functional
from fnnet import init as init
from fnnet import layers as layers
from fnnet import random as random
from fnnet.layers import Layer as Layer
from fnnet.layers import Linear as Linear
from fnnet.layers import Sequential as Sequential

__version__ = "0.1.0"
