"""Running operations on arrays, inside a trace: which are needed, in which order, and what they change.

The order is that of creation. It is one of the orders that the graph allows (an operation can only take what
was there before it), and it decides what TensorFlow leaves to chance: a value is read before an assignment
that was created after the reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import errors
from fnnet.tensorflow.errors import FailedPreconditionError, InvalidArgumentError, at_node
from fnnet.tensorflow.graph import Operation, Tensor
from fnnet.tensorflow.infer import call, worlds_of

State: TypeAlias = dict[Operation, Any]
"""From a cell (a variable, a random operation, a guard) to its array. One that is not there has no value."""


def needed(targets: Iterable[Operation], given: Iterable[Tensor] = (), body: Any = None) -> list[Operation]:
    """The operations that `targets` depend on, without those that only `given` tensors need, in order."""
    fed = set(given)
    found: set[Operation] = set()
    waiting = list(targets)
    while waiting:
        op = waiting.pop()
        if op not in found and op.body is body:
            found.add(op)
            waiting += [t.op for t in op.inputs if t not in fed] + op.control_inputs
    return sorted(found, key=lambda op: op.id)


def evaluate(operations: Iterable[Operation], values: dict[Tensor, Any], state: State) -> None:
    """Run the operations: their outputs enter `values`, and what they change enters `state`."""
    for op in operations:
        if not op.outputs or not all(t in values for t in op.outputs):
            values.update(zip(op.outputs, run(op, values, state), strict=True))


def read(state: State, cell: Operation, reader: str) -> Any:
    """What a variable holds. Raises FailedPreconditionError if that is nothing yet."""
    if cell not in state:
        raise at_node(FailedPreconditionError, reader, f"Attempting to use uninitialized value {cell.name}")
    return state[cell]


def run(op: Operation, values: Mapping[Tensor, Any], state: State) -> list[Any]:
    """One operation's outputs. Shapes that do not fit raise InvalidArgumentError."""
    inputs = [values[t] for t in op.inputs]
    for i in op.static:
        if not isinstance(inputs[i], np.ndarray | np.generic):
            raise NotImplementedError(
                f"fnnet.tensorflow: '{op.name}' needs the value of '{op.inputs[i].name}' to tell a shape, "
                "and that depends on data"
            )
    try:
        if op.inner is not None:
            return list(op.function(state, *inputs))
        if not (op.reads or op.writes):
            return call(op.function, inputs, frozenset(op.static))
        arrays = [x if i in op.static else jnp.asarray(x) for i, x in enumerate(inputs)]
        results = partial(op.function, state)(*arrays)
        return list(results) if isinstance(results, tuple | list) else [results]
    except (errors.OpError, NotImplementedError):
        raise
    except errors.Mismatch as error:
        raise at_node(InvalidArgumentError, op.name, error.running) from None
    except (ValueError, RuntimeError, IndexError) as error:
        raise at_node(InvalidArgumentError, op.name, str(error)) from None


def guard(
    graph: Any, tensors: list[Tensor], at: int, fault: Any, words: str, node: str, static: Any = ()
) -> Tensor:
    """`tensors[at]` itself, in a run that raises InvalidArgumentError if `fault(*arrays)` finds something.

    It gives booleans, whether each element is at fault, and two integers for `words`, for each element or for
    all; `words` has also the element's place. A cell keeps the first fault, for `Session.run` to see.
    """

    def check(state: State, *arrays: Any) -> Any:
        bad, *numbers = fault(*arrays)
        first = jnp.argmax(bad) if bad.size else 0
        numbers = [jnp.ravel(jnp.broadcast_to(n, bad.shape))[first] if bad.size else 0 for n in numbers]
        now = jnp.stack([jnp.asarray(n, np.int64) for n in (jnp.any(bad), first, *numbers)])
        state[op] = jnp.where(state[op][0] == 0, now, state[op])
        return arrays[at]

    words = words if tensors[at].shape.ndims else words.replace("[{0}]", "")
    op = graph.create("Guard", check, tensors, "Guard", as_if=lambda *a: a[at], static=static)
    op.reads = op.writes = (op,)
    op.cell, op.words = (worlds_of((4,), np.int64), np.int64), (node, words)
    op.initial = lambda: np.zeros(4, np.int64)
    return op.outputs[0]
