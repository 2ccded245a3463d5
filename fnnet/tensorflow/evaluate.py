"""Running operations on arrays, inside a trace: which are needed, in which order, and what they change.

The order is that of creation. It is one of the orders that the graph allows (an operation can only take what
was there before it), and it decides what TensorFlow leaves to chance: a value is read before an assignment
that was created after the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from fnnet.tensorflow import errors
from fnnet.tensorflow.graph import Operation, Tensor
from fnnet.tensorflow.infer import call
from fnnet.tensorflow.mismatch import Mismatch

State = dict[Operation, Any]
"""From a variable, or a random operation, to its array. A variable that is not there has no value yet."""


def needed(targets: Iterable[Operation], given: Iterable[Tensor] = (), body: Any = None) -> list[Operation]:
    """The operations that `targets` depend on, without those that only `given` tensors need, in order."""
    fed = set(given)
    found: dict[Operation, None] = {}
    waiting = list(targets)
    while waiting:
        op = waiting.pop()
        if op in found or op.body is not body:
            continue
        found[op] = None
        waiting.extend(t.op for t in op.inputs if t not in fed)
        waiting.extend(op.control_inputs)
    return sorted(found, key=lambda op: op.id)


def is_variable(op: Operation) -> bool:
    """Whether the operation is a variable: its output refers to the state."""
    return op.type == "VariableV2"


def uninitialized(op: Operation, reader: Operation) -> errors.OpError:
    """The error of reading a variable that has no value."""
    return errors.at_node(
        errors.FailedPreconditionError, reader, f"Attempting to use uninitialized value {op.name}"
    )


def value_of(tensor: Tensor, values: Mapping[Tensor, Any], state: State, reader: Operation) -> Any:
    """A tensor's array: computed, or for a reference to a variable what the variable holds now."""
    if tensor in values:
        return values[tensor]
    if tensor.op not in state:
        raise uninitialized(tensor.op, reader)
    return state[tensor.op]


def evaluate(operations: Iterable[Operation], values: dict[Tensor, Any], state: State) -> None:
    """Run the operations: their outputs enter `values`, and what they change enters `state`."""
    for op in operations:
        if is_variable(op) or (op.outputs and all(t in values for t in op.outputs)):
            continue
        if op.constant is not None:
            values[op.outputs[0]] = op.constant
            continue
        if op.type == "NoOp":
            continue
        results = run(op, [_argument(op, t, values, state) for t in op.inputs], state)
        values.update(zip(op.outputs, results, strict=True))


def _argument(op: Operation, tensor: Tensor, values: Mapping[Tensor, Any], state: State) -> Any:
    if op.type in ("Assign", "IsVariableInitialized", "ApplyInitial") and is_variable(tensor.op):
        return np.zeros(0, tensor.dtype.as_numpy_dtype)  # what is written to needs no value
    return value_of(tensor, values, state, op)


def run(op: Operation, inputs: list[Any], state: State) -> list[Any]:
    """One operation. Shapes that do not fit raise InvalidArgumentError."""
    function: Callable[..., Any] | None = op.function
    if function is None:
        shape = op.outputs[0].shape.in_brackets()
        raise errors.at_node(
            errors.InvalidArgumentError,
            op,
            f"You must feed a value for placeholder tensor '{op.name}' with dtype {op.outputs[0].dtype.word}"
            + ("" if shape == "<unknown>" else f" and shape {shape}"),
        )
    for i in op.static:
        if not isinstance(inputs[i], np.ndarray | np.generic):
            raise NotImplementedError(
                f"fnnet.tensorflow: '{op.name}' needs the value of '{op.inputs[i].name}' to tell a shape, "
                "and that depends on data"
            )
    try:
        if op.stateful:
            return call(partial(function, state), inputs, op.static, pure=False, as_they_are=bool(op.inner))
        return call(function, inputs, op.static, not op.inner, bool(op.inner))
    except errors.OpError:
        raise
    except Mismatch as error:
        raise errors.at_node(errors.InvalidArgumentError, op, error.running) from None
    except (ValueError, RuntimeError, IndexError) as error:
        raise errors.at_node(errors.InvalidArgumentError, op, str(error)) from None
