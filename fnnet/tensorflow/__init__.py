"""`import fnnet.tensorflow as tf`: TensorFlow's static graphs, as programs of its first version write them.

A graph is described once, without data, and run in a `Session`: what a run asks for becomes one XLA program.
"""

from __future__ import annotations

from typing import Any as _Any

from fnnet.tensorflow import errors as errors
from fnnet.tensorflow import initializers as initializers
from fnnet.tensorflow import nn as nn
from fnnet.tensorflow import operators as operators
from fnnet.tensorflow import train as train
from fnnet.tensorflow.arrays import *
from fnnet.tensorflow.arrays import slice_ as slice  # noqa: F401
from fnnet.tensorflow.control_flow import *
from fnnet.tensorflow.dtypes import DTYPES as _DTYPES
from fnnet.tensorflow.dtypes import DType as DType
from fnnet.tensorflow.dtypes import as_dtype as as_dtype
from fnnet.tensorflow.gradient import gradients as gradients
from fnnet.tensorflow.graph import Graph as Graph
from fnnet.tensorflow.graph import Operation as Operation
from fnnet.tensorflow.graph import Tensor as Tensor
from fnnet.tensorflow.graph import convert_to_tensor as convert_to_tensor
from fnnet.tensorflow.graph import get_default_graph as get_default_graph
from fnnet.tensorflow.graph import reset_default_graph as reset_default_graph
from fnnet.tensorflow.initializers import *
from fnnet.tensorflow.mathematics import *
from fnnet.tensorflow.namespaces import GraphKeys as GraphKeys
from fnnet.tensorflow.namespaces import math as math
from fnnet.tensorflow.namespaces import random as random
from fnnet.tensorflow.placeholders import control_dependencies as control_dependencies
from fnnet.tensorflow.placeholders import name_scope as name_scope
from fnnet.tensorflow.placeholders import placeholder as placeholder
from fnnet.tensorflow.placeholders import placeholder_with_default as placeholder_with_default
from fnnet.tensorflow.random_ops import *
from fnnet.tensorflow.session import InteractiveSession as InteractiveSession
from fnnet.tensorflow.session import Session as Session
from fnnet.tensorflow.session import get_default_session as get_default_session
from fnnet.tensorflow.settings import *
from fnnet.tensorflow.shapes import Dimension as Dimension
from fnnet.tensorflow.shapes import TensorShape as TensorShape
from fnnet.tensorflow.variables import *
from fnnet.tensorflow.variables import tuple_ as tuple  # noqa: F401

__version__ = "2.21.0"  # of the TensorFlow whose `compat.v1` this is compared with

float16, bfloat16, float32, float64 = (_DTYPES[n] for n in ("float16", "bfloat16", "float32", "float64"))
int8, int16, int32, int64 = (_DTYPES[n] for n in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (_DTYPES[n] for n in ("uint8", "uint16", "uint32", "uint64"))
bool, complex64, complex128 = (_DTYPES[n] for n in ("bool", "complex64", "complex128"))
newaxis = None

from fnnet.tensorflow import compat as compat  # noqa: E402 (it looks names up in this module)


def __getattr__(name: str) -> _Any:
    raise AttributeError(f"module 'fnnet.tensorflow' has no attribute '{name}'")
