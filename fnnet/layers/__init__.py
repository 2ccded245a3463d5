"""Layers: hyper-parameters, initial parameters and a pure call; PyTorch's names, layouts and defaults."""

from fnnet.layers import (
    activation,
    adaptive,
    attention,
    container,
    convolution,
    dropout,
    embedding,
    flatten,
    function_layer,
    layer,
    lazy,
    linear,
    linear_cross_entropy,
    loss,
    normalization,
    padding,
    parametrization,
    pooling,
    recurrent,
    spatial,
    transformer,
)
from fnnet.layers.activation import *
from fnnet.layers.adaptive import *
from fnnet.layers.attention import *
from fnnet.layers.container import *
from fnnet.layers.convolution import *
from fnnet.layers.dropout import *
from fnnet.layers.embedding import *
from fnnet.layers.flatten import *
from fnnet.layers.function_layer import *
from fnnet.layers.layer import *
from fnnet.layers.lazy import *
from fnnet.layers.linear import *
from fnnet.layers.linear_cross_entropy import *
from fnnet.layers.loss import *
from fnnet.layers.normalization import *
from fnnet.layers.padding import *
from fnnet.layers.parametrization import *
from fnnet.layers.pooling import *
from fnnet.layers.recurrent import *
from fnnet.layers.spatial import *
from fnnet.layers.transformer import *

__all__ = [
    *activation.__all__,
    *adaptive.__all__,
    *recurrent.__all__,
    *attention.__all__,
    *container.__all__,
    *convolution.__all__,
    *dropout.__all__,
    *embedding.__all__,
    *flatten.__all__,
    *function_layer.__all__,
    *layer.__all__,
    *lazy.__all__,
    *linear.__all__,
    *linear_cross_entropy.__all__,
    *loss.__all__,
    *normalization.__all__,
    *padding.__all__,
    *parametrization.__all__,
    *pooling.__all__,
    *spatial.__all__,
    *transformer.__all__,
]
