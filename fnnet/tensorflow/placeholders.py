"""What is fed (`tf.placeholder`), and the contexts of a graph under construction (`tf.name_scope`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

from fnnet.tensorflow import arrays
from fnnet.tensorflow.errors import InvalidArgumentError, at_node
from fnnet.tensorflow.graph import Graph, Tensor, get_default_graph
from fnnet.tensorflow.infer import worlds_of
from fnnet.tensorflow.specs import KERNEL_NAMES, TensorShape, as_dtype


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor whose numbers each run is fed with; None is a size that may differ from run to run."""
    kind, sizes = as_dtype(dtype), TensorShape(shape)

    def not_fed() -> Any:
        what = f"'{op.name}' with dtype {KERNEL_NAMES.get(kind.name, kind.name)}"
        what += f" and shape {sizes.in_brackets()}" if sizes else ""
        raise at_node(InvalidArgumentError, op.name, f"You must feed a value for placeholder tensor {what}")

    known = [(worlds_of(sizes.sizes, kind.as_numpy_dtype), kind.as_numpy_dtype)]
    op = get_default_graph().create("Placeholder", not_fed, (), name, known=known)
    return op.outputs[0]


def placeholder_with_default(input: Any, shape: Any, name: str | None = None) -> Tensor:
    """A tensor that has the value of `input` in a run that does not feed it."""
    tensor = arrays.identity(input, name or "PlaceholderWithDefault")
    tensor.shape = TensorShape(shape)
    tensor.known = (worlds_of(tensor.shape.sizes, tensor.known[1]), tensor.known[1])
    return tensor


def name_scope(name: Any, default_name: Any = None, values: Any = None) -> AbstractContextManager[str]:
    """Names of operations made within start with `name/`."""
    return get_default_graph().name_scope(default_name if name is None else name)


def _of_default_graph(method: Callable[..., Any]) -> Callable[..., Any]:
    return wraps(method)(lambda *args, **named: method(get_default_graph(), *args, **named))


control_dependencies = _of_default_graph(Graph.control_dependencies)
add_to_collection = _of_default_graph(Graph.add_to_collection)
get_collection = _of_default_graph(Graph.get_collection)
__all__ = ["control_dependencies", "name_scope", "placeholder", "placeholder_with_default"]
__all__ += ["add_to_collection", "get_collection"]
