"""Variables: a name in the graph, a value in each session (`tf.Variable`, `tf.get_variable`, `tf.assign`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, initializers
from fnnet.tensorflow.declare import lenient, matching, public
from fnnet.tensorflow.errors import Mismatch, in_brackets
from fnnet.tensorflow.evaluate import read
from fnnet.tensorflow.graph import Operation, Operators, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import worlds_of
from fnnet.tensorflow.session import session_for
from fnnet.tensorflow.specs import TensorShape, as_dtype

GLOBAL, TRAINABLE, LOCAL = "variables", "trainable_variables", "local_variables"


class Variable(Operators):
    """A tensor that keeps its value between runs of a session, which begins with that of its initializer.

    What it stands for in an expression is read where the variable was made, before any assignment that is
    made later; `read_value()` reads where it is called.
    """

    @lenient
    def __init__(
        self, initial_value: Any = None, trainable: bool = True, collections: Any = None, *,
        name: str | None = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        graph = self.graph = get_default_graph()
        with (
            graph.building(None),
            graph.control_dependencies(None),
            graph.name_scope(name or "Variable") as scope,
        ):
            given = initial_value() if callable(initial_value) else initial_value
            self.initial_value = convert_to_tensor(given, dtype, "initial_value")
            kind = self.initial_value.known[1]
            known = worlds_of(self.initial_value.shape.sizes, kind), kind
            self.op = graph.create("VariableV2", self._read, (), scope, known=[known], ref=True)
            self.op.reads, self.op.cell = (self.op,), known
            self.ref, self.trainable = self.op.outputs[0], trainable
            self.ref.variable, self.readings = self, [self.ref]
            self.name, self.shape, self.dtype = self.ref.name, self.ref.shape, self.ref.dtype
            self.initializer = assign(self, self.initial_value, name="Assign").op
            self._snapshot = self.read_value()
        for collection in [*((GLOBAL,) if collections is None else collections), *[TRAINABLE] * trainable]:
            graph.add_to_collection(collection, self)

    def _read(self, state: Any) -> Any:
        return read(state, self.op, self.op.name)

    def value(self) -> Tensor:
        """What stands for it in an expression."""
        return self._snapshot

    def read_value(self) -> Tensor:
        """A new reading, which control dependencies can put after an assignment."""
        op = self.graph.create(
            "Identity", lambda s: read(s, self.op, op.name), (), "read", known=[self.op.cell]
        )
        op.reads = (self.op,)
        self.readings.append(op.outputs[0])
        return op.outputs[0]

    def initialized_value(self) -> Tensor:
        """The initial value, to make another variable of."""
        return self.initial_value

    def eval(self, session: Any = None) -> Any:
        """The value in a session, the default one if none is given."""
        return self._snapshot.eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Set the variable in a session."""
        session_for("load", session, "load").put({self: value})

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}>"


def _same_shape(old: jax.Array, new: jax.Array) -> jax.Array:
    if old.ndim != new.ndim:
        raise Mismatch(f"Shapes must be equal rank, but are {old.ndim} and {new.ndim}")
    for i, (a, b) in enumerate(zip(old.shape, new.shape, strict=True)):
        if a != b:
            both = f"Shapes are {in_brackets(old)} and {in_brackets(new)}."
            raise Mismatch(f"Dimension {i} in both shapes must be equal, but are {a} and {b}. {both}")
    return old


def _assignment(type: str, compute: Callable[[Any, Any], Any] | None) -> Any:
    def assigned(ref: Any, value: Any, *, name: str | None = None) -> Tensor:
        if not isinstance(ref, Variable):
            raise TypeError(f"fnnet.tensorflow: {type} needs a tf.Variable, got {ref!r}")
        cell = ref.op

        def write(state: Any, value: Any) -> Any:
            state[cell] = value if compute is None else compute(read(state, cell, op.name), value)
            return state[cell]

        with ref.graph.name_scope(name or type) as scope:
            new = matching(type, [("ref", ref.ref), ("value", value)])[1]
            op = ref.graph.create(
                type, write, (ref.ref, new), scope, as_if=_same_shape, writes=(cell,), ref=True
            )
        op.inputs, op.reads = (new,), () if compute is None else (cell,)  # what it writes to needs no value
        op.differentiable = False
        return op.outputs[0]

    assigned.__doc__ = f"{type}: an operation that changes a variable; its output is the new value."
    return lenient(assigned)


assign, assign_add = _assignment("Assign", None), _assignment("AssignAdd", jnp.add)
assign_sub = _assignment("AssignSub", jnp.subtract)
for _function in ("assign", "assign_add", "assign_sub"):
    setattr(Variable, _function, globals()[_function])


@lenient
def is_variable_initialized(variable: Variable, name: str | None = None) -> Tensor:
    """Whether the variable has a value in the session."""
    known = [(worlds_of((), np.bool_), np.bool_)]
    inquire = lambda state: np.asarray(variable.op in state)  # noqa: E731
    op = variable.graph.create("IsVariableInitialized", inquire, (), name, known=known)
    op.reads = (variable.op,)
    return op.outputs[0]


def group(*inputs: Any, name: str | None = None) -> Operation:
    """An operation that does nothing once all of `inputs` have run."""
    graph = get_default_graph()
    with graph.control_dependencies([graph.as_graph_element(each) for each in jax.tree.leaves(inputs)]):
        return no_op(name or "group_deps")


def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing, for control dependencies."""
    return get_default_graph().create("NoOp", lambda: [], (), name, known=[])


def tuple_(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """The tensors, each given when all of them have been computed, and `control_inputs` have run."""
    before = [t for t in (*tensors, *(control_inputs or ())) if t is not None]
    with get_default_graph().control_dependencies(before):
        return [None if t is None else arrays.identity(t) for t in tensors]


def _collected(collection: str, scope: str | None = None) -> list[Variable]:
    return get_default_graph().get_collection(collection, scope)


def _initializing(collection: str, name: str) -> Operation:
    return variables_initializer(_collected(collection), name)


def variables_initializer(var_list: Any, name: str = "init") -> Operation:
    """An operation that gives variables their initial values."""
    return group(*[v.initializer for v in var_list], name=name)


global_variables, trainable_variables = partial(_collected, GLOBAL), partial(_collected, TRAINABLE)
local_variables = partial(_collected, LOCAL)
global_variables_initializer = partial(_initializing, GLOBAL, "init")
local_variables_initializer = partial(_initializing, LOCAL, "init_1")


class VariableScope:
    """What `tf.variable_scope` sets: the names' prefix, and whether variables are made or found."""

    def __init__(self, name: str, reuse: Any = False, initializer: Any = None) -> None:
        self.name, self.reuse, self.initializer, self.original_name_scope = (
            name,
            reuse,
            initializer,
            name + "/",
        )

    def reuse_variables(self) -> None:
        """From here on, find variables and make none."""
        self.reuse = True


AUTO_REUSE = "AUTO_REUSE"
_MAKERS = [getattr(initializers, name) for name in initializers.__all__]  # given as such, they are called


def get_variable_scope() -> Any:
    """The current scope."""
    graph = get_default_graph()
    graph.variable_scope = graph.variable_scope or VariableScope("")
    return graph.variable_scope


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: Any = None,
    values: Any = None,
    initializer: Any = None,
    reuse: Any = None,
) -> Iterator[Any]:
    """Variables of `get_variable` within are named `scope/...`; with `reuse`, they are found and not made."""
    graph, outer = get_default_graph(), get_variable_scope()
    name = graph.unique_name(str(default_name)) if name_or_scope is None else name_or_scope
    full, label = f"{outer.name}/{name}" if outer.name else name, name
    if isinstance(name, VariableScope):
        full, label, reuse = name.name, name.name.rpartition("/")[2], name.reuse if reuse is None else reuse
    reuse = outer.reuse if reuse is None else reuse
    graph.variable_scope = VariableScope(full, reuse, initializer or outer.initializer)
    try:
        with graph.name_scope(label or None):
            yield graph.variable_scope
    finally:
        graph.variable_scope = outer


@lenient
def get_variable(
    name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, regularizer: Any = None,
    trainable: bool = True, collections: Any = None,
) -> Variable:  # fmt: skip
    """The variable of a name in the current scope: made, or found if the scope says reuse.

    Floats begin with Glorot's uniform numbers unless an initializer is given. Raises ValueError in
    TensorFlow's words for a name that is taken, or not there.
    """
    graph, scope = get_default_graph(), get_variable_scope()
    full = f"{scope.name}/{name}" if scope.name else name
    found = next((v for v in graph.get_collection("_get_variable") if v.op.name == full), None)
    advice = "Did you mean to set {}reuse=tf.AUTO_REUSE in VarScope?"
    if found is None and scope.reuse is True:
        missing = f"Variable {full} does not exist, or was not created with tf.get_variable()."
        raise ValueError(f"{missing} {advice.format('')}")
    if found is not None and not scope.reuse:
        raise ValueError(f"Variable {full} already exists, disallowed. {advice.format('reuse=True or ')}")
    if found is not None:
        if shape is not None and not found.shape.is_compatible_with(shape):
            both = f"specified shape {TensorShape(shape)} and found shape {found.shape}"
            raise ValueError(f"Trying to share variable {full}, but {both}.")
        return found
    kind = as_dtype(dtype or "float32")
    default = initializers.glorot_uniform_initializer if kind.is_floating else initializers.zeros_initializer
    begin: Any = next(each for each in (initializer, scope.initializer, default) if each is not None)
    make = begin() if begin in _MAKERS else begin
    if callable(make):
        if shape is None:
            raise ValueError(
                f"Shape of a new variable ({full}) must be fully defined, but instead was <unknown>."
            )

        def begin() -> Tensor:
            with graph.name_scope("Initializer"):
                return make(TensorShape(shape).as_list(), dtype=kind)

    with graph.name_scope(None):
        made = Variable(begin, trainable, collections, name=full, dtype=kind if callable(make) else dtype)
    graph.add_to_collection("_get_variable", made)
    if regularizer is not None:
        graph.add_to_collection("regularization_losses", regularizer(made))
    return made


__all__ = [*public(globals()), "AUTO_REUSE", "global_variables", "trainable_variables", "local_variables"]
__all__ += [
    "assign",
    "assign_add",
    "assign_sub",
    "global_variables_initializer",
    "local_variables_initializer",
]
