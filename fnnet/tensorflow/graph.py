"""The graph: operations, each with a pure function of arrays, and the tensors between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fnnet.tensorflow.infer import Known, infer, without_guesses
from fnnet.tensorflow.specs import TensorShape


class Operation:
    """A node of the graph: `function` is a pure function of the inputs' arrays."""

    cells: Any = None  # what a session keeps an array for; if there may be any, it is a function of state too
    initial: Any = None  # gives the first array of such a cell
    static: Sequence[int] = ()  # which inputs (sizes, axes) must be known when the program is compiled
    sizes: frozenset[Tensor] = frozenset()  # the fed integers that those are made of
    checks = False  # whether a run can fail by the numbers
    differentiable = True  # whether gradients flow through it
    once = False  # whether its gradient has none

    def __init__(self, graph: Graph, name: str, type: str, function: Callable[..., Any], inputs: Any) -> None:
        self.graph, self.name, self.type, self.function, self.inputs = graph, name, type, function, inputs
        self.id, self.body, self.outputs = len(graph.operations), graph.bodies[-1], list[Tensor]()
        self.control_inputs = [op for op in dict.fromkeys(graph.control) if op.body is self.body]
        integers = [t.op for t in inputs if t.dtype.kind in "iu" and type not in ("Shape", "Size")]
        self.made_of = frozenset[Tensor]().union(*(op.made_of for op in integers))

    def run(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run the graph up to this operation, in `session` or the default one."""
        return (session or STACKS.session()).run(self, feed_dict)


class Tensor:
    """One output of an operation: a name, an element type and a shape, no numbers.

    One that stands for a variable has its operation as `cell`: fetched, it gives what that holds at the end.
    """

    __array_priority__ = 100
    if TYPE_CHECKING:  # `mathematics` and `arrays` give it its operators

        def __getattr__(self, name: str) -> Any: ...

    eval = Operation.run

    def __init__(self, op: Operation, index: int, known: Known, cell: Operation | None = None) -> None:
        self.op, self.name, self.graph, self.cell = op, f"{op.name}:{index}", op.graph, cell
        self.known, self.dtype, self.shape = known, known.dtype, TensorShape(known.shape)
        self.readings, self.get_shape = [self], lambda: self.shape

    def __repr__(self) -> str:
        kind = self.dtype.name + "_ref" * (self.cell is not None)
        return f"<tf.{type(self).__name__} '{self.name}' shape={self.shape} dtype={kind}>"

    def __str__(self) -> str:
        return f'Tensor("{self.name}", shape={self.shape}, dtype={repr(self).rpartition("=")[2][:-1]})'


class Graph:
    """Operations in the order of their creation, by unique names."""

    def __init__(self) -> None:
        self.operations, self.variables = dict[str, Operation](), list[Any]()
        self.programs, self.compilations, self.seeds_given = dict[Any, Any](), 0, 0
        self.seed: int | None = None
        self.control, self.bodies = list[Operation](), list[Any]([None])  # the last body is being built
        self._scope, self._taken = "", dict[str, int]()  # and where to go on counting

    @contextmanager
    def _within(self, value: Any, **changed: Any) -> Iterator[Any]:
        before = {name: getattr(self, name) for name in changed}
        self.__dict__.update(changed)
        try:
            yield value
        finally:
            self.__dict__.update(before)

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """A context in which new operations belong to this graph."""
        STACKS.graphs.append(self)
        try:
            yield self
        finally:
            STACKS.graphs.remove(self)

    def control_dependencies(self, control_inputs: Any, body: Any = ...) -> Any:
        """What is created within, for `body`, runs after `control_inputs`; None forgets the outer ones."""
        more = [getattr(each, "op", each) for each in control_inputs or ()]
        control = more if control_inputs is None else self.control + more
        bodies = self.bodies if body is ... else [*self.bodies, body]
        return self._within(None, control=control, bodies=bodies)

    def name_scope(self, name: str | None) -> Any:
        """Names made within start with `name/`. A name that ends in a slash is entered again as it is."""
        scope = self._unique(name) if name else ""
        return self._within(scope and scope + "/", _scope=scope)

    def get_operations(self) -> list[Operation]:
        """The operations, in the order of their creation."""
        return list(self.operations.values())

    def _unique(self, name: str) -> str:
        """`name` in the current scope, with _1, _2, ... if it is taken; case does not count."""
        if name.endswith("/"):
            return name[:-1]
        name = f"{self._scope}/{name}" if self._scope else name
        count = self._taken.get(name.lower(), 0)
        while (tried := f"{name}_{count}" if count else name).lower() in self._taken:
            count += 1
        self._taken |= {tried.lower(): 1, name.lower(): count + 1}
        return tried

    def create(
        self, type: str, function: Callable[..., Any], inputs: Sequence[Tensor] = (), name: str | None = None,
        known: Sequence[Known] | None = None, *, as_if: Any = None, cell: Any = None, **options: Any,
    ) -> Operation:  # fmt: skip
        """Enter an operation. Its outputs are as `known` says, or what `as_if` or `function` gives.

        Raises ValueError, in TensorFlow's form, if the function refuses the inputs' shapes.
        """
        if any(t.graph is not self for t in inputs):
            raise ValueError(f"The inputs of {name or type} must be from the same graph: {list(inputs)}")
        op = Operation(self, self._unique(name or type), type, function, inputs)
        op.__dict__.update(options)
        op.sizes = op.sizes.union(*(inputs[i].op.made_of for i in op.static))
        try:
            if known is None:
                known = infer(as_if or function, [t.known for t in inputs], op.static)
        except (TypeError, ValueError, IndexError) as error:
            text = without_guesses(str(error))
            if type != "Reshape" or text == str(error):  # of a reshape of unknown sizes, a run will tell
                names = ", ".join(t.op.name for t in inputs)
                shapes = ", ".join(t.shape.in_brackets() for t in inputs)
                node = f"'{{{{node {op.name}}}}} = {type}({names})' with input shapes: {shapes}."
                raise ValueError(f"{text} for {node}") from None
            known = [Known(inputs[0].dtype, None)]
        op.outputs = [Tensor(op, index, each, cell) for index, each in enumerate(known)]
        self.operations[op.name] = op
        return op


class _Stacks(threading.local):
    """The default graphs and sessions of a thread: the innermost last."""

    def __init__(self) -> None:
        self.graphs, self.sessions = [Graph()], list[Any]()

    def session(self) -> Any:
        if not self.sessions:
            advice = "Use `with sess.as_default()` or pass an explicit session to `eval(session=sess)`"
            raise ValueError(
                f"Cannot evaluate tensor using `eval()`: No default session is registered. {advice}"
            )
        return self.sessions[-1]


STACKS = _Stacks()


def get_default_graph() -> Graph:
    """The graph that new operations go to."""
    return STACKS.graphs[-1]


def reset_default_graph() -> None:
    """Begin an empty default graph."""
    STACKS.graphs[0] = Graph()
