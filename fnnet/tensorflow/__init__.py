"""`import fnnet.tensorflow as tf`: TensorFlow's static graphs, as programs of its first version write them.

A graph is described once, without data, and run in a `Session`: what a run asks for becomes one XLA program.
"""

from types import ModuleType as _Module
from types import SimpleNamespace as _Names

from fnnet.tensorflow import arrays as _arrays
from fnnet.tensorflow import control_flow as _control_flow
from fnnet.tensorflow import errors as errors
from fnnet.tensorflow import gradients as _gradients
from fnnet.tensorflow import graph as _graph
from fnnet.tensorflow import mathematics as math
from fnnet.tensorflow import nn as nn
from fnnet.tensorflow import operation as _operation
from fnnet.tensorflow import random_ops as _random
from fnnet.tensorflow import specs as _specs
from fnnet.tensorflow import train as train
from fnnet.tensorflow import variables as _variables
from fnnet.tensorflow.session import InteractiveSession as InteractiveSession
from fnnet.tensorflow.session import Session as Session
from fnnet.tensorflow.specs import TensorShape as TensorShape
from fnnet.tensorflow.specs import as_dtype as as_dtype

__version__ = "2.21.0"  # of the TensorFlow whose `compat.v1` this is compared with


def _own(module: _Module) -> dict[str, object]:
    """What a module defines or declares for users, without what it imports."""
    own = {name: value for name, value in vars(module).items() if name[0] != "_" and name not in _INNER}
    return {
        name: value for name, value in own.items() if getattr(value, "__module__", None) == module.__name__
    }


_INNER = {"STACKS", "ints", "matching", "operation"}
for _module in (_arrays, _control_flow, _gradients, _graph, math, _operation, _random, _variables):
    globals().update(_own(_module))
globals().update(_specs.DTYPES)
newaxis = None
random = _Module("fnnet.tensorflow.random")
random.__dict__.update({name.removeprefix("random_"): value for name, value in _own(_random).items()})
logging = _Names(ERROR=40, set_verbosity=lambda level: None)


def disable_v2_behavior() -> None:
    """Nothing: graphs and sessions are all there is."""


disable_eager_execution = disable_v2_behavior

from fnnet.tensorflow import compat as compat  # noqa: E402 (it looks names up in this module)
