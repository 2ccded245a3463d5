"""What is fed, and the two contexts of a graph under construction (`tf.placeholder`, `tf.name_scope`)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from fnnet.tensorflow.apply import apply
from fnnet.tensorflow.dtypes import as_dtype
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.infer import unknown_sizes
from fnnet.tensorflow.shapes import TensorShape

__all__ = ["control_dependencies", "name_scope", "placeholder", "placeholder_with_default"]


def _sizes(shape: Any) -> list[int | None] | None:
    known = TensorShape(shape)
    return None if known.ndims is None else known.as_list()


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor whose numbers each run is fed with; None is a size that may differ from run to run."""
    worlds = [unknown_sizes(_sizes(shape), as_dtype(dtype).as_numpy_dtype)]
    return get_default_graph().create("Placeholder", None, (), name, worlds=worlds).outputs[0]


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor that has the value of `input` in a run that does not feed it."""
    tensor = apply("PlaceholderWithDefault", lambda x: x, [("input", input)], name)
    tensor.worlds = unknown_sizes(_sizes(shape), tensor.dtype.as_numpy_dtype)
    tensor._shape = TensorShape(shape)
    return tensor


def name_scope(
    name: str | None, default_name: str | None = None, values: Any = None
) -> AbstractContextManager[str]:
    """Names of operations made within start with `name/`."""
    return get_default_graph().name_scope(default_name if name is None else name)


def control_dependencies(control_inputs: Any) -> AbstractContextManager[None]:
    """Operations made within run after `control_inputs`."""
    return get_default_graph().control_dependencies(control_inputs)
