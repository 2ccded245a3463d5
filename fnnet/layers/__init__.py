"""Layers: hyper-parameters, initial parameters and a pure call; PyTorch's names, layouts and defaults."""

from fnnet.layers.container import Sequential as Sequential
from fnnet.layers.layer import Layer as Layer
from fnnet.layers.layer import Scope as Scope
from fnnet.layers.linear import Linear as Linear
