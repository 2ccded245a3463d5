"""`import tensorflow.compat.v1 as tf`: the same names as `fnnet.tensorflow`."""

from typing import Any

import fnnet.tensorflow as _tf


def __getattr__(name: str) -> Any:
    return getattr(_tf, name)
