"""fnnet: PyTorch's semantics as pure JAX functions.

What the package offers is imported when it is first asked for: a program pays for what it uses.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

if _TYPE_CHECKING:
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
    from fnnet.torch.functionalize import functionalize as functionalize
    from fnnet.train import fit as fit
    from fnnet.train import fit_seeds as fit_seeds

__version__ = "0.1.0"

_ROOMS = frozenset(
    ("audio", "checkpoint", "data", "functional", "init", "layers", "models", "optim", "random", "train")
)
_ADAPTERS = frozenset(("parity", "tensorflow", "torch", "torchvision"))
_FROM = {
    "fit": "fnnet.train",
    "fit_seeds": "fnnet.train",
    "functionalize": "fnnet.torch.functionalize",
}


def _names() -> list[str]:
    return sorted({*_ROOMS, *_FROM, *_import_module("fnnet.layers").__all__})


def __getattr__(name: str) -> _Any:
    if name in _ROOMS or name in _ADAPTERS:
        return _import_module(f"fnnet.{name}")
    if name == "__all__":
        return _names()
    if not name.startswith("_"):
        layers = _import_module("fnnet.layers")
        where = _import_module(_FROM[name]) if name in _FROM else layers
        if name in _FROM or name in layers.__all__:
            found = globals()[name] = getattr(where, name)
            return found
    raise AttributeError(f"module 'fnnet' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*_names(), *_ADAPTERS, *globals()})
