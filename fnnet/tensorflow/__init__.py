"""`import fnnet.tensorflow as tf`: TensorFlow's static graphs, as programs of its first version write them.

A graph is described once, without data, and run in a `Session`: what a run asks for becomes one XLA program.
"""

from __future__ import annotations

from types import SimpleNamespace as _Names
from typing import Any as _Any

from fnnet.tensorflow import errors as errors
from fnnet.tensorflow import initializers as initializers
from fnnet.tensorflow import mathematics as _mathematics
from fnnet.tensorflow import nn as nn
from fnnet.tensorflow import random_ops as _random
from fnnet.tensorflow import specs as _specs
from fnnet.tensorflow import train as train
from fnnet.tensorflow.arrays import *
from fnnet.tensorflow.arrays import slice_ as slice  # noqa: F401
from fnnet.tensorflow.control_flow import *
from fnnet.tensorflow.gradient import gradients as gradients
from fnnet.tensorflow.graph import Graph as Graph
from fnnet.tensorflow.graph import Operation as Operation
from fnnet.tensorflow.graph import Tensor as Tensor
from fnnet.tensorflow.graph import convert_to_tensor as convert_to_tensor
from fnnet.tensorflow.graph import get_default_graph as get_default_graph
from fnnet.tensorflow.graph import reset_default_graph as reset_default_graph
from fnnet.tensorflow.initializers import *
from fnnet.tensorflow.mathematics import *
from fnnet.tensorflow.placeholders import *
from fnnet.tensorflow.random_ops import *
from fnnet.tensorflow.session import InteractiveSession as InteractiveSession
from fnnet.tensorflow.session import Session as Session
from fnnet.tensorflow.session import get_default_session as get_default_session
from fnnet.tensorflow.specs import Dimension as Dimension
from fnnet.tensorflow.specs import DType as DType
from fnnet.tensorflow.specs import TensorShape as TensorShape
from fnnet.tensorflow.specs import as_dtype as as_dtype
from fnnet.tensorflow.variables import *
from fnnet.tensorflow.variables import tuple_ as tuple  # noqa: F401

__version__ = "2.21.0"  # of the TensorFlow whose `compat.v1` this is compared with

globals().update({name: _specs.DTYPES[name] for name in _specs.NAMES})
newaxis = None
math = _Names(**{name: getattr(_mathematics, name) for name in _mathematics.__all__})
random = _Names(**{name.removeprefix("random_"): getattr(_random, name) for name in _random.__all__})
random.set_random_seed = _random.set_random_seed
_KEYS = (
    "GLOBAL_VARIABLES",
    "TRAINABLE_VARIABLES",
    "LOCAL_VARIABLES",
    "GLOBAL_STEP",
    "LOSSES",
    "REGULARIZATION_LOSSES",
)
GraphKeys = _Names(**{key: "variables" if key == _KEYS[0] else key.lower() for key in _KEYS})
logging = _Names(
    DEBUG=10, INFO=20, WARN=30, ERROR=40, FATAL=50, set_verbosity=lambda level: None, info=lambda *_: None
)


class ConfigProto(_Names):
    """Options of a session. They are kept and not used."""

    def __init__(self, **options: _Any) -> None:
        super().__init__(**({"gpu_options": _Names()} | options))


GPUOptions = _Names


def disable_v2_behavior() -> None:
    """Nothing: graphs and sessions are all there is."""


disable_eager_execution = disable_v2_behavior

from fnnet.tensorflow import compat as compat  # noqa: E402 (it looks names up in this module)


def __getattr__(name: str) -> _Any:
    raise AttributeError(f"module 'fnnet.tensorflow' has no attribute '{name}'")
