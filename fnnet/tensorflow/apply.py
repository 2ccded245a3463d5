"""How a function of TensorFlow's becomes an operation of the graph: inputs converted and named, one dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fnnet.tensorflow.graph import Operation, Operators, Tensor, convert_to_tensor, get_default_graph

__all__ = ["add_operation", "apply", "elementwise"]


def _same_dtype(type: str, inputs: Sequence[tuple[str, Any]]) -> list[Tensor]:
    """All inputs in the dtype of the first; TypeError in TensorFlow's words if one does not fit."""
    first = convert_to_tensor(inputs[0][1], name=inputs[0][0])
    tensors = [first]
    for label, value in inputs[1:]:
        try:
            tensor = convert_to_tensor(value, first.dtype, label)
        except (TypeError, ValueError):
            found = value if isinstance(value, Operators) else None
            if found is None and value is None:
                raise
            name = _dtype_name(value)
            raise TypeError(
                f"Input '{label}' of '{type}' Op has type {name} that does not match type "
                f"{first.dtype.base_dtype.name} of argument '{inputs[0][0]}'."
            ) from None
        tensors.append(tensor)
    return tensors


def _dtype_name(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    return convert_to_tensor(value).dtype.base_dtype.name


def add_operation(
    type: str,
    function: Callable[..., Any] | None,
    inputs: Sequence[tuple[str, Any]],
    name: str | None,
    *,
    same: bool = True,
    checked: Sequence[tuple[str, Any]] = (),
    **options: Any,
) -> Operation:
    """Enter an operation whose inputs are what users gave: Tensors, Variables, numbers, lists, arrays.

    Args:
        inputs: (name, value); of one dtype if `same`.
        checked: further (name, value), of dtypes of their own: axes, shapes.
        options: as in `Graph.create`.
    """
    graph = get_default_graph()
    with graph.name_scope(name or type) as scope:
        if same and inputs:
            tensors = _same_dtype(type, inputs)
        else:
            tensors = [convert_to_tensor(value, name=label) for label, value in inputs]
        tensors += [convert_to_tensor(value, name=label) for label, value in checked]
        return graph.create(type, function, tensors, scope, **options)


def apply(
    type: str,
    function: Callable[..., Any],
    inputs: Sequence[tuple[str, Any]],
    name: str | None,
    **options: Any,
) -> Tensor:
    """Enter an operation of one output, and give that."""
    return add_operation(type, function, inputs, name, **options).outputs[0]


def elementwise(
    type: str, function: Callable[..., Any], default: str, *labels: str, **options: Any
) -> Callable[..., Tensor]:
    """TensorFlow's function of an elementwise operation: arguments `labels`, then `name`."""

    def operation(*values: Any, name: str | None = None, **named: Any) -> Tensor:
        given = dict(zip((*labels, "name"), values, strict=False)) | named
        name = given.pop("name", name)
        if set(given) != set(labels):
            raise TypeError(f"{default}() takes the arguments {', '.join(labels)}; got {', '.join(given)}")
        return apply(type, function, [(label, given[label]) for label in labels], name or default, **options)

    operation.__name__ = operation.__qualname__ = default
    operation.__doc__ = f"TensorFlow's {type} of {', '.join(labels)}."
    return operation
