"""How a graph runs: which operations a run needs, in which order, their derivatives, and `Session.run`.

What a run fetches becomes one function of (state, fed arrays) that gives (fetched arrays, new state), which
`jax.jit` compiles: once for each set of fetches and shapes. Operations run in the order of their creation.
That is one of the orders that the graph allows, and it decides what TensorFlow leaves to chance: a value is
read before an assignment that was created after the reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import errors
from fnnet.tensorflow.errors import FailedPreconditionError, InvalidArgumentError, at_node, not_mirrored
from fnnet.tensorflow.graph import STACKS, Graph, Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import call, made_of, require_known

State: TypeAlias = dict[str, Any]
"""From the name of a cell (a variable, a random operation, a guard) to its array, if it has a value."""


def needed(targets: Iterable[Operation], given: Iterable[Tensor] = (), body: Any = None) -> list[Operation]:
    """The operations that `targets` depend on, without those that only `given` tensors need, in order."""
    fed, found, waiting = set(given), set[Operation](), list(targets)
    while waiting:
        op = waiting.pop()
        if op not in found and op.body is body:
            found.add(op)
            waiting += [t.op for t in op.inputs if t not in fed] + op.control_inputs
    return sorted(found, key=lambda op: op.id)


def evaluate(operations: Iterable[Operation], values: dict[Tensor, Any], state: State) -> None:
    """Run the operations: their outputs enter `values`, and what they change enters `state`."""
    for op in operations:
        if op.outputs and all(t in values for t in op.outputs):
            continue  # it is fed
        inputs = [values[t] for t in op.inputs]
        try:
            require_known(inputs, op.static)
            pure = not op.cells and op.inner is None
            results = call(op.function, inputs, op.static) if pure else op.function(state, *inputs)
        except (ValueError, IndexError) as error:
            words = getattr(error, "running", str(error))
            raise at_node(InvalidArgumentError, op.name, words) from None
        values.update(zip(op.outputs, results, strict=True))


def read(state: State, cell: Operation, reader: str) -> Any:
    """What a variable holds. Raises FailedPreconditionError if that is nothing yet."""
    if cell.name not in state:
        raise at_node(FailedPreconditionError, reader, f"Attempting to use uninitialized value {cell.name}")
    return state[cell.name]


def derivatives(targets: list[Tensor], sources: list[list[Tensor]]) -> list[Tensor | None]:
    """The derivatives of the sum of `targets` by each of the sources (all readings of a variable, or one
    tensor); None for one that they do not depend on. `tf.gradients` calls this.

    One operation runs the part of the graph between them again, under `jax.vjp`: XLA finds that the values
    are there already, and computes them once.
    """
    path, on_way = _between({t for x in sources for t in x}, targets)
    connected, ends = [x for x in sources if on_way.intersection(x)], [y for y in targets if y in on_way]
    points = list(dict.fromkeys(t for x in connected for t in x if t in on_way))
    made = {t for op in path for t in op.outputs}
    around = [t for t in [*(t for op in path for t in op.inputs), *ends] if t not in made]
    inputs = list(dict.fromkeys([*points, *around, *(t for op in path for t in _found(op))]))

    def derivative(_: State, *arrays: Any) -> list[Any]:
        given = dict(zip(inputs, arrays, strict=True))

        def forward(at: dict[int, Any]) -> list[Any]:
            moved = dict(zip(points, at.values(), strict=True))
            values = {t: x for t, x in (given | moved).items() if t not in made}
            for op in path:
                evaluate([op], values, {c.name: given[t] for c, t in zip(op.cells, _found(op), strict=False)})
                values.update({t: values[t] + moved[t] for t in op.outputs if t in moved})
            return [values[y] for y in ends]

        # zero is added to a point that is computed on the way: the derivative by that is the one by it
        at = {i: jnp.zeros_like(given[t]) if t in made else given[t] for i, t in enumerate(points)}
        results, pullback = jax.vjp(forward, at)
        found = pullback([jnp.ones_like(y) for y in results])[0]
        every = [[found[i] for i, t in enumerate(points) if t in x] for x in connected]
        return [sum(each[1:], start=each[0]) for each in every]

    if not connected:
        return [None] * len(sources)
    known = [x[0].known for x in connected]
    op = get_default_graph().create("Gradient", derivative, inputs, "grad", known=known, inner=path)
    results = iter(op.outputs)
    return [next(results) if x in connected else None for x in sources]


def _between(sources: set[Tensor], targets: list[Tensor]) -> tuple[list[Operation], set[Tensor]]:
    """The operations on a way from `sources` to `targets`, in order, and the tensors on such ways."""
    graph, forward, path = get_default_graph(), list[Operation](), list[Operation]()
    reached = {t for t in sources if t.dtype.is_floating}
    for op in graph.operations.values():
        outputs = [t for t in op.outputs if t.dtype.is_floating]
        if op.differentiable and outputs and op.body in graph.bodies and reached.intersection(op.inputs):
            reached.update(outputs)
            forward.append(op)
    on_way = reached.intersection(targets)
    for op in reversed(forward):
        if on_way.intersection(op.outputs):
            if isinstance(op.differentiable, str):
                raise not_mirrored(f"a gradient through {op.differentiable} ('{op.name}')")
            path.append(op)
            on_way |= reached.intersection(op.inputs)
    return path[::-1], on_way


def _found(op: Operation) -> list[Tensor]:
    """The outputs of a loop or branch that hold the state that it found, from which it can run again."""
    return op.outputs[len(op.outputs) - len(op.cells) :] if op.inner is not None else []


class _Program:
    """What a set of fetches needs: its operations in order, and the state that they read and write."""

    def __init__(self, graph: Graph, targets: tuple[Any, ...], fed: tuple[Tensor, ...]) -> None:
        self.graph, self.fed = graph, fed
        self.fetched = [t for t in targets if isinstance(t, Tensor)]
        self.operations = needed([getattr(t, "op", t) for t in targets if t not in fed], fed)
        cells = dict.fromkeys(cell for op in self.operations for cell in op.cells)
        self.cells, self.guards = [c for c in cells if not c.words], [c for c in cells if c.words]
        self.writes = {c.name for op in self.operations if op.writes for c in op.cells if not c.words}
        self.sizes = made_of(self.operations, fed)
        # a run that a guard stops must leave the state as it was: only without guards is it overwritten
        self.call = jax.jit(self._compute, static_argnums=0, donate_argnums=() if self.guards else 1)

    def _compute(
        self, sizes: Any, changing: State, staying: State, arrays: list[Any]
    ) -> tuple[Any, State, State]:
        self.graph.compilations += 1
        begun = {cell.name: jnp.asarray(cell.initial()) for cell in self.guards if cell.initial}
        state, values = changing | staying | begun, dict(zip(self.fed, arrays, strict=True))
        for i, shape, data in sizes:
            values[self.fed[i]] = np.frombuffer(data, self.fed[i].known.dtype).reshape(shape)
        evaluate(self.operations, values, state)
        fetched = [values[t] if t.cell is None else read(state, t.cell, t.op.name) for t in self.fetched]
        return fetched, {name: state[name] for name in self.writes}, {name: state[name] for name in begun}


class Session:
    """Runs a graph. Use it in a `with` block, or close it.

    Attributes:
        compilations: how many programs XLA has compiled for it.
    """

    def __init__(self, target: str = "", graph: Graph | None = None, config: Any = None) -> None:
        self.graph = graph or get_default_graph()
        self.compilations = 0
        self.state: State = {}
        self._closed = False

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Compute `fetches`: a Tensor, an Operation (gives None), a name, or lists, tuples and dicts of them.

        `feed_dict` is from Tensors (or their names) to what takes their place. Raises ValueError or TypeError
        for what is no element of the graph or does not fit, and the errors of `tf.errors`.
        """
        if self._closed or not self.graph.operations:
            empty = "The Session graph is empty. Add operations to the graph before calling run()."
            raise RuntimeError("Attempted to use a closed Session." if self._closed else empty)
        leaves, tree = jax.tree.flatten(fetches, is_leaf=lambda leaf: leaf is None)
        targets, feeds = [self.graph.fetched(leaf) for leaf in leaves], self.graph.fed(feed_dict)
        key = tuple(targets), tuple(feeds)
        if key not in self.graph.programs:
            self.graph.programs[key] = _Program(self.graph, *key)
        before = self.graph.compilations
        results = iter(self._call(self.graph.programs[key], [*feeds.values()]))
        self.compilations += self.graph.compilations - before
        return jax.tree.unflatten(tree, [next(results) if isinstance(t, Tensor) else None for t in targets])

    def _call(self, program: _Program, arrays: list[np.ndarray]) -> list[Any]:
        with jax.enable_x64(True):
            begun = {c.name: c.initial for c in program.cells if c.initial and c.name not in self.state}
            self.state |= {name: jnp.array(initial()) for name, initial in begun.items()}
            held = {c.name: self.state[c.name] for c in program.cells if c.name in self.state}
            changing = {name: held.pop(name) for name in program.writes if name in held}
            sizes = tuple((i, arrays[i].shape, arrays[i].tobytes()) for i in program.sizes)
            try:
                fetched, written, guards = program.call(sizes, changing, held, arrays)
            except errors.OpError as error:  # without JAX's note on its own frames
                raise type(error)(None, None, error.message) from None
        for cell in program.guards:
            fault, *numbers = np.asarray(guards[cell.name]).tolist()
            if fault:
                raise at_node(InvalidArgumentError, cell.words[0], cell.words[1].format(*numbers))
        self.state |= written
        return [np.array(value)[()] for value in fetched]

    def close(self) -> None:
        """Forget the state. A closed session cannot run."""
        self._closed = True
        self.state.clear()

    def __enter__(self) -> Session:
        STACKS.graphs.append(self.graph)
        STACKS.sessions.append(self)
        return self

    def __exit__(self, *error: Any) -> None:
        STACKS.graphs.remove(self.graph)
        STACKS.sessions.remove(self)
        self.close()
