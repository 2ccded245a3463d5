"""The graph: operations, the tensors between them, their names, and the order that is asked of them.

An operation holds a pure function of arrays. Building a graph calls none of them with numbers; `infer`
tells the shape of what they give, and `fnnet.tensorflow.session` runs them, joined and compiled.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from fnnet.tensorflow.dtypes import DTYPES, DType, as_dtype, of_value, ref_of
from fnnet.tensorflow.errors import no_value
from fnnet.tensorflow.infer import World, common_shape, infer, unknown_sizes, without_guesses
from fnnet.tensorflow.shapes import TensorShape

__all__ = ["Body", "Graph", "Operation", "Tensor", "convert_to_tensor", "get_default_graph"]


_NAME = re.compile(r"^[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*$")


class Operators:
    """What may stand in an expression: a Tensor or a Variable. `operators.py` gives it its operators."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    __array_priority__ = 100

    def __bool__(self) -> bool:
        raise no_value("Using a symbolic `tf.Tensor` as a Python `bool`")

    def __iter__(self) -> Iterator[Any]:
        raise no_value("Iterating over a symbolic `tf.Tensor`")

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise NotImplementedError(
            f"Cannot convert a symbolic tf.Tensor ({self.name}) to a numpy array. This error may indicate "
            "that you're trying to pass a Tensor to a NumPy call, which is not supported."
        )


class Tensor(Operators):
    """One output of an operation: a name, an element type and a shape, no numbers."""

    def __init__(self, op: Operation, index: int, worlds: tuple[World, ...], dtype: DType) -> None:
        self.op, self.value_index, self.worlds, self.dtype = op, index, worlds, dtype
        self._shape = TensorShape(common_shape(worlds))

    @property
    def name(self) -> str:
        """The operation's name and the number of the output: "MatMul:0"."""
        return f"{self.op.name}:{self.value_index}"

    @property
    def graph(self) -> Graph:
        """The graph it belongs to."""
        return self.op.graph

    @property
    def shape(self) -> TensorShape:
        """The sizes that are known before the graph runs."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """The same as `shape`."""
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Tell sizes that the graph does not know. Raises ValueError if they contradict what it knows."""
        self._shape = self._shape.merge_with(shape)
        self.worlds = unknown_sizes(self._shape.as_list() if self._shape else None, self.dtype.as_numpy_dtype)

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Run the graph for this tensor's value, in `session` or the default one."""
        from fnnet.tensorflow.session import session_for

        return session_for("evaluate tensor using `eval()`", session, "eval").run(self, feed_dict)

    def consumers(self) -> list[Operation]:
        """The operations that take it."""
        return [op for op in self.graph.get_operations() if any(t is self for t in op.inputs)]

    if TYPE_CHECKING:

        def __getitem__(self, key: Any) -> Tensor: ...

    def __len__(self) -> int:
        raise TypeError(
            f"len is not well defined for a symbolic Tensor ({self.name}). Please call `x.shape` rather than "
            "`len(x)` for shape information."
        )

    def __repr__(self) -> str:
        return f"<tf.Tensor '{self.name}' shape={self._shape} dtype={self.dtype.name}>"

    def __str__(self) -> str:
        shape = ", shape=<unknown>" if self._shape.ndims is None else f", shape={self._shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self.dtype.name})'


class Body:
    """The operations of a loop's body or of a branch: run by the operation that owns them."""

    def __init__(self) -> None:
        self.operations: list[Operation] = []


class Operation:
    """A node of the graph.

    Attributes:
        function: a pure function of the inputs' arrays that gives an array or a sequence of them; of
            `(state, *arrays)` if `reads` or `writes` name cells. None where the session has the value:
            constants, placeholders, variables.
        static: which inputs must be known when the program is compiled (sizes, axes).
        reads, writes: the operations whose state it needs and changes.
        inner: the operations that the function runs itself. It gets known integers as NumPy arrays.
        differentiable: whether a gradient flows through it.
    """

    def __init__(self, graph: Graph, name: str, type: str, function: Callable[..., Any] | None) -> None:
        self.graph, self.name, self.type, self.function = graph, name, type, function
        self.inputs: tuple[Tensor, ...] = ()
        self.outputs: list[Tensor] = []
        self.control_inputs: list[Operation] = []
        self.static: frozenset[int] = frozenset()
        self.reads: tuple[Operation, ...] = ()
        self.writes: tuple[Operation, ...] = ()
        self.inner: tuple[Operation, ...] = ()
        self.differentiable = True
        self.constant: np.ndarray | None = None
        self.initial: Callable[[], Any] | None = None
        self.body: Body | None = None
        self.id = 0

    @property
    def stateful(self) -> bool:
        """Whether its function takes the state first."""
        return bool(self.reads or self.writes)

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
        self._bodies: list[Body | None] = [None]
        self._collections: dict[str, list[Any]] = {}
        self.seed: int | None = None
        self.seeds_given = 0
        self.variable_scope: Any = None
        self.plans: dict[Any, Any] = {}
        self.compilations = 0

    def as_default(self) -> Any:
        """A context in which new operations belong to this graph."""
        return _GRAPHS.entered(self)

    def get_operations(self) -> list[Operation]:
        """All operations, in the order of their creation."""
        return list(self._operations.values())

    def unique_name(self, name: str) -> str:
        """`name` in the current scope, with _1, _2, ... if it is taken; case does not count.

        Raises ValueError for a name with other signs than letters, digits and _ . / > -.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"`{name}` is not a valid node name. Accepted names conform to Regex /{_NAME!r}/"
            )
        name = f"{self._scope}/{name}" if self._scope else name
        key = name.lower()
        count = self._names.get(key, 0)
        self._names[key] = count + 1
        if not count:
            return name
        while f"{key}_{count}" in self._names:
            count += 1
        self._names[f"{key}_{count}"] = 1
        return f"{name}_{count}"

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Names made within start with `name/`. A name that ends in a slash is entered again as it is."""
        outer = self._scope
        if not name:
            self._scope = ""
        else:
            self._scope = name[:-1] if name.endswith("/") else self.unique_name(name)
        try:
            yield self._scope + "/" if self._scope else ""
        finally:
            self._scope = outer

    @contextmanager
    def control_dependencies(self, control_inputs: Any) -> Iterator[None]:
        """What is created within runs after `control_inputs`; None forgets the outer ones."""
        outer = self._control
        if control_inputs is None:
            self._control = []
        else:
            self._control = [*outer, [getattr(each, "op", each) for each in control_inputs]]
        try:
            yield
        finally:
            self._control = outer

    @contextmanager
    def building(self, body: Body | None) -> Iterator[None]:
        """What is created within belongs to `body`; None is the graph itself."""
        self._bodies.append(body)
        try:
            yield
        finally:
            self._bodies.pop()

    def is_building(self, body: Body | None) -> bool:
        """Whether `body` is being built, or one around it; None, the graph itself, always is."""
        return body is None or any(body is each for each in self._bodies)

    def create(
        self,
        type: str,
        function: Callable[..., Any] | None,
        inputs: Sequence[Tensor] = (),
        name: str | None = None,
        *,
        worlds: Sequence[tuple[World, ...]] | None = None,
        as_if: Callable[..., Any] | None = None,
        static: Sequence[int] = (),
        reads: Sequence[Operation] = (),
        writes: Sequence[Operation] = (),
        inner: Sequence[Operation] = (),
        differentiable: bool = True,
        attributes: str = "",
        ref: bool = False,
    ) -> Operation:
        """Enter an operation. Its outputs are `worlds`, or what `as_if` or `function` gives for the inputs.

        Raises ValueError, in TensorFlow's form, if the function refuses the inputs' shapes.
        """
        name = name or type
        name = name[:-1] if name.endswith("/") else self.unique_name(name)
        for given in inputs:
            if given.graph is not self:
                raise ValueError(f"{given} must be from the same graph as the operation '{name}'.")
        op = Operation(self, name, type, function)
        op.inputs, op.static = tuple(inputs), frozenset(static)
        op.reads, op.writes, op.inner = tuple(reads), tuple(writes), tuple(inner)
        op.differentiable = differentiable
        op.body = self._bodies[-1]
        op.control_inputs = list(
            dict.fromkeys(c for group in self._control for c in group if c.body is op.body)
        )
        if worlds is None:
            compute = as_if or function
            assert compute is not None
            try:
                worlds = infer(compute, [given.worlds for given in inputs], op.static)
            except _REFUSALS as error:
                text = without_guesses(str(error))
                raise ValueError(f"{text} for '{op_text(op, attributes)}' with {_shapes(inputs)}.") from None
        for index, each in enumerate(worlds):
            known = next((world for world in each if world is not None), None)
            assert known is not None
            dtype = as_dtype(known.dtype)
            op.outputs.append(Tensor(op, index, each, ref_of(dtype) if ref else dtype))
        op.id = len(self._operations)
        self._operations[name] = op
        if op.body is not None:
            op.body.operations.append(op)
        return op

    def constant(self, value: np.ndarray, name: str) -> Tensor:
        """An operation that gives a fixed array."""
        array = np.array(value)
        op = self.create("Const", None, (), name, worlds=[(array, array)])
        op.constant = array
        return op.outputs[0]

    def as_graph_element(self, value: Any, tensor: bool = True, operation: bool = True) -> Any:
        """The Tensor or Operation that an object or a name stands for; TypeError or ValueError otherwise."""
        value = getattr(value, "_ref", value) if not isinstance(value, str) else value
        wanted = " or ".join(["Tensor"] * tensor + ["Operation"] * operation)
        if (tensor and isinstance(value, Tensor)) or (operation and isinstance(value, Operation)):
            if value.graph is not self:
                kind = "Tensor" if isinstance(value, Tensor) else "Operation"
                raise ValueError(f"{kind} {value} is not an element of this graph.")
            return value
        if not isinstance(value, str):
            raise TypeError(f"Can not convert a {type(value).__name__} into a {wanted}.")
        name, colon, index = value.partition(":")
        if colon and tensor:
            op = self._operations.get(name)
            if op is None:
                raise KeyError(
                    f"The name '{value}' refers to a Tensor which does not exist. The operation, '{name}', "
                    "does not exist in the graph."
                )
            if not index.isdigit() or int(index) >= len(op.outputs):
                raise KeyError(
                    f"The name '{value}' refers to a Tensor which does not exist. The operation, '{name}', "
                    f"exists but only has {len(op.outputs)} outputs."
                )
            return op.outputs[int(index)]
        if operation:
            if value not in self._operations:
                raise KeyError(f"The name '{value}' refers to an Operation not in the graph.")
            return self._operations[value]
        if value in self._operations:
            raise ValueError(
                f"The name '{value}' refers to an Operation, not a Tensor. Tensor names must be of the form "
                '"<op_name>:<output_index>".'
            )
        raise ValueError(
            f"The name '{value}' looks like an (invalid) Operation name, not a Tensor. Tensor names must be "
            'of the form "<op_name>:<output_index>".'
        )

    def get_tensor_by_name(self, name: str) -> Tensor:
        """The tensor of a name such as "x:0"."""
        return self.as_graph_element(name, operation=False)

    def get_operation_by_name(self, name: str) -> Operation:
        """The operation of a name."""
        return self.as_graph_element(name, tensor=False)

    def add_to_collection(self, name: str, value: Any) -> None:
        """Note `value` under the name of a collection."""
        self._collections.setdefault(name, []).append(value)

    def get_collection(self, name: str) -> list[Any]:
        """What was noted under a name."""
        return list(self._collections.get(name, ()))

    def finalize(self) -> None:
        """Nothing: a graph is frozen when it runs anyway."""


_REFUSALS = (TypeError, ValueError, RuntimeError, IndexError)


def op_text(op: Operation, attributes: str = "") -> str:
    """A node as TensorFlow's messages write it."""
    if not attributes and op.inputs:
        attributes = f"T={op.inputs[0].dtype.enum}"
    inputs = ", ".join(t.op.name if t.value_index == 0 else t.name for t in op.inputs)
    return f"{{{{node {op.name}}}}} = {op.type}[{attributes}]({inputs})"


def _shapes(inputs: Sequence[Tensor]) -> str:
    return "input shapes: " + ", ".join(t.shape.in_brackets() for t in inputs)


class _Stack(threading.local):
    """The default graph of each thread."""

    def __init__(self) -> None:
        self.stack: list[Graph] = []

    @contextmanager
    def entered(self, graph: Graph) -> Iterator[Graph]:
        self.stack.append(graph)
        try:
            yield graph
        finally:
            self.stack.remove(graph)


_GRAPHS = _Stack()
_first = Graph()


def get_default_graph() -> Graph:
    """The graph that new operations go to."""
    return _GRAPHS.stack[-1] if _GRAPHS.stack else _first


def reset_default_graph() -> None:
    """Begin an empty default graph."""
    global _first
    if _GRAPHS.stack:
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit "
            "the nesting and create a new graph."
        )
    _first = Graph()


def _numbers(value: Any, dtype: DType | None) -> np.ndarray:
    """A Python value as an array. Raises TypeError where its kind does not fit the dtype."""
    if dtype is None:
        return np.asarray(value, of_value(value).as_numpy_dtype)
    if not hasattr(value, "dtype"):
        found = np.asarray(value)
        fits = {"b": dtype.is_bool, "i": dtype.is_integer or dtype.is_floating, "f": dtype.is_floating}
        if found.size and not fits.get(found.dtype.kind, True) and dtype.name[:7] != "complex":
            raise TypeError(f"Expected {dtype.name}, but got {value} of type '{type(value).__name__}'.")
        if found.dtype.kind in "US":
            raise TypeError(f"Expected {dtype.name}, but got {value!r} of type '{type(value).__name__}'.")
    return np.asarray(value).astype(dtype.as_numpy_dtype)


def _has_tensor(value: Any) -> bool:
    return isinstance(value, Operators) or (isinstance(value, list | tuple) and any(map(_has_tensor, value)))


def convert_to_tensor(
    value: Any, dtype: Any = None, name: str | None = None, dtype_hint: Any = None
) -> Tensor:
    """A Tensor as it is, a Variable's value, or a constant. A list with Tensors in it is stacked.

    Raises ValueError for a Tensor of another dtype, TypeError for a value that does not fit `dtype`.
    """
    wanted = None if dtype is None else as_dtype(dtype).base_dtype
    if isinstance(value, Operators):
        tensor = value if isinstance(value, Tensor) else value.value()
        if wanted is not None and tensor.dtype.base_dtype is not wanted:
            raise ValueError(
                f"Tensor conversion requested dtype {wanted.name} for Tensor with dtype "
                f"{tensor.dtype.base_dtype.name}: {tensor!r}"
            )
        return tensor
    if _has_tensor(value):
        from fnnet.tensorflow.arrays import stack

        kinds = [v.dtype.base_dtype for v in value if isinstance(v, Operators)]
        return stack(
            [convert_to_tensor(v, wanted or (kinds[0] if kinds else None)) for v in value], name=name
        )
    if isinstance(value, TensorShape):
        value = np.asarray(value.as_list(), np.int32)
    elif isinstance(value, list | tuple):
        value = [getattr(v, "value", v) for v in value] if not _nested(value) else value
    if value is None:
        raise ValueError("None values not supported.")
    hint = None if dtype_hint is None or wanted else as_dtype(dtype_hint).base_dtype
    try:
        array = _numbers(value, wanted or hint)
    except TypeError:
        if hint is None:
            raise
        array = _numbers(value, None)
    return get_default_graph().constant(array, name or "Const")


def _nested(value: Any) -> bool:
    return any(isinstance(v, list | tuple | np.ndarray) for v in value)


FLOAT32 = DTYPES["float32"]
