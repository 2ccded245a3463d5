"""Branches and loops inside the graph (`tf.cond`, `tf.while_loop`, `tf.scan`).

Each calls the functions that it is given once, to enter their operations as a `Body`, and is itself one
operation, which runs the bodies under `lax.cond`, `lax.while_loop` or `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, mathematics
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import Known, agreed, is_known, of_shape
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.session import State, evaluate, needed, read

Functions = Sequence[Callable[..., Any]]


class Body:
    """A function of Tensors, called once to enter its operations.

    Attributes:
        results, tree: what it gave, flattened, and how that was nested.
        captures: the tensors of the outer graph that it uses.
        cells: the state that it uses.
    """

    def __init__(self, function: Any, name: str, tree: Any = None, inputs: Sequence[Known] = ()) -> None:
        if not callable(function):
            raise TypeError(f"'{name}' must be callable.")
        graph = get_default_graph()
        with graph.control_dependencies(None, body=self):
            entered = [graph.create("Placeholder", tuple, (), "Identity", known=[each]) for each in inputs]
            self.arguments = [op.outputs[0] for op in entered]
            given = () if tree is None else jax.tree.unflatten(tree, self.arguments)
            leaves, self.tree = jax.tree.flatten(function(*given))
            self.results = [self._tensor(leaf) for leaf in leaves]
        self.needed = needed([t.op for t in self.results], self.arguments, self)
        used = [t for op in self.needed for t in op.inputs] + self.results
        self.captures = [t for t in used if t.op.body is not self]
        self.cells = [cell for op in self.needed for cell in op.cells]
        self.kinds = [t.dtype.name for t in self.results]

    @staticmethod
    def _tensor(leaf: Any) -> Tensor:
        with get_default_graph().control_dependencies([leaf] if isinstance(leaf, Operation) else []):
            return convert_to_tensor(True if isinstance(leaf, Operation) else leaf)

    def __call__(self, inputs: Sequence[Any], outside: dict[Tensor, Any], state: State) -> list[Any]:
        values = outside | dict(zip(self.arguments, inputs, strict=True))
        evaluate(self.needed, values, state)
        return [jnp.asarray(values[t]) for t in self.results]


def _enter(
    label: str, bodies: list[Body], inputs: list[Tensor], known: list[Known], run: Any, **options: Any
) -> list[Tensor]:
    """The operation that runs `bodies`: `run(functions, inputs, state, around)` gives results and state.

    Each body is there as a pure function(inputs, state, around) of what it is given, of the cells, and of
    what else it uses. The state that was found is a further output for each cell, from which a gradient runs
    it all again; to the graph it is integers, through which no gradient flows.
    """
    captures = list(dict.fromkeys(t for body in bodies for t in body.captures))
    cells = list(dict.fromkeys(cell for body in bodies for cell in body.cells))

    def function(state: State, *given: Any) -> list[Any]:
        outside = dict(zip(captures, given[len(inputs) :], strict=True))
        constant = {t: x for t, x in outside.items() if is_known(x)}
        moving = {t: jnp.asarray(x) for t, x in outside.items() if t not in constant}

        def pure(body: Body) -> Callable[..., Any]:
            def compute(inputs: Any, found: Any, around: Any) -> tuple[list[Any], list[Any]]:
                inner = dict(zip([cell.name for cell in cells], found, strict=True))
                results = body(inputs, constant | dict(zip(moving, around, strict=True)), inner)
                return results, [inner[cell.name] for cell in cells]

            return compute

        before = [read(state, cell, op.name) for cell in cells]
        results, after = run([*map(pure, bodies)], given[: len(inputs)], before, [*moving.values()])
        state.update({cell.name: array for cell, array in zip(cells, after, strict=True)})
        return [*results, *before]

    inner = [op for body in bodies for op in body.needed]
    options |= {"cells": cells, "writes": any(op.writes for op in inner), "inner": inner}
    every = [*known, *(Known(None, np.int64) for _ in cells)]
    op = get_default_graph().create("Loop", function, [*inputs, *captures], known=every, **options)
    return [mathematics.identity(t, label) for t in op.outputs[: len(known)]]


def cond(
    pred: Any, true_fn: Any = None, false_fn: Any = None, strict: bool = False, name: str | None = None,
    fn1: Any = None, fn2: Any = None,
) -> Any:  # fmt: skip
    """What `true_fn()` gives where `pred` holds, else what `false_fn()` gives; only that branch is run."""
    if isinstance(pred, bool):
        raise TypeError("'pred' must not be a Python bool.")

    def run(branches: Functions, given: Any, state: Any, around: Any) -> Any:
        yes, no = ((lambda *a, f=f: f((), *a)) for f in branches)
        if is_known(given[0]):
            return (yes if given[0] else no)(state, around)
        return jax.lax.cond(given[0], yes, no, state, around)

    with get_default_graph().name_scope(name or "cond"):
        chosen = convert_to_tensor(pred, name="pred")
        yes, no = Body(true_fn or fn1, "true_fn"), Body(false_fn or fn2, "false_fn")
        if str(yes.tree) != str(no.tree) or yes.kinds != no.kinds:
            raise ValueError(
                "Outputs of 'true_fn' and 'false_fn' must have the same structure and type(s). Received "
                f"{yes.tree} {yes.kinds} from 'true_fn' and {no.tree} {no.kinds} from 'false_fn'."
            )
        every = [(a.known.worlds, b.known.worlds) for a, b in zip(yes.results, no.results, strict=True)]
        shapes = [None if a is None or b is None else agreed([*a, *b]) for a, b in every]
        known = [of_shape(shape, t.known.dtype) for shape, t in zip(shapes, yes.results, strict=True)]
        found = jax.tree.unflatten(yes.tree, _enter("Merge", [yes, no], [chosen], known, run))
        return found[0] if isinstance(found, list | tuple) and len(found) == 1 and not strict else found


def _same_types(starts: list[Tensor], body: Body, shapes: bool) -> None:
    """Raises TypeError or ValueError if what a turn of a loop gives is not what the next can take."""
    if len(starts) != len(body.results):
        both = f"got {len(starts)} loop_vars and {len(body.results)} outputs."
        raise ValueError(f"The number of inputs and outputs of the loop body should match: {both}")
    for a, b in zip(starts, body.results, strict=True):
        enters = f"Input tensor '{a.name}' enters the loop with"
        if a.dtype is not b.dtype:
            raise TypeError(f"{enters} type {a.dtype!r}, but has type {b.dtype!r} after 1 iteration.")
        if shapes and not a.shape.is_compatible_with(b.shape):
            raise ValueError(f"{enters} shape {a.shape}, but has shape {b.shape} after one iteration.")


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, *, name: str | None = None
) -> Any:
    """The loop variables after `body` has been applied while `cond` holds. Shapes stay as they are.

    It has no gradient, for XLA cannot keep the states of a number of turns that it does not know: see `scan`.
    """

    def run(functions: Functions, given: Any, state: Any, around: Any) -> Any:
        test, turn = functions
        start = [*map(jnp.asarray, given)], state
        goes_on = lambda carry: jnp.reshape(test(*carry, around)[0][0], ())  # noqa: E731
        return jax.lax.while_loop(goes_on, lambda carry: turn(*carry, around), start)

    with get_default_graph().name_scope(name or "while"):
        whole = tuple(loop_vars) if isinstance(loop_vars, list | tuple) else (loop_vars,)
        leaves, tree = jax.tree.flatten(whole)
        if not leaves:
            raise ValueError("'loop_vars' must be provided.")
        starts = [convert_to_tensor(leaf) for leaf in leaves]
        known = [t.known.reshaped() for t in starts]
        test, turn = Body(cond, "cond", tree, known), Body(body, "body", tree, known)
        if len(test.results) != 1:
            raise TypeError(
                f"cond must return a boolean scalar tensor, but returned {len(test.results)} values."
            )
        _same_types(starts, turn, shapes=True)
        refusal = "a tf.while_loop (tf.scan has one)"
        results = _enter("Exit", [test, turn], starts, known, run, differentiable=refusal)
        found = jax.tree.unflatten(tree, results)
    return found[0] if len(found) == 1 else list(found) if isinstance(loop_vars, list) else found


def scan(
    fn: Any, elems: Any, initializer: Any = None, *, reverse: bool = False, name: str | None = None
) -> Any:
    """All values of a = fn(a, element) over the first axis, from `initializer` or the first element."""

    def run(functions: Functions, given: Any, state: Any, around: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            results, changed = functions[0]([*carry[0], *row], carry[1], around)
            return (results, changed), results

        inputs = [*map(jnp.asarray, given)]
        carry = inputs[: len(starts)], state
        (_, changed), stacked = jax.lax.scan(step, carry, inputs[len(starts) :], reverse=reverse)
        return stacked, changed

    def stacked(t: Tensor) -> Known:
        lengths = iter(np.shape(world)[0] for world in rows[0].known.worlds or ())
        return t.known.reshaped(lambda shape: (next(lengths), *shape))

    with get_default_graph().name_scope(name or "scan"):
        elems = jax.tree.map(lambda each: convert_to_tensor(each, name="elems"), elems)
        begin = jax.tree.map(lambda each: convert_to_tensor(each, name="initializer"), initializer)
        if initializer is None:
            begin = jax.tree.map(lambda t: t[-1 if reverse else 0], elems)
            elems = jax.tree.map(lambda t: t[:-1] if reverse else t[1:], elems)
        starts, rows = jax.tree.leaves(begin), jax.tree.leaves(elems)
        if any(row.known.worlds is None for row in rows):
            raise not_mirrored("tf.scan of elements of unknown rank")
        of_a_row = [t.known.reshaped(lambda shape: shape[1:]) for t in rows]
        tree = jax.tree.structure((begin, elems))
        body = Body(fn, "fn", tree, [*(t.known.reshaped() for t in starts), *of_a_row])
        _same_types(starts, body, shapes=False)
        label = "TensorArrayStack/TensorArrayGatherV3"
        outputs = _enter(label, [body], [*starts, *rows], [*map(stacked, body.results)], run)
        if initializer is None:
            firsts = [arrays.expand_dims(t, 0) for t in starts]
            pairs = [[b, a] if reverse else [a, b] for a, b in zip(firsts, outputs, strict=True)]
            outputs = [arrays.concat(pair, 0) for pair in pairs]
    return jax.tree.unflatten(body.tree, outputs)


__all__ = ["cond", "scan", "while_loop"]
