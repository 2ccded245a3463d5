"""fnnet: PyTorch's semantics as pure JAX functions."""

from typing import Any as _Any

from fnnet import audio as audio
from fnnet import checkpoint as checkpoint
from fnnet import data as data
from fnnet import functional as functional
from fnnet import init as init
from fnnet import layers as layers
from fnnet import models as models
from fnnet import optim as optim
from fnnet import random as random
from fnnet import train as train
from fnnet.layers import *
from fnnet.train import fit as fit
from fnnet.train import fit_seeds as fit_seeds

__version__ = "0.1.0"


def __getattr__(name: str) -> _Any:
    """`fnnet.functionalize` is the adapter's, which is imported when it is first asked for."""
    if name == "functionalize":
        from fnnet.torch.functionalize import functionalize

        return functionalize
    raise AttributeError(f"module 'fnnet' has no attribute '{name}'")
