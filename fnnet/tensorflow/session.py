"""How a graph runs.

What a run fetches becomes one function of (state, fed arrays) that gives (fetched arrays, new state), which
`jax.jit` compiles: once for each set of fetches and shapes. Operations run in the order of their creation.
That is one of the orders that the graph allows, and it decides what TensorFlow leaves to chance: a value is
read before an assignment that was created after the reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify

from fnnet.tensorflow.errors import FailedPreconditionError, InvalidArgumentError, OpError, not_mirrored
from fnnet.tensorflow.graph import STACKS, Graph, Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import call, is_known
from fnnet.tensorflow.names import fed, fetched

State = dict[Any, Any]
"""From the name of a cell (a variable, a random operation) to its array, if it has a value."""


def needed(targets: Iterable[Operation], given: Iterable[Tensor] = (), body: Any = None) -> list[Operation]:
    """The operations that `targets` depend on, without those that only `given` tensors need, in order."""
    known, found, waiting = set(given), set[Operation](), list(targets)
    while waiting:
        op = waiting.pop()
        if op not in found and op.body is body:
            found.add(op)
            waiting += [t.op for t in op.inputs if t not in known] + op.control_inputs
    return sorted(found, key=lambda op: op.id)


def inherited(inner: list[Operation]) -> dict[str, Any]:
    """The options of an operation that runs others."""
    sizes = frozenset[Tensor]().union(*(op.sizes for op in inner))
    return {"sizes": sizes, "checks": any(op.checks for op in inner)}


def read(state: State, cell: Operation, reader: str) -> Any:
    """What a variable holds. Raises FailedPreconditionError if that is nothing yet."""
    if cell.name not in state:
        raise FailedPreconditionError(reader, f"Attempting to use uninitialized value {cell.name}")
    return state[cell.name]


def compute(op: Operation, inputs: list[Any], state: State) -> list[Any]:
    """The outputs of one operation, inside a trace."""
    if not all(is_known(inputs[i]) for i in op.static):
        raise not_mirrored(f"a shape, an axis or a slice that depends on data ('{op.name}')")
    try:
        return call(op.function, inputs, op.static) if op.cells is None else op.function(state, *inputs)
    except (TypeError, ValueError, IndexError) as error:
        raise InvalidArgumentError(op.name, str(error)) from None


def evaluate(operations: Iterable[Operation], values: dict[Tensor, Any], state: State) -> None:
    """Run the operations: their outputs enter `values`, unless given, and what they change enters `state`."""
    for op in operations:
        if not op.outputs or any(t not in values for t in op.outputs):
            results = compute(op, [values[t] for t in op.inputs], state)
            values.update({t: r for t, r in zip(op.outputs, results, strict=True) if t not in values})


class _Program:
    """What a set of fetches needs: its operations in order, compiled."""

    def __init__(self, graph: Graph, targets: tuple[Any, ...], given: tuple[Tensor, ...]) -> None:
        self.graph, self.given, self.fetched = graph, given, [t for t in targets if isinstance(t, Tensor)]
        self.operations = needed([getattr(t, "op", t) for t in targets if t not in given], given)
        self.cells = list(dict.fromkeys(cell for op in self.operations for cell in op.cells or ()))
        made_of = frozenset[Tensor]().union(*(op.sizes for op in self.operations))
        self.sizes = [i for i, t in enumerate(given) if t in made_of]  # their numbers are part of the program
        self.checks = any(op.checks for op in self.operations)
        # a run that fails must leave the state as it was: only without checks is it overwritten
        function, donated = (checkify.checkify(self._compute), ()) if self.checks else (self._compute, 1)
        self.call: Any = jax.jit(function, static_argnums=0, donate_argnums=donated)

    def _compute(self, sizes: Any, state: State, arrays: list[Any]) -> tuple[list[Any], State]:
        before, state, values = state, dict(state), dict(zip(self.given, arrays, strict=True))
        for i, shape, data in sizes:
            values[self.given[i]] = np.frombuffer(data, self.given[i].dtype).reshape(shape)
        evaluate(self.operations, values, state)
        found = [values[t] if t.cell is None else read(state, t.cell, t.op.name) for t in self.fetched]
        self.graph.compilations += 1
        after = {cell.name: state[cell.name] for cell in self.cells if cell.name in state}
        return found, {k: a for k, a in after.items() if not self.checks or a is not before.get(k)}


class Session:
    """Runs a graph, in a `with` block or until it is closed; `compilations` counts XLA's for it."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        self.graph, self.compilations = graph or get_default_graph(), 0
        self.state: State | None = {}

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Compute `fetches`: a Tensor, an Operation (gives None), a name, or lists, tuples and dicts of them.

        `feed_dict` is from Tensors (or their names) to what takes their place. Raises ValueError or TypeError
        for what is no element of the graph or does not fit, and the errors of `tf.errors`.
        """
        if self.state is None:
            raise RuntimeError("Attempted to use a closed Session.")
        leaves, tree = jax.tree.flatten(fetches, is_leaf=lambda leaf: leaf is None)
        targets = tuple(fetched(self.graph, leaf) for leaf in leaves)
        if feed_dict is not None and not isinstance(feed_dict, Mapping):
            raise TypeError(f"feed_dict must be a dictionary, got a {type(feed_dict).__name__}")
        feeds = dict(fed(self.graph, *item) for item in (feed_dict or {}).items())
        key, arrays = (targets, tuple(feeds)), list(feeds.values())
        if key not in self.graph.programs:
            self.graph.programs[key] = _Program(self.graph, *key)
        program, before = self.graph.programs[key], self.graph.compilations
        sizes = tuple((i, arrays[i].shape, arrays[i].tobytes()) for i in program.sizes)
        with jax.enable_x64(True):
            begun = {c.name: c.initial for c in program.cells if c.initial and c.name not in self.state}
            self.state |= {name: jnp.array(initial()) for name, initial in begun.items()}
            held = {c.name: self.state[c.name] for c in program.cells if c.name in self.state}
            try:
                found = program.call(sizes, held, arrays)
            except OpError as error:  # without JAX's note on its own frames
                raise type(error)("", str(error)) from None
            if program.checks:
                fault, found = found
                if (failure := fault.get_exception()) is not None:
                    raise InvalidArgumentError("", failure.fmt_string.format(*failure.args, **failure.kwargs))
        self.state |= found[1]
        self.compilations += self.graph.compilations - before
        results = iter(np.array(value)[()] for value in found[0])
        return jax.tree.unflatten(tree, [next(results) if isinstance(t, Tensor) else None for t in targets])

    def close(self) -> None:
        """Forget the state. A closed session cannot run."""
        self.state = None

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        """A context in which this session runs what has none of its own; it stays open afterwards."""
        self.__enter__()
        try:
            yield self
        finally:
            self._leave()

    def __enter__(self) -> Session:
        STACKS.graphs.append(self.graph)
        STACKS.sessions.append(self)
        return self

    def _leave(self) -> None:
        STACKS.graphs.remove(self.graph)
        STACKS.sessions.remove(self)

    def __exit__(self, *error: Any) -> None:
        self._leave()
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from its making until it is closed."""

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        super().__init__(target, graph, config)
        self.__enter__()

    def close(self) -> None:
        """Forget the state, and be the default session no more."""
        if self.state is not None:
            self._leave()
        super().close()
