"""The graph: operations, the tensors between them, and the order that is asked of them.

An operation holds a pure function of arrays. Building a graph calls none of them with numbers: `infer` tells
the shapes of what they give, and `session` runs them, joined and compiled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fnnet.tensorflow.errors import at_build
from fnnet.tensorflow.infer import Known, infer, of_shape
from fnnet.tensorflow.names import Names
from fnnet.tensorflow.specs import Operators, TensorShape, as_dtype


class Tensor(Operators):
    """One output of an operation: a name, an element type and a shape, no numbers.

    One that stands for a variable has its operation as `cell`: fetched, it gives what that holds at the end.
    """

    def __init__(self, op: Operation, index: int, known: Known, cell: Operation | None) -> None:
        self.op, self.value_index, self.known, self.cell = op, index, known, cell
        self.graph, self.name, self.dtype = op.graph, f"{op.name}:{index}", as_dtype(known.dtype)

    @property
    def shape(self) -> TensorShape:
        """The sizes, as far as they are known."""
        return TensorShape(self.known.shape)

    def set_shape(self, shape: Any) -> None:
        """Tell sizes that the graph does not know. Raises ValueError if they contradict what it knows."""
        merged = self.shape.merge_with(shape)
        if merged != self.shape:
            self.known = of_shape(merged.sizes, self.known.dtype)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run the graph for this tensor's value, in `session` or the default one."""
        return STACKS.session("evaluate tensor using `eval()`", session, "eval").run(self, feed_dict)

    def __repr__(self) -> str:
        kind = self.dtype.name + "_ref" * (self.cell is not None)
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={kind}>"

    def __str__(self) -> str:
        kind = self.dtype.name + "_ref" * (self.cell is not None)
        return f'Tensor("{self.name}", shape={self.shape}, dtype={kind})'


@dataclass(eq=False, repr=False)
class Operation:
    """A node of the graph.

    Attributes:
        function: a pure function of the inputs' arrays that gives an array or a sequence of them. With
            `cells` or `inner` it is a function of `(state, *arrays)`.
        static: which inputs must be known when the program is compiled (sizes, axes).
        cells: what it needs of a session's state, and sets if `writes`: operations that an array is kept for.
        initial: for a cell that needs no assignment, the array that a session begins with.
        words: for a cell that a run must leave at zero, the error otherwise (`operation.guard`).
        inner: for a loop, branch or gradient, the operations that its function runs itself.
        differentiable: whether gradients flow through it; words, if that is refused.
        body: the loop or branch that it belongs to.
    """

    graph: Graph
    name: str
    type: str
    function: Callable[..., Any]
    inputs: Sequence[Tensor] = ()
    static: Sequence[int] = ()
    cells: Sequence[Operation] = ()
    writes: bool = False
    initial: Callable[[], Any] | None = None
    words: Any = None
    inner: Sequence[Operation] | None = None
    differentiable: bool | str = True
    body: Any = None
    id: int = 0
    outputs: list[Tensor] = field(default_factory=list)
    control_inputs: list[Operation] = field(default_factory=list)

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run the graph up to this operation."""
        STACKS.session("execute operation using `run()`", session, "run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"


class Graph(Names):
    """Operations in the order of their creation, by unique names."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[Any] = [None]  # of the loops and branches being built; None is the graph itself
        self.seed: int | None = None
        self.seeds_given = 0
        self.variable_scope: Any = None
        self.programs, self.compilations = dict[Any, Any](), 0
        self._control: list[Operation] = []

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """A context in which new operations belong to this graph."""
        STACKS.graphs.append(self)
        try:
            yield self
        finally:
            STACKS.graphs.remove(self)

    @contextmanager
    def control_dependencies(self, control_inputs: Any, body: Any = ...) -> Iterator[None]:
        """What is created within runs after `control_inputs`; None forgets the outer ones.

        With `body`, it belongs to that of a loop or branch; None is the graph itself.
        """
        outer, bodies = self._control, self.bodies
        first = [] if control_inputs is None else outer
        self._control = [*first, *(getattr(each, "op", each) for each in control_inputs or ())]
        self.bodies = bodies if body is ... else [*bodies, body]
        try:
            yield
        finally:
            self._control, self.bodies = outer, bodies

    def create(
        self, type: str, function: Callable[..., Any], inputs: Sequence[Tensor] = (), name: str | None = None,
        *, known: Sequence[Known] | None = None, as_if: Callable[..., Any] | None = None,
        cell: Operation | None = None, **options: Any,
    ) -> Operation:  # fmt: skip
        """Enter an operation. Its outputs are as `known` says, or what `as_if` or `function` gives.

        Raises ValueError, in TensorFlow's form, if the function refuses the inputs' shapes.
        """
        name = name or type
        name = name[:-1] if name.endswith("/") else self.unique_name(name)
        for given in inputs:
            if given.graph is not self:
                raise ValueError(f"{given} must be from the same graph as the operation '{name}'.")
        op = Operation(self, name, type, function, inputs, **options)
        op.body, op.id = self.bodies[-1], len(self.operations)
        op.control_inputs = list(dict.fromkeys(c for c in self._control if c.body is op.body))
        if known is None:
            try:
                known = infer(as_if or function, [given.known for given in inputs], op.static)
            except (TypeError, ValueError, IndexError) as error:
                raise at_build(error, op) from None
        op.outputs = [Tensor(op, index, each, cell) for index, each in enumerate(known)]
        self.operations[name] = op
        return op


class _Stacks(threading.local):
    """The default graphs and sessions of a thread: the innermost last."""

    def __init__(self) -> None:
        self.graphs, self.sessions = [Graph()], list[Any]()

    def session(self, what: str, session: Any, method: str) -> Any:
        """`session`, or the default one; ValueError if there is none."""
        if session is None and not self.sessions:
            advice = f"Use `with sess.as_default()` or pass an explicit session to `{method}(session=sess)`"
            raise ValueError(f"Cannot {what}: No default session is registered. {advice}")
        return session or self.sessions[-1]


STACKS = _Stacks()


def get_default_graph() -> Graph:
    """The graph that new operations go to."""
    return STACKS.graphs[-1]


def reset_default_graph() -> None:
    """Begin an empty default graph."""
    if len(STACKS.graphs) > 1:
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs.")
    STACKS.graphs[0] = Graph()
