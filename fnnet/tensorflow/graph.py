"""The graph: operations, the tensors between them, their names, and the order that is asked of them.

An operation holds a pure function of arrays. Building a graph calls none of them with numbers: `infer` tells
the shapes of what they give, and `session` runs them, joined and compiled.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from fnnet.tensorflow.errors import no_value
from fnnet.tensorflow.infer import Known, infer, shape_of, without_guesses, worlds_of
from fnnet.tensorflow.specs import DTYPES, DType, TensorShape, as_dtype, of_value

_NAME = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


class Operators:
    """What may stand in an expression, a Tensor or a Variable. `mathematics` gives it its operators."""

    __array_priority__ = 100

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

        def __getitem__(self, key: Any) -> Tensor: ...

    def __bool__(self) -> bool:
        raise no_value("Using a symbolic `tf.Tensor` as a Python `bool`")

    def __iter__(self) -> Iterator[Any]:
        raise no_value("Iterating over a symbolic `tf.Tensor`")

    def __len__(self) -> int:
        advice = "Please call `x.shape` rather than `len(x)` for shape information."
        raise TypeError(f"len is not well defined for a symbolic Tensor ({self.name}). {advice}")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. This error may indicate "
            "that you're trying to pass a Tensor to a NumPy call, which is not supported."
        )

    def get_shape(self) -> TensorShape:
        """The same as `shape`."""
        return self.shape


class Tensor(Operators):
    """One output of an operation: a name, an element type and a shape, no numbers."""

    def __init__(self, op: Operation, index: int, known: Known, ref: bool) -> None:
        self.op, self.value_index, self.known = op, index, known
        dtype = as_dtype(known[1])
        self.dtype = DTYPES[dtype.name + "_ref"] if ref else dtype
        self.shape = TensorShape(shape_of(known[0]))
        self.variable: Any = None  # that it refers to

    @property
    def name(self) -> str:
        """The operation's name and the number of the output: "MatMul:0"."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self.op.graph

    def set_shape(self, shape: Any) -> None:
        """Tell sizes that the graph does not know. Raises ValueError if they contradict what it knows."""
        self.shape = self.shape.merge_with(shape)
        self.known = (worlds_of(self.shape.sizes, self.known[1]), self.known[1])

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run the graph for this tensor's value, in `session` or the default one."""
        from fnnet.tensorflow.session import session_for

        return session_for("evaluate tensor using `eval()`", session, "eval").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self.shape} dtype={self.dtype.name}>"

    def __str__(self) -> str:
        shape = ", shape=<unknown>" if self.shape.ndims is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name})'


@dataclass(eq=False, repr=False)
class Operation:
    """A node of the graph.

    Attributes:
        function: a pure function of the inputs' arrays, and of `(state, *arrays)` if `reads` or `writes`
            name cells; it gives an array or a sequence of them.
        static: which inputs must be known when the program is compiled (sizes, axes).
        reads, writes: the *cells* it needs and changes: operations that a session keeps an array for.
        inner: for a loop, branch or gradient, the operations that its function runs itself. The function gets
            the state in any case, and known integers as NumPy arrays.
        differentiable: whether a gradient flows through it.
        cell: what a session keeps for it, if it is a cell.
        initial: for a cell that needs no assignment, the array that a session begins with.
        words: for a guard, a cell that a run must leave at zero: the node and words of the error otherwise.
    """

    graph: Graph
    name: str
    type: str
    function: Callable[..., Any]
    inputs: Sequence[Tensor] = ()
    static: Sequence[int] = ()
    reads: Sequence[Operation] = ()
    writes: Sequence[Operation] = ()
    inner: Sequence[Operation] | None = None
    differentiable: bool = True
    cell: Known = (None, None)
    initial: Callable[[], Any] | None = None
    words: tuple[str, str] | None = None
    outputs: list[Tensor] = field(default_factory=list)
    control_inputs: list[Operation] = field(default_factory=list)
    body: Any = None
    id: int = 0

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run the graph up to this operation."""
        from fnnet.tensorflow.session import session_for

        session_for("execute operation using `run()`", session, "run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation '{self.name}' type={self.type}>"


class Graph:
    """Operations in the order of their creation, by unique names."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._names: dict[str, int] = {}
        self._scope = ""
        self._control: list[list[Operation]] = []
        self._collections: dict[str, list[Any]] = {}
        self.bodies: list[Any] = [None]  # of the loops and branches being built; None is the graph itself
        self.seed: int | None = None
        self.seeds_given = 0
        self.variable_scope: Any = None
        self.plans: dict[Any, Any] = {}
        self.compilations = 0

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """A context in which new operations belong to this graph."""
        _default.stack.append(self)
        try:
            yield self
        finally:
            _default.stack.remove(self)

    def get_operations(self) -> list[Operation]:
        """All operations, in the order of their creation."""
        return list(self._operations.values())

    def unique_name(self, name: str) -> str:
        """`name` in the current scope, with _1, _2, ... if it is taken; case does not count."""
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"`{name}` is not a valid node name. Accepted names conform to Regex /{_NAME!r}/"
            )
        name = f"{self._scope}/{name}" if self._scope else name
        count = self._names.get(name.lower(), 0)
        self._names[name.lower()] = count + 1
        if not count:
            return name
        while f"{name.lower()}_{count}" in self._names:
            count += 1
        self._names[f"{name.lower()}_{count}"] = 1
        return f"{name}_{count}"

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Names made within start with `name/`. A name that ends in a slash is entered again as it is."""
        outer = self._scope
        self._scope = "" if not name else name[:-1] if name.endswith("/") else self.unique_name(name)
        try:
            yield self._scope + "/" if self._scope else ""
        finally:
            self._scope = outer

    @contextmanager
    def control_dependencies(self, control_inputs: Any) -> Iterator[None]:
        """What is created within runs after `control_inputs`; None forgets the outer ones."""
        outer = self._control
        inner = [] if control_inputs is None else [getattr(each, "op", each) for each in control_inputs]
        self._control = [] if control_inputs is None else [*outer, inner]
        try:
            yield
        finally:
            self._control = outer

    @contextmanager
    def building(self, body: Any) -> Iterator[None]:
        """What is created within belongs to the body of a loop or branch; None is the graph itself."""
        self.bodies.append(body)
        try:
            yield
        finally:
            self.bodies.pop()

    def create(
        self,
        type: str,
        function: Callable[..., Any],
        inputs: Sequence[Tensor] = (),
        name: str | None = None,
        *,
        known: Sequence[Known] | None = None,
        as_if: Callable[..., Any] | None = None,
        ref: bool = False,
        **options: Any,
    ) -> Operation:
        """Enter an operation. Its outputs are as `known` says, or what `as_if` or `function` gives.

        Raises ValueError, in TensorFlow's form, if the function refuses the inputs' shapes.
        """
        name = name or type
        name = name[:-1] if name.endswith("/") else self.unique_name(name)
        for given in inputs:
            if given.graph is not self:
                raise ValueError(f"{given} must be from the same graph as the operation '{name}'.")
        op = Operation(self, name, type, function, inputs, **options)
        op.body, op.id = self.bodies[-1], len(self._operations)
        before = (c for group in self._control for c in group if c.body is op.body)
        op.control_inputs = list(dict.fromkeys(before))
        if known is None:
            try:
                known = infer(as_if or function, [given.known for given in inputs], frozenset(op.static))
            except (TypeError, ValueError, RuntimeError, IndexError) as error:
                shapes = ", ".join(t.shape.in_brackets() for t in inputs)
                given_names = ", ".join(t.op.name if t.value_index == 0 else t.name for t in inputs)
                node = f"'{{{{node {name}}}}} = {type}({given_names})' with input shapes: {shapes}"
                raise ValueError(f"{without_guesses(str(error))} for {node}.") from None
        op.outputs = [Tensor(op, index, each, ref) for index, each in enumerate(known)]
        self._operations[name] = op
        if op.body is not None:
            op.body.operations.append(op)
        return op

    def constant(self, value: np.ndarray, name: str) -> Tensor:
        """An operation that gives a fixed array."""
        array = np.array(value)
        known = [((array, array), array.dtype)]
        return self.create("Const", lambda: array, (), name, known=known).outputs[0]

    def as_graph_element(self, value: Any, tensor: bool = True, operation: bool = True) -> Any:
        """The Tensor or Operation that an object or a name stands for."""
        value = getattr(value, "ref", value) if not isinstance(value, str) else value
        wanted = " or ".join(["Tensor"] * tensor + ["Operation"] * operation)
        if (tensor and isinstance(value, Tensor)) or (operation and isinstance(value, Operation)):
            if value.graph is not self:
                raise ValueError(f"{type(value).__name__} {value} is not an element of this graph.")
            return value
        if not isinstance(value, str):
            raise TypeError(f"Can not convert a {type(value).__name__} into a {wanted}.")
        name, colon, index = value.partition(":")
        op = self._operations.get(name)
        if colon and tensor:
            if op is not None and index.isdigit() and int(index) < len(op.outputs):
                return op.outputs[int(index)]
            fault = (
                "does not exist in the graph."
                if op is None
                else f"exists but only has {len(op.outputs)} outputs."
            )
            missing = f"The name '{value}' refers to a Tensor which does not exist."
            raise KeyError(f"{missing} The operation, '{name}', {fault}")
        if operation:
            if op is None:
                raise KeyError(f"The name '{value}' refers to an Operation not in the graph.")
            return op
        what = "looks like an (invalid) Operation name" if op is None else "refers to an Operation"
        form = 'Tensor names must be of the form "<op_name>:<output_index>".'
        raise ValueError(f"The name '{value}' {what}, not a Tensor. {form}")

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor of a name such as "x:0"."""
        return self.as_graph_element(name, operation=False)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of a name."""
        return self.as_graph_element(name, tensor=False)

    def add_to_collection(self, name: str, value: Any) -> None:
        """Note `value` under the name of a collection."""
        self._collections.setdefault(name, []).append(value)

    def get_collection(self, name: str, scope: str | None = None) -> list[Any]:
        """What was noted under a name; with `scope`, only what has a name that begins with it."""
        return [v for v in self._collections.get(name, ()) if scope is None or v.name.startswith(scope)]

    def finalize(self) -> None:
        """Nothing: what has been compiled does not change."""


class _Default(threading.local):
    """The default graphs of a thread: the innermost last."""

    def __init__(self) -> None:
        self.stack = [Graph()]


_default = _Default()


def get_default_graph() -> Graph:
    """The graph that new operations go to."""
    return _default.stack[-1]


def reset_default_graph() -> None:
    """Begin an empty default graph."""
    if len(_default.stack) > 1:
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs.")
    _default.stack[0] = Graph()


def convert_to_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A Tensor as it is, a Variable's value, or a constant. A list with Tensors in it is stacked.

    Raises ValueError for a Tensor of another dtype, TypeError for a value that does not fit `dtype`.
    """
    wanted = None if dtype is None else as_dtype(dtype).base_dtype
    if isinstance(value, Operators):
        tensor = value if isinstance(value, Tensor) else value.value()
        found = tensor.dtype.base_dtype
        if wanted is not None and found is not wanted:
            both = f"dtype {wanted.name} for Tensor with dtype {found.name}"
            raise ValueError(f"Tensor conversion requested {both}: {tensor!r}")
        return tensor
    if has_tensor(value):
        from fnnet.tensorflow.arrays import stack

        kind = wanted or next((v.dtype.base_dtype for v in value if isinstance(v, Operators)), None)
        return stack([convert_to_tensor(v, kind) for v in value], name=name)
    if isinstance(value, TensorShape):
        value = np.asarray(value.as_list(), np.int32)
    if value is None:
        raise ValueError("None values not supported.")
    return get_default_graph().constant(_numbers(value, wanted), name or "Const")


def has_tensor(value: Any) -> bool:
    """Whether it is a Tensor or Variable, or a list with one in it."""
    return isinstance(value, Operators) or (isinstance(value, list | tuple) and any(map(has_tensor, value)))


def _numbers(value: Any, dtype: DType | None) -> np.ndarray:
    """A Python value as an array. Raises TypeError where its kind does not fit the dtype."""
    if dtype is None:
        return np.asarray(value, of_value(value).as_numpy_dtype)
    array = np.asarray(value)
    number = dtype.is_floating or dtype.name[:7] == "complex"
    fits = {"b": dtype.is_bool, "i": dtype.is_integer or number, "f": number, "U": False, "S": False}
    if array.size and not hasattr(value, "dtype") and not fits.get(array.dtype.kind, True):
        raise TypeError(f"Expected {dtype.name}, but got {value!r} of type '{type(value).__name__}'.")
    return array.astype(dtype.as_numpy_dtype)
