"""`import fnnet.tensorflow as tf`: TensorFlow's static graphs, as programs of its first version write them.

A graph is described once, without data, and run in a `Session`: what a run asks for becomes one XLA program.
"""

from __future__ import annotations

from types import ModuleType as _Module
from types import SimpleNamespace as _Names
from typing import Any as _Any

from fnnet.tensorflow import errors as errors
from fnnet.tensorflow import mathematics as mathematics
from fnnet.tensorflow import nn as nn
from fnnet.tensorflow import random_ops as _random
from fnnet.tensorflow import specs as _specs
from fnnet.tensorflow import train as train
from fnnet.tensorflow.arrays import *
from fnnet.tensorflow.control_flow import *
from fnnet.tensorflow.graph import Graph as Graph
from fnnet.tensorflow.graph import Operation as Operation
from fnnet.tensorflow.graph import Tensor as Tensor
from fnnet.tensorflow.graph import get_default_graph as get_default_graph
from fnnet.tensorflow.graph import reset_default_graph as reset_default_graph
from fnnet.tensorflow.mathematics import *
from fnnet.tensorflow.operation import constant as constant
from fnnet.tensorflow.operation import control_dependencies as control_dependencies
from fnnet.tensorflow.operation import convert_to_tensor as convert_to_tensor
from fnnet.tensorflow.operation import get_collection as get_collection
from fnnet.tensorflow.operation import name_scope as name_scope
from fnnet.tensorflow.operation import placeholder as placeholder
from fnnet.tensorflow.random_ops import *
from fnnet.tensorflow.session import Session as Session
from fnnet.tensorflow.specs import DType as DType
from fnnet.tensorflow.specs import TensorShape as TensorShape
from fnnet.tensorflow.specs import as_dtype as as_dtype
from fnnet.tensorflow.variables import *

__version__ = "2.21.0"  # of the TensorFlow whose `compat.v1` this is compared with

globals().update(_specs.DTYPES)
newaxis = None
math = mathematics
random = _Module("fnnet.tensorflow.random")
random.__dict__.update({name.removeprefix("random_"): getattr(_random, name) for name in _random.__all__})
GraphKeys = _Names(GLOBAL_VARIABLES="variables", TRAINABLE_VARIABLES="trainable_variables")
logging = _Names(ERROR=40, set_verbosity=lambda level: None)


class ConfigProto(_Names):
    """Options of a session. They are kept and not used."""

    def __init__(self, **options: _Any) -> None:
        super().__init__(**({"gpu_options": _Names()} | options))


def disable_v2_behavior() -> None:
    """Nothing: graphs and sessions are all there is."""


disable_eager_execution = disable_v2_behavior

from fnnet.tensorflow import compat as compat  # noqa: E402 (it looks names up in this module)
