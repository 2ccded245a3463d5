"""Variables: a name in the graph, a value in each session (`tf.Variable`, `tf.get_variable`, `tf.assign`)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow import arrays, random_ops
from fnnet.tensorflow.errors import Mismatch, in_brackets
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import of_shape
from fnnet.tensorflow.operation import constant, convert_to_tensor, matching, public
from fnnet.tensorflow.session import read
from fnnet.tensorflow.specs import Operators, TensorShape, as_dtype

_GLOBAL, _TRAINABLE = "variables", "trainable_variables"


class Variable(Operators):
    """A tensor that keeps its value between runs of a session, which begins with that of its initializer.

    What it stands for in an expression is read where the variable was made, before any assignment that is
    made later; `read_value()` reads where it is called.
    """

    def __init__(
        self, initial_value: Any = None, trainable: bool = True, *, name: str | None = None, dtype: Any = None
    ) -> None:  # fmt: skip
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        graph = self.graph = get_default_graph()
        with graph.control_dependencies(None, body=None), graph.name_scope(name or "Variable") as scope:
            given = initial_value() if callable(initial_value) else initial_value
            self.initial_value = convert_to_tensor(given, dtype, "initial_value")
            known = of_shape(self.initial_value.known.shape, self.initial_value.known.dtype)
            # what an assignment writes to needs no value
            self.op = graph.create(
                "VariableV2", lambda state: [state.get(scope[:-1])], (), scope, known=[known]
            )
            self.op.cells = (self.op,)
            self.ref, self.trainable, self.readings = self.op.outputs[0], trainable, list[Tensor]()
            self.ref.cell = self.op
            self.name, self.shape, self.dtype = self.ref.name, self.ref.shape, self.ref.dtype
            self.initializer = assign(self, self.initial_value, name="Assign").op
            self.read_value()
        for collection in [_GLOBAL, *[_TRAINABLE] * trainable]:
            graph.collections.setdefault(collection, []).append(self)

    def value(self) -> Tensor:
        """What stands for it in an expression."""
        return self.readings[0]

    def read_value(self) -> Tensor:
        """A new reading, which control dependencies can put after an assignment."""

        def reading(state: Any) -> list[Any]:
            return [read(state, self.op, op.name)]

        op = self.graph.create("Identity", reading, (), "read", known=[self.ref.known], cells=(self.op,))
        self.readings.append(op.outputs[0])
        return op.outputs[0]

    def eval(self, session: Any = None) -> Any:
        """The value in a session, the default one if none is given."""
        return self.value().eval(session=session)

    def __repr__(self) -> str:
        return f"<tf.Variable '{self.name}' shape={self.shape} dtype={self.dtype.name}_ref>"


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

        def write(state: Any, _: Any, value: Any) -> Any:
            value = jnp.asarray(value)
            state[cell.name] = value if compute is None else compute(read(state, cell, op.name), value)
            return [state[cell.name]]

        with ref.graph.name_scope(name or type) as scope:
            new = convert_to_tensor(matching(type, [("ref", ref.ref), ("value", value)])[1], name="value")
            op = ref.graph.create(
                type, write, (ref.ref, new), scope, as_if=_same_shape, cell=cell, cells=(cell,), writes=True,
                differentiable=False,
            )  # fmt: skip
        return op.outputs[0]

    assigned.__doc__ = f"{type}: an operation that changes a variable; its output is the new value."
    return assigned


assign, assign_add = _assignment("Assign", None), _assignment("AssignAdd", jnp.add)
assign_sub = _assignment("AssignSub", jnp.subtract)
for _function in ("assign", "assign_add", "assign_sub"):
    setattr(Variable, _function, globals()[_function])


def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing, for control dependencies."""
    return get_default_graph().create("NoOp", lambda: [], (), name, known=[])


def group(*inputs: Any, name: str | None = None) -> Operation:
    """An operation that does nothing once all of `inputs` have run."""
    graph = get_default_graph()
    with graph.control_dependencies([graph.as_graph_element(each) for each in jax.tree.leaves(inputs)]):
        return no_op(name or "group_deps")


def global_variables(scope: str | None = None) -> list[Variable]:
    """The variables of the graph; with `scope`, those whose names begin with it."""
    return get_default_graph().get_collection(_GLOBAL, scope)


def trainable_variables(scope: str | None = None) -> list[Variable]:
    """The variables that optimizers change."""
    return get_default_graph().get_collection(_TRAINABLE, scope)


def variables_initializer(var_list: Any, name: str = "init") -> Operation:
    """An operation that gives variables their initial values."""
    return group(*[v.initializer for v in var_list], name=name)


def global_variables_initializer() -> Operation:
    """An operation that gives all variables their initial values."""
    return variables_initializer(global_variables())


def _maker(draw: Callable[..., Any], *options: str) -> Callable[..., Any]:
    """An initializer: called with options it gives `make(shape, dtype)`, which calls `draw(shape, ...)`."""

    def initializer(*args: Any, dtype: Any = "float32", **named: Any) -> Callable[..., Tensor]:
        given, kind = dict(zip(options, args, strict=False)) | named, dtype
        return lambda shape, dtype=None: draw(shape=shape, dtype=dtype or kind, **given)

    initializer.makes = True  # type: ignore[attr-defined]
    return initializer


def _glorot(shape: Any, dtype: Any, seed: Any = None) -> Tensor:
    """Uniform numbers of variance 2 / (fan in + fan out)."""
    fans = [math.prod(shape)] * 2 if len(shape) < 2 else [math.prod(shape[:-2]) * n for n in shape[-2:]]
    limit = math.sqrt(6.0 / max(1.0, sum(fans)))
    return random_ops.random_uniform(shape, -limit, limit, dtype, seed)


zeros_initializer, ones_initializer = _maker(arrays.zeros), _maker(arrays.ones)
constant_initializer = _maker(constant, "value")
random_normal_initializer = _maker(random_ops.random_normal, "mean", "stddev", "seed")
truncated_normal_initializer = _maker(random_ops.truncated_normal, "mean", "stddev", "seed")
random_uniform_initializer = _maker(random_ops.random_uniform, "minval", "maxval", "seed")
glorot_uniform_initializer = _maker(_glorot, "seed")
AUTO_REUSE = "AUTO_REUSE"


class VariableScope:
    """What `tf.variable_scope` sets: the names' prefix, and whether variables are made or found."""

    def __init__(self, name: str = "", reuse: Any = False, initializer: Any = None) -> None:
        self.name, self.reuse, self.initializer = name, reuse, initializer

    def reuse_variables(self) -> None:
        """From here on, find variables and make none."""
        self.reuse = True


def get_variable_scope() -> VariableScope:
    """The current scope."""
    graph = get_default_graph()
    graph.variable_scope = graph.variable_scope or VariableScope()
    return graph.variable_scope


@contextmanager
def variable_scope(
    name_or_scope: Any, *, initializer: Any = None, reuse: Any = None
) -> Iterator[VariableScope]:  # fmt: skip
    """Variables of `get_variable` within are named `scope/...`; with `reuse`, they are found and not made."""
    graph, outer = get_default_graph(), get_variable_scope()
    again = isinstance(name_or_scope, VariableScope)
    inner = f"{outer.name}/{name_or_scope}" if outer.name else name_or_scope
    full = name_or_scope.name if again else inner
    reuse = (name_or_scope.reuse if again else outer.reuse) if reuse is None else reuse
    graph.variable_scope = VariableScope(full, reuse, initializer or outer.initializer)
    try:
        with graph.name_scope(full.rpartition("/")[2] or None):
            yield graph.variable_scope
    finally:
        graph.variable_scope = outer


def get_variable(
    name: str, shape: Any = None, dtype: Any = None, initializer: Any = None, *, trainable: bool = True
) -> Variable:
    """The variable of a name in the current scope: made, or found if the scope says reuse.

    Floats begin with Glorot's uniform numbers unless an initializer is given. Raises ValueError in
    TensorFlow's words for a name that is taken, or not there.
    """
    graph, scope = get_default_graph(), get_variable_scope()
    made = graph.collections.setdefault("get_variable", [])
    full = f"{scope.name}/{name}" if scope.name else name
    found = next((v for v in made if v.op.name == full), None)
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
    begin = initializer if initializer is not None else scope.initializer
    if begin is None:
        begin = glorot_uniform_initializer if kind.is_floating else zeros_initializer
    make = begin() if getattr(begin, "makes", False) else begin
    if callable(make) and shape is None:
        raise ValueError(
            f"Shape of a new variable ({full}) must be fully defined, but instead was <unknown>."
        )

    def initial() -> Any:
        with graph.name_scope("Initializer"):
            return make(TensorShape(shape).as_list(), dtype=kind) if callable(make) else make

    with graph.name_scope(None):
        made.append(Variable(initial, trainable, name=full, dtype=kind if callable(make) else dtype))
    return made[-1]


__all__ = [*public(globals()), "AUTO_REUSE", "assign", "assign_add", "assign_sub"]
