"""What may be fetched and fed, by itself or by its name, in TensorFlow's words."""

from __future__ import annotations

from typing import Any

import numpy as np

from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Graph, Operation, Tensor


def element(graph: Graph, value: Any, *kinds: type[Tensor | Operation]) -> Any:
    """The Tensor or Operation of a graph that an object or a name ("x:0", "x") stands for."""
    if not isinstance(value, str):
        if not isinstance(value, kinds):
            words = " or ".join(kind.__name__ for kind in kinds)
            raise TypeError(f"Can not convert a {type(value).__name__} into a {words}.")
        if value.graph is not graph:
            raise ValueError(f"{type(value).__name__} {value} is not an element of this graph.")
        return value
    name, colon, index = value.partition(":")
    op = graph.operations.get(name)
    if not colon and Operation not in kinds:
        form = 'Tensor names must be of the form "<op_name>:<output_index>".'
        raise ValueError(f"The name '{value}' refers to an Operation, not a Tensor. {form}")
    if not colon and op is None:
        raise KeyError(f"The name '{value}' refers to an Operation not in the graph.")
    if op is None or (colon and not (index.isdigit() and int(index) < len(op.outputs))):
        found = f"exists but only has {len(op.outputs)} outputs." if op else "does not exist in the graph."
        missing = f"The name '{value}' refers to a Tensor which does not exist."
        raise KeyError(f"{missing} The operation, '{name}', {found}")
    return op.outputs[int(index)] if colon else op


def fetched(graph: Graph, fetch: Any) -> Any:
    """The Tensor or Operation that is fetched."""
    try:
        found = element(graph, fetch, Tensor, Operation)
    except TypeError as error:
        kind = f'has invalid type "{type(fetch).__name__}" must be a string or Tensor.'
        raise TypeError(f"Argument `fetch` = {fetch} {kind} ({error})") from None
    except (ValueError, KeyError) as error:
        raise ValueError(f"Argument `fetch` = {fetch} cannot be interpreted as a Tensor. ({error})") from None
    if getattr(found, "op", found).body is not None:
        raise ValueError(f"'{found.name}' has been marked as not fetchable.")
    return found


def fed(graph: Graph, key: Any, value: Any) -> tuple[Tensor, np.ndarray]:
    """The Tensor that is fed, and the array that takes its place."""
    try:
        tensor = element(graph, key, Tensor)
    except (TypeError, ValueError, KeyError) as error:
        raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
    if tensor.cell is not None:
        raise not_mirrored("feeding a variable")
    if isinstance(value, Tensor):
        raise TypeError(f"The value of a feed cannot be a tf.Tensor object. It was {value} for {key}.")
    try:
        array = np.asarray(value, tensor.dtype)
    except OverflowError:
        kinds = f"{type(value)} is not compatible with Tensor type {tensor.dtype.type}"
        advice = "Try explicitly setting the type of the feed tensor to a larger type (e.g. int64)."
        raise TypeError(f"Type of feed value {value} with type {kinds}. {advice}") from None
    if not tensor.shape.fits(array.shape):
        what = f"value of shape {array.shape} for Tensor {tensor.name}"
        raise ValueError(f"Cannot feed {what}, which has shape {tensor.shape}")
    return tensor, array


Graph.get_tensor_by_name = lambda self, name: element(self, name, Tensor)  # type: ignore[attr-defined]
Graph.get_operation_by_name = lambda self, name: element(self, name, Operation)  # type: ignore[attr-defined]
