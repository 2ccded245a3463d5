"""Variables: a name in the graph, a value in each session (`tf.Variable`, `tf.assign`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow.graph import STACKS, Operation, Tensor, get_default_graph
from fnnet.tensorflow.operation import convert_to_tensor, matching
from fnnet.tensorflow.session import read


class Variable(Tensor):
    """A tensor that keeps its value between runs of a session, which begins with that of its initializer.

    What it stands for in an expression is read where the variable was made, before any assignment that is
    made later; `read_value()` reads where it is called.
    """

    def __init__(
        self, initial_value: Any = None, trainable: bool = True, collections: Any = None,
        validate_shape: bool = True, caching_device: Any = None, name: str | None = None,
        variable_def: Any = None, dtype: Any = None, use_resource: Any = None,
    ) -> None:  # fmt: skip
        graph = get_default_graph()
        if initial_value is None:
            raise ValueError("initial_value must be specified.")
        with graph.control_dependencies(None, body=None), graph.name_scope(name or "Variable") as scope:
            given = initial_value() if callable(initial_value) else initial_value
            self.initial_value, self.trainable = convert_to_tensor(given, dtype, "initial_value"), trainable
            known = self.initial_value.known.without_numbers()
            if validate_shape and None in (known.shape or [None] * (known.shape is None)):
                raise ValueError(f"initial_value must have a shape specified: {self.initial_value}")
            op = graph.create(
                "VariableV2", lambda state: [None], (), scope, [known]
            )  # to write to, not a value
            super().__init__(op, 0, known, op)
            op.outputs, op.cells = [self], (op,)
            self.initializer = assign(self, self.initial_value, name="Assign").op
            self.readings = []
            self.read_value()
        graph.variables.append(self)

    __str__ = Tensor.__repr__

    def value(self) -> Tensor:
        """What stands for it in an expression."""
        return self.readings[0]

    def eval(self, session: Any = None) -> Any:  # type: ignore[override]
        """What it holds in a session, by default the default one."""
        return (session or STACKS.session()).run(self)

    def load(self, value: Any, session: Any = None) -> None:
        """Let it hold a value, in a session."""
        self.initializer.run({self.initial_value: value}, session)

    def initialized_value(self) -> Tensor:
        """The value, after the initializer has run in the same run."""
        with self.graph.control_dependencies([self.initializer]):
            return self.read_value()

    def read_value(self) -> Tensor:
        """A new reading, which control dependencies can put after an assignment."""

        def reading(state: Any) -> list[Any]:
            return [read(state, self.op, op.name)]

        op = self.graph.create("Identity", reading, (), "read", [self.known], cells=(self.op,))
        self.readings.append(op.outputs[0])
        return op.outputs[0]


def _assignment(type: str, change: Callable[[Any, Any], Any] | None) -> Any:
    def assigned(
        ref: Any, value: Any, *without_effect: Any, name: str | None = None, validate_shape: Any = None,
        use_locking: Any = None,
    ) -> Tensor:  # fmt: skip
        if without_effect and isinstance(without_effect[-1], str):
            name = without_effect[-1]
        if not isinstance(ref, Variable):
            raise TypeError(f"fnnet.tensorflow: {type} needs a tf.Variable, got {ref!r}")
        cell = ref.op

        def fit(shape: Any) -> None:
            if not ref.shape.fits(shape):
                raise ValueError(f"{type} of a value of shape {shape} to {ref!r}: the shapes must be equal")

        def write(state: Any, _: Any, value: Any) -> Any:
            value = jnp.asarray(value)
            fit(value.shape)
            state[cell.name] = value if change is None else change(read(state, cell, op.name), value)
            return [state[cell.name]]

        with ref.graph.name_scope(name or type) as scope:
            new = convert_to_tensor(matching(type, [("ref", ref), ("value", value)])[1], name="value")
            if new.shape.ndims is not None and None not in new.shape:
                fit(new.shape)
            options: Any = {"cells": (cell,), "differentiable": False, "cell": cell}
            op = ref.graph.create(type, write, (ref, new), scope, [ref.known], **options)
        return op.outputs[0]

    assigned.__doc__ = f"{type}: an operation that changes a variable; its output is the new value."
    return assigned


assign, assign_add = _assignment("Assign", None), _assignment("AssignAdd", jnp.add)
assign_sub = _assignment("AssignSub", jnp.subtract)
for _function in ("assign", "assign_add", "assign_sub"):
    setattr(Variable, _function, globals()[_function])


def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing, for control dependencies."""
    return get_default_graph().create("NoOp", lambda: [], (), name, [])


def group(*inputs: Any, name: str | None = None) -> Operation:
    """An operation that does nothing once all of `inputs` have run."""
    with get_default_graph().control_dependencies(jax.tree.leaves(inputs)):
        return no_op(name or "group_deps")


def global_variables() -> list[Variable]:
    """The variables of the graph."""
    return list(get_default_graph().variables)


def trainable_variables() -> list[Variable]:
    """The variables that optimizers change."""
    return [v for v in get_default_graph().variables if v.trainable]


def variables_initializer(var_list: Any, name: str = "init") -> Operation:
    """An operation that gives variables their initial values."""
    return group(*[v.initializer for v in var_list], name=name)


def global_variables_initializer() -> Operation:
    """An operation that gives all variables their initial values."""
    return variables_initializer(global_variables())
