"""Parts of a graph that run under the control of one operation: loops' bodies and branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from fnnet.tensorflow.evaluate import State, evaluate, is_variable, needed
from fnnet.tensorflow.graph import Body, Operation, Operators, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import Unknown, World, is_known


class Part:
    """A function of Tensors, called once to enter its operations; `run` computes it for arrays.

    Attributes:
        results: what it gave, flattened.
        tree: how that was nested.
        captures: the tensors of the outer graph that it uses.
        cells: the state that it uses; `writes` those that it changes.
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Any, worlds: Sequence[tuple[World, ...]]
    ) -> None:
        graph, body = get_default_graph(), Body()
        with graph.building(body), graph.control_dependencies(None):
            self.arguments = [
                graph.create("Placeholder", None, (), "Identity", worlds=[tuple(map(_open, each))]).outputs[0]
                for each in worlds
            ]
            given = jax.tree.unflatten(jax.tree.structure(arguments), self.arguments)
            returned = function(*given)
            leaves, self.tree = jax.tree.flatten(returned)
            self.results = [_as_tensor(leaf) for leaf in leaves]
        self.operations = needed([t.op for t in self.results], self.arguments, body)
        inside = set(self.operations)
        used = [t for op in self.operations for t in op.inputs] + self.results
        outer = [t for t in used if t.op not in inside and t.op.body is not body and not is_variable(t.op)]
        self.captures = list(dict.fromkeys(outer))
        self.writes = list(dict.fromkeys(c for op in self.operations for c in op.writes))
        read = [c for op in self.operations for c in op.reads]
        read += [t.op for op in self.operations for t in op.inputs if is_variable(t.op)]
        self.cells = list(dict.fromkeys([*read, *self.writes]))

    def run(self, arguments: Sequence[Any], captures: dict[Tensor, Any], state: State) -> list[Any]:
        """The results for arrays in the arguments' places; changes `state`."""
        values = captures | dict(zip(self.arguments, arguments, strict=True))
        evaluate(self.operations, values, state)
        return [state[t.op] if is_variable(t.op) else values[t] for t in self.results]


def _open(world: World) -> World:
    return jax.ShapeDtypeStruct(np.shape(world), world.dtype) if isinstance(world, np.ndarray) else world


def _as_tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, Operation):
        with get_default_graph().control_dependencies([leaf]):
            return get_default_graph().constant(np.asarray(True), "Const")
    tensor = convert_to_tensor(leaf)
    if isinstance(leaf, Operators) and not is_known(tensor.worlds[0]):
        return tensor
    return tensor


def state_worlds(cell: Operation) -> tuple[World, ...]:
    """The worlds of what a cell holds."""
    if is_variable(cell):
        return cell.outputs[0].worlds
    return (jax.ShapeDtypeStruct((3,), np.uint64),) * 2


def owner(
    type: str,
    function: Callable[..., Any],
    inputs: Sequence[Tensor],
    parts: Sequence[Part],
    worlds: Sequence[tuple[World, ...]],
    name: str,
    static: Sequence[int] = (),
) -> list[Tensor]:
    """Enter the operation that runs `parts`: `function(state, *arrays)` gives its outputs.

    The state that it found is a further output each, from which its gradient can run it again.
    """
    cells = list(dict.fromkeys(cell for part in parts for cell in part.cells))
    writes = list(dict.fromkeys(cell for part in parts for cell in part.writes))

    def run(state: State, *arrays: Any) -> list[Any]:
        before = [state[cell] for cell in cells]
        return [*function(state, *arrays), *before]

    op = get_default_graph().create(
        type,
        run if cells else lambda *arrays: function({}, *arrays),
        inputs,
        name,
        worlds=[*worlds, *map(state_worlds, cells)],
        reads=cells,
        writes=writes,
        static=static,
        inner=[op for part in parts for op in part.operations],
    )
    return op.outputs[: len(worlds)]


def snapshots(op: Operation) -> list[Tensor]:
    """The outputs of an operation of `owner` that hold the state it found, in the order of `op.reads`."""
    return op.outputs[len(op.outputs) - len(op.reads) :]


def merged(first: tuple[World, ...], second: tuple[World, ...]) -> tuple[World, ...]:
    """The worlds of what may be either of two things."""
    from fnnet.tensorflow.infer import common_shape, unknown_sizes

    each = (*first, *second)
    shape = None if any(isinstance(w, Unknown) for w in each) else common_shape(each)
    return unknown_sizes(shape, first[0].dtype)
