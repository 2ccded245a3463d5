"""Branches and loops inside the graph (`tf.cond`, `tf.while_loop`, `tf.scan`).

Each calls the functions that it is given once, to enter their operations as a `_Body`, and is itself one
operation, which runs the bodies under `lax.cond`, `lax.while_loop` or `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow import arrays
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import Known, is_known
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.session import State, evaluate, inherited, needed, read


class _Body:
    """A function of Tensors, called once to enter its operations: its `results` are nested as `tree` says."""

    def __init__(self, function: Any, tree: Any = None, inputs: Sequence[Known] = ()) -> None:
        graph = get_default_graph()
        with graph.control_dependencies(None, body=self):
            entered = [graph.create("Placeholder", tuple, (), "Identity", [each]) for each in inputs]
            self.arguments = [op.outputs[0] for op in entered]
            given = () if tree is None else jax.tree.unflatten(tree, self.arguments)
            leaves, nested = jax.tree.flatten(function(*given))
            self.tree: Any = nested
            self.results = [self._tensor(leaf) for leaf in leaves]
        self.needed = needed([t.op for t in self.results], self.arguments, self)

    @staticmethod
    def _tensor(leaf: Any) -> Tensor:
        with get_default_graph().control_dependencies([leaf] if isinstance(leaf, Operation) else []):
            return convert_to_tensor(True if isinstance(leaf, Operation) else leaf)

    def bound(self, outside: dict[Tensor, Any]) -> Callable[..., tuple[list[Any], State]]:
        """A pure function of (state, *inputs) that gives the results and the new state."""

        def run(state: State, *inputs: Any) -> tuple[list[Any], State]:
            inner, values = dict(state), outside | dict(zip(self.arguments, inputs, strict=True))
            evaluate(self.needed, values, inner)
            return [jnp.asarray(values[t]) for t in self.results], {name: inner[name] for name in state}

        return run


def _enter(label: str, bodies: list[_Body], inputs: list[Tensor], run: Any, **options: Any) -> list[Tensor]:
    """The operation that runs `bodies`: `run(functions, state, inputs)` gives results and state.

    It leaves the state that it found under its function, from which a gradient runs it again.
    """
    inner = [op for body in bodies for op in body.needed]
    used = [t for op in inner for t in op.inputs] + [t for body in bodies for t in body.results]
    captures = list(dict.fromkeys(t for t in used if t.op.body not in bodies))
    cells = list(dict.fromkeys(cell for op in inner for cell in op.cells or ()))

    def function(state: State, *given: Any) -> list[Any]:
        outside = dict(zip(captures, given[len(inputs) :], strict=True))
        before = {cell.name: read(state, cell, cell.name) for cell in cells}
        results, after = run([body.bound(outside) for body in bodies], before, given[: len(inputs)])
        state |= after | {function: before}
        return list(results)

    def as_if(*given: Any) -> list[Any]:
        known = [(c.name, c.initial() if c.initial else c.outputs[0].known.worlds[0]) for c in cells]
        return function({name: jnp.zeros(a.shape, a.dtype) for name, a in known}, *given)

    graph, every = get_default_graph(), [*inputs, *captures]
    options |= {"cells": cells, **inherited(inner)}
    return graph.create("Loop", function, every, label, as_if=as_if, **options).outputs


def cond(
    pred: Any, true_fn: Any = None, false_fn: Any = None, strict: bool = False, name: str | None = None,
    fn1: Any = None, fn2: Any = None,
) -> Any:  # fmt: skip
    """What `true_fn()` gives where `pred` holds, else what `false_fn()` gives; only that branch is run."""

    def run(branches: Any, state: State, given: Any) -> Any:
        if is_known(given[0]):
            return branches[not given[0]](state)
        return jax.lax.cond(given[0], *branches, state)

    with get_default_graph().name_scope(name or "cond"):
        chosen = convert_to_tensor(pred, name="pred")
        yes, no = _Body(true_fn or fn1), _Body(false_fn or fn2)
        if yes.tree != no.tree:
            both = f"Received {yes.tree} from 'true_fn' and {no.tree} from 'false_fn'."
            raise ValueError(f"Outputs of 'true_fn' and 'false_fn' must have the same structure. {both}")
        found = jax.tree.unflatten(yes.tree, _enter("Merge", [yes, no], [chosen], run))
        return found[0] if isinstance(found, list | tuple) and len(found) == 1 and not strict else found


def while_loop(cond: Any, body: Any, loop_vars: Any, *, name: str | None = None) -> Any:
    """The loop variables after `body` has been applied while `cond` holds. Shapes and types stay as they are.

    It has no gradient, for XLA cannot keep the states of a number of turns that it does not know: see `scan`.
    """

    def run(functions: Any, state: State, given: Any) -> Any:
        test, turn = functions
        goes_on = lambda carry: jnp.reshape(test(carry[1], *carry[0])[0][0], ())  # noqa: E731
        start = [jnp.asarray(x) for x in given], state
        return jax.lax.while_loop(goes_on, lambda carry: turn(carry[1], *carry[0]), start)

    with get_default_graph().name_scope(name or "while"):
        whole = tuple(loop_vars) if isinstance(loop_vars, list | tuple) else (loop_vars,)
        leaves, tree = jax.tree.flatten(whole)
        starts = [convert_to_tensor(leaf) for leaf in leaves]
        known = [t.known.without_numbers() for t in starts]
        bodies = [_Body(cond, tree, known), _Body(body, tree, known)]
        found = jax.tree.unflatten(
            tree, _enter("Exit", bodies, starts, run, differentiable="a tf.while_loop (tf.scan has one)")
        )
    return found[0] if len(found) == 1 else list(found) if isinstance(loop_vars, list) else found


def scan(
    fn: Any, elems: Any, initializer: Any = None, *, reverse: bool = False, name: str | None = None
) -> Any:
    """All values of a = fn(a, element) over the first axis, from `initializer` or the first element."""

    def run(functions: Any, state: State, given: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            results, changed = functions[0](carry[1], *carry[0], *row)
            return (results, changed), results

        inputs = [jnp.asarray(x) for x in given]
        carry, rows = (inputs[: len(starts)], state), inputs[len(starts) :]
        (_, changed), stacked = jax.lax.scan(step, carry, rows, reverse=reverse)
        return stacked, changed

    with get_default_graph().name_scope(name or "scan"):
        elems = jax.tree.map(convert_to_tensor, elems)
        begin = jax.tree.map(convert_to_tensor, initializer)
        if initializer is None:
            begin = jax.tree.map(lambda t: t[-1 if reverse else 0], elems)
            elems = jax.tree.map(lambda t: t[:-1] if reverse else t[1:], elems)
        starts, rows = jax.tree.leaves(begin), jax.tree.leaves(elems)
        known = [*(t.known.without_numbers() for t in starts), *(t.known.without_numbers(1) for t in rows)]
        body = _Body(fn, jax.tree.structure((begin, elems)), known)
        outputs = _enter("Stack", [body], [*starts, *rows], run)
        if initializer is None:
            pairs = zip([arrays.expand_dims(t, 0) for t in starts], outputs, strict=True)
            outputs = [arrays.concat([b, a] if reverse else [a, b], 0) for a, b in pairs]
    return jax.tree.unflatten(body.tree, outputs)


__all__ = ["cond", "scan", "while_loop"]
