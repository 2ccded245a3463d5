"""Layers: hyper-parameters, initial parameters and a pure call; PyTorch's names, layouts and defaults."""

from fnnet.layers import (
    activation,
    container,
    convolution,
    dropout,
    flatten,
    layer,
    linear,
    loss,
    pooling,
)
from fnnet.layers.activation import *
from fnnet.layers.container import *
from fnnet.layers.convolution import *
from fnnet.layers.dropout import *
from fnnet.layers.flatten import *
from fnnet.layers.layer import *
from fnnet.layers.linear import *
from fnnet.layers.loss import *
from fnnet.layers.pooling import *

__all__ = [
    *activation.__all__,
    *container.__all__,
    *convolution.__all__,
    *dropout.__all__,
    *flatten.__all__,
    *layer.__all__,
    *linear.__all__,
    *loss.__all__,
    *pooling.__all__,
]
