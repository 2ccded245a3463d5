"""Variables: a name in the graph, a value in each session (`tf.Variable`, `tf.get_variable`, `tf.assign`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, initializers
from fnnet.tensorflow.apply import add_operation
from fnnet.tensorflow.dtypes import as_dtype
from fnnet.tensorflow.graph import Operation, Operators, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import unknown_sizes
from fnnet.tensorflow.shapes import TensorShape

__all__ = [
    "AUTO_REUSE",
    "Variable",
    "assign",
    "assign_add",
    "assign_sub",
    "get_variable",
    "get_variable_scope",
    "global_variables",
    "global_variables_initializer",
    "group",
    "is_variable_initialized",
    "local_variables",
    "local_variables_initializer",
    "no_op",
    "trainable_variables",
    "variable_scope",
    "variables_initializer",
]


GLOBAL, TRAINABLE, LOCAL = "variables", "trainable_variables", "local_variables"


class Variable(Operators):
    """A tensor that keeps its value between runs of a session, which begins with that of its initializer.

    What it stands for in an expression is read where the variable was made, before any assignment that is
    made later; `read_value()` reads where it is called.
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool = True,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        **_: Any,
    ) -> None:
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        graph = get_default_graph()
        self.trainable = trainable
        with (
            graph.building(None),
            graph.control_dependencies(None),
            graph.name_scope(name or "Variable") as scope,
        ):
            given = initial_value() if callable(initial_value) else initial_value
            initial = convert_to_tensor(given, dtype, "initial_value")
            if dtype is not None and isinstance(given, Operators):
                initial = convert_to_tensor(given, dtype)
            kind = initial.dtype.base_dtype
            worlds = [unknown_sizes(initial.shape.as_list() if initial.shape else None, kind.as_numpy_dtype)]
            self.op: Operation = graph.create("VariableV2", None, (), scope, worlds=worlds, ref=True)
            self._ref = self.op.outputs[0]
            self.initial_value = initial
            self.initializer: Operation = assign(self, initial, name="Assign").op
            self._snapshot = self._read("read")
        for collection in (GLOBAL,) if collections is None else collections:
            graph.add_to_collection(collection, self)
        if trainable:
            graph.add_to_collection(TRAINABLE, self)

    def _read(self, name: str) -> Tensor:
        return get_default_graph().create("Identity", lambda x: x, (self._ref,), name, reads=()).outputs[0]

    @property
    def name(self) -> str:
        """ "w:0"."""
        return self._ref.name

    @property
    def dtype(self) -> Any:
        """Of a reference: float32_ref."""
        return self._ref.dtype

    @property
    def shape(self) -> TensorShape:
        """The sizes."""
        return self._ref.shape

    @property
    def graph(self) -> Any:
        """The graph it belongs to."""
        return self.op.graph

    def get_shape(self) -> TensorShape:
        """The same as `shape`."""
        return self._ref.shape

    def value(self) -> Tensor:
        """What stands for it in an expression."""
        return self._snapshot

    def read_value(self) -> Tensor:
        """A new reading, which control dependencies can put after an assignment."""
        return self._read("read")

    def initialized_value(self) -> Tensor:
        """The initial value, to make another variable of."""
        return self.initial_value

    def assign(
        self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """An operation that sets the variable; its output is the new value."""
        return assign(self, value, name=name)

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True
    ) -> Any:
        """An operation that adds to the variable."""
        return assign_add(self, delta, name=name)

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: Any = None, read_value: bool = True
    ) -> Any:
        """An operation that subtracts from the variable."""
        return assign_sub(self, delta, name=name)

    def eval(self, session: Any = None) -> Any:
        """The value in a session, the default one if none is given."""
        return self._snapshot.eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Set the variable in a session."""
        from fnnet.tensorflow.session import session_for

        session_for("load", session, "load").run(self.initializer, {self.initial_value: value})

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


def _writing(
    type: str, compute: Callable[[Any, Any], Any], ref: Variable, value: Any, label: str, name: str | None
) -> Tensor:
    if not isinstance(ref, Variable):
        raise TypeError(f"fnnet.tensorflow: {type} needs a tf.Variable, got {ref!r}")
    cell = ref.op
    with get_default_graph().name_scope(name or type) as scope:
        try:
            new = convert_to_tensor(value, ref.dtype.base_dtype, label)
        except (ValueError, TypeError):
            found = convert_to_tensor(value).dtype.base_dtype.name
            raise TypeError(
                f"Input '{label}' of '{type}' Op has type {found} that does not match type "
                f"{ref.dtype.base_dtype.name} of argument 'ref'."
            ) from None
        if not ref.shape.is_compatible_with(new.shape):
            mine, theirs = ref.shape.as_list(), new.shape.as_list()
            both = f"Shapes are {ref.shape.in_brackets()} and {new.shape.in_brackets()}."
            if len(mine) != len(theirs):
                words = f"Shapes must be equal rank, but are {len(mine)} and {len(theirs)}"
            else:
                at = next(
                    i
                    for i, (a, b) in enumerate(zip(mine, theirs, strict=True))
                    if None not in (a, b) and a != b
                )
                words = f"Dimension {at} in both shapes must be equal, but are {mine[at]} and {theirs[at]}."
                words += " " + both
            attributes = f"T={new.dtype.enum}, use_locking=false" + (
                ", validate_shape=true" * (type == "Assign")
            )
            raise ValueError(
                f"{words} for '{{{{node {scope[:-1]}}}}} = {type}[{attributes}]({cell.name}, {new.op.name})' "
                f"with input shapes: {ref.shape.in_brackets()}, {new.shape.in_brackets()}."
            )

        def write(state: Any, old: Any, value: Any) -> Any:
            state[cell] = compute(old, value)
            return state[cell]

        reads = () if type == "Assign" else (cell,)
        op = get_default_graph().create(
            type,
            write,
            (ref._ref, new),
            scope,
            worlds=[ref._ref.worlds],
            reads=reads,
            writes=(cell,),
            differentiable=False,
            ref=True,
        )
    return op.outputs[0]


def assign(
    ref: Any, value: Any, validate_shape: Any = None, use_locking: Any = None, name: str | None = None
) -> Tensor:
    """An operation that sets a variable; its output is the new value."""
    return _writing("Assign", lambda old, new: new, ref, value, "value", name)


def assign_add(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Tensor:
    """An operation that adds to a variable."""
    return _writing("AssignAdd", jnp.add, ref, value, "value", name)


def assign_sub(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Tensor:
    """An operation that subtracts from a variable."""
    return _writing("AssignSub", jnp.subtract, ref, value, "value", name)


def group(*inputs: Any, name: str | None = None, **_: Any) -> Operation:
    """An operation that does nothing once all of `inputs` have run."""
    flat: list[Any] = []

    def flatten(value: Any) -> None:
        if isinstance(value, list | tuple):
            for each in value:
                flatten(each)
        elif value is not None:
            flat.append(get_default_graph().as_graph_element(value))

    flatten(list(inputs))
    with get_default_graph().control_dependencies(flat):
        return no_op(name or "group_deps")


def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing, for control dependencies."""
    return get_default_graph().create("NoOp", None, (), name or "NoOp", worlds=[])


def tuple_(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """The tensors, each given when all of them have been computed, and `control_inputs` have run."""
    before = [t for t in (*tensors, *(control_inputs or ())) if t is not None]
    with get_default_graph().control_dependencies(before):
        return [None if t is None else arrays.identity(t) for t in tensors]


def global_variables() -> list[Variable]:
    """The variables of the default graph."""
    return get_default_graph().get_collection(GLOBAL)


def trainable_variables(scope: str | None = None) -> list[Variable]:
    """Those that an optimizer changes."""
    found = get_default_graph().get_collection(TRAINABLE)
    return [v for v in found if scope is None or v.name.startswith(scope)]


def local_variables() -> list[Variable]:
    """The variables of the collection of local ones."""
    return get_default_graph().get_collection(LOCAL)


def variables_initializer(var_list: Any, name: str = "init") -> Operation:
    """An operation that gives variables their initial values."""
    return group(*[v.initializer for v in var_list], name=name)


def global_variables_initializer() -> Operation:
    """An operation that gives all variables made so far their initial values."""
    return variables_initializer(global_variables())


def local_variables_initializer() -> Operation:
    """The same for the local variables."""
    return variables_initializer(local_variables(), "init_1")


def is_variable_initialized(variable: Variable) -> Tensor:
    """Whether the variable has a value in the session."""
    cell = variable.op

    def inquire(state: Any, _: Any) -> np.ndarray:
        return np.asarray(cell in state)

    op = add_operation(
        "IsVariableInitialized", inquire, (), None, as_if=lambda: np.asarray(True), differentiable=False
    )
    op.inputs, op.reads = (variable._ref,), (cell,)
    return op.outputs[0]


class _Scope:
    """What `tf.variable_scope` sets: the names' prefix, and whether variables are made or found."""

    def __init__(self, name: str, reuse: Any, initializer: Any) -> None:
        self.name, self.reuse, self.initializer = name, reuse, initializer
        self.original_name_scope = name + "/"

    def reuse_variables(self) -> None:
        """From here on, find variables and make none."""
        self.reuse = True


AUTO_REUSE = "AUTO_REUSE"


def get_variable_scope() -> Any:
    """The current scope."""
    graph = get_default_graph()
    if graph.variable_scope is None:
        graph.variable_scope = _Scope("", False, None)
    return graph.variable_scope


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: str | None = None,
    values: Any = None,
    initializer: Any = None,
    reuse: Any = None,
) -> Iterator[Any]:
    """Variables of `get_variable` within are named `scope/...`; with `reuse`, they are found and not made."""
    graph = get_default_graph()
    outer = get_variable_scope()
    name = name_or_scope if name_or_scope is not None else graph.unique_name(str(default_name))
    if isinstance(name, _Scope):
        full, label = name.name, name.name.rpartition("/")[2]
        reuse = name.reuse if reuse is None else reuse
    else:
        full, label = (f"{outer.name}/{name}" if outer.name else name), name
    inherited = outer.initializer if initializer is None else initializer
    graph.variable_scope = _Scope(full, outer.reuse if reuse is None else reuse, inherited)
    try:
        with graph.name_scope(label or None):
            yield graph.variable_scope
    finally:
        graph.variable_scope = outer


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    **_: Any,
) -> Variable:
    """The variable of a name in the current scope: made, or found if the scope says reuse.

    Floats begin with Glorot's uniform numbers unless an initializer is given. Raises ValueError in
    TensorFlow's words for a name that is taken, or not there.
    """
    graph, scope = get_default_graph(), get_variable_scope()
    full = f"{scope.name}/{name}" if scope.name else name
    known = {v.op.name: v for v in graph.get_collection("_made_by_get_variable")}
    if full in known:
        if not scope.reuse:
            raise ValueError(
                f"Variable {full} already exists, disallowed. Did you mean to set reuse=True or "
                "reuse=tf.AUTO_REUSE in VarScope?"
            )
        found = known[full]
        if shape is not None and not found.shape.is_compatible_with(shape):
            raise ValueError(
                f"Trying to share variable {full}, but specified shape {TensorShape(shape)} and found shape "
                f"{found.shape}."
            )
        return found
    if scope.reuse is True:
        raise ValueError(
            f"Variable {full} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?"
        )
    kind = as_dtype("float32" if dtype is None else dtype)
    begin = initializer if initializer is not None else scope.initializer
    if begin is None:
        begin = (
            initializers.glorot_uniform_initializer()
            if kind.is_floating
            else initializers.zeros_initializer()
        )
    if isinstance(begin, type):
        begin = begin()
    if not callable(begin):
        value: Any = convert_to_tensor(begin, dtype)
    else:
        if shape is None:
            raise ValueError(
                f"Shape of a new variable ({full}) must be fully defined, but instead was <unknown>."
            )
        sizes = TensorShape(shape).as_list()
        maker = begin

        def value() -> Tensor:
            with graph.name_scope("Initializer"):
                return maker(sizes, dtype=kind)

    with graph.name_scope(None):
        made = Variable(value, trainable, collections, name=full, dtype=kind if callable(value) else None)
    graph.add_to_collection("_made_by_get_variable", made)
    return made
