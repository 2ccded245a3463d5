"""Branches and loops inside the graph (`tf.cond`, `tf.while_loop`, `tf.scan`).

Each calls the functions that it is given once, to enter their operations as a `_Body`, and is itself one
operation, which runs the bodies under `lax.cond`, `lax.while_loop` or `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow import arrays, mathematics
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.infer import Known, is_known
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.session import State, evaluate, inherited, needed, read
from fnnet.tensorflow.turns import turned


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


def _check_callable(**functions: Any) -> None:
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"'{name}' must be callable.")


def cond(
    pred: Any, true_fn: Any = None, false_fn: Any = None, strict: bool = False, name: str | None = None,
    fn1: Any = None, fn2: Any = None,
) -> Any:  # fmt: skip
    """What `true_fn()` gives where `pred` holds, else what `false_fn()` gives; only that branch is run.

    Raises TypeError for a `pred` that is a Python bool, ValueError for branches that do not fit together.
    """
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    for which, branch in (("true_fn", true_fn), ("false_fn", false_fn)):
        if branch is None:
            raise TypeError(f"cond(): '{which}' argument required")
    _check_callable(true_fn=true_fn, false_fn=false_fn)
    if isinstance(pred, bool):
        raise TypeError("'pred' must not be a Python bool.")

    def run(branches: Any, state: State, given: Any) -> Any:
        if is_known(given[0]):
            return branches[not given[0]](state)
        return jax.lax.cond(given[0], *branches, state)

    with get_default_graph().name_scope(name or "cond"):
        chosen = convert_to_tensor(pred, name="pred")
        if chosen.shape.ndims:
            raise ValueError(f"Shape must be rank 0 but is rank {chosen.shape.ndims} for 'pred' of a tf.cond")
        yes, no = _Body(true_fn), _Body(false_fn)
        for which, body in (("true_fn", yes), ("false_fn", no)):
            if body.tree == jax.tree.structure(None):
                raise ValueError(f"'{which}' must have a return value.")
        if yes.tree != no.tree:
            both = f"First structure: {yes.tree}\n\nSecond structure: {no.tree}"
            raise ValueError(f"The two structures don't have the same nested structure.\n\n{both}")
        for a, b in zip(yes.results, no.results, strict=True):
            if a.dtype != b.dtype:
                both = f"Received {a.dtype} from 'true_fn' and {b.dtype} from 'false_fn'."
                raise ValueError(f"Outputs of 'true_fn' and 'false_fn' must have the same type(s). {both}")
            if not _may_be_equal(a, b):
                raise not_mirrored(f"a tf.cond whose branches have shapes {a.shape} and {b.shape}")
        found = jax.tree.unflatten(yes.tree, _enter("Merge", [yes, no], [chosen], run))
        return found[0] if isinstance(found, list | tuple) and len(found) == 1 and not strict else found


def while_loop(
    cond: Any, body: Any, loop_vars: Any, shape_invariants: Any = None, parallel_iterations: int = 10,
    back_prop: bool = True, swap_memory: bool = False, name: str | None = None,
    maximum_iterations: Any = None, return_same_structure: bool = False,
) -> Any:  # fmt: skip
    """The loop variables after `body` has been applied while `cond` holds. Shapes and types stay as they are.

    `parallel_iterations` and `swap_memory` have no effect; without `back_prop` there is no gradient. A
    gradient runs the loop again (`turns.py`). Raises TypeError, ValueError for functions that do not fit.
    """
    _check_callable(cond=cond, body=body)
    whole = tuple(loop_vars) if isinstance(loop_vars, list | tuple) else (loop_vars,)
    if not whole:
        raise ValueError("'loop_vars' must be provided.")
    if maximum_iterations is not None:
        most = convert_to_tensor(maximum_iterations, "int32", "maximum_iterations")

        def counted(i: Any, values: Any) -> Any:
            return mathematics.logical_and(i < most, cond(*values))

        def on(i: Any, values: Any) -> Any:
            results = body(*values)
            return i + 1, tuple(results) if isinstance(results, list | tuple) else (results,)

        options: Any = {"back_prop": back_prop, "name": name}
        found = while_loop(counted, on, (0, whole), **options)[1]
        return found[0] if len(found) == 1 and not return_same_structure else found

    def run(functions: Any, state: State, given: Any) -> Any:
        (test, turn), count, kept = functions, len(given), jax.tree.structure(state)

        def goes_on(*carry: Any) -> Any:
            return jnp.reshape(test(jax.tree.unflatten(kept, carry[count:]), *carry[:count])[0][0], ())

        def onward(*carry: Any) -> list[Any]:
            results, changed = turn(jax.tree.unflatten(kept, carry[count:]), *carry[:count])
            return [*results, *jax.tree.leaves(changed)]

        end = turned(goes_on, onward, [*map(jnp.asarray, given), *jax.tree.leaves(state)])
        return end[:count], jax.tree.unflatten(kept, end[count:])

    with get_default_graph().name_scope(name or "while"):
        leaves, tree = jax.tree.flatten(whole)
        starts = [convert_to_tensor(leaf) for leaf in leaves]
        known = [t.known.without_numbers() for t in starts]
        bodies = [_Body(cond, tree, known), _Body(body, tree, known)]
        _check_turn(bodies[0], bodies[1], starts, shape_invariants is not None)
        ends = _enter("Exit", bodies, starts, run, differentiable=back_prop, once=True)
        found = bodies[1].tree.unflatten(ends)
    if isinstance(found, Tensor) or (len(found) == 1 and not return_same_structure):
        return found if isinstance(found, Tensor) else found[0]
    return found


def _check_turn(test: _Body, turn: _Body, starts: list[Tensor], may_vary: bool) -> None:
    if [t.dtype for t in test.results] != [bool]:
        kind = test.results[0].dtype if test.results else None
        expected = f"has type {kind} that does not match expected type of bool."
        raise TypeError(f"Input 'input' of 'LoopCond' Op {expected}")
    if len(turn.results) != len(starts):
        both = f"First structure: {turn.arguments}\n\nSecond structure: {turn.results}"
        raise ValueError(f"The two structures don't have the same nested structure.\n\n{both}")
    for start, end in zip(starts, turn.results, strict=True):
        if not _may_be_equal(start, end):
            if may_vary:
                raise not_mirrored(f"a loop variable whose shape changes from {start.shape} to {end.shape}")
            raise ValueError(
                f"Input tensor '{start.name}' enters the loop with shape {start.shape}, but has shape "
                f"{end.shape} after one iteration. To allow the shape to vary across iterations, use the "
                "`shape_invariants` argument of tf.while_loop to specify a less-specific shape."
            )


def _may_be_equal(a: Tensor, b: Tensor) -> bool:
    if None in (a.shape.ndims, b.shape.ndims):
        return True
    pairs = zip(a.shape, b.shape, strict=False)
    return len(a.shape) == len(b.shape) and all(None in pair or pair[0] == pair[1] for pair in pairs)


def scan(
    fn: Any, elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, reverse: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """All values of a = fn(a, element) over the first axis, from `initializer` or the first element.

    `parallel_iterations`, `swap_memory` and `infer_shape` have no effect; without `back_prop` there is no
    gradient.
    """
    _check_callable(fn=fn)

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
        if body.tree != jax.tree.structure(begin):
            both = f"First structure: {jax.tree.structure(begin)}\n\nSecond structure: {body.tree}"
            raise ValueError(f"The two structures don't have the same nested structure.\n\n{both}")
        outputs = _enter("Stack", [body], [*starts, *rows], run, differentiable=back_prop)
        if initializer is None:
            pairs = zip([arrays.expand_dims(t, 0) for t in starts], outputs, strict=True)
            outputs = [arrays.concat([b, a] if reverse else [a, b], 0) for a, b in pairs]
    return jax.tree.unflatten(body.tree, outputs)


__all__ = ["cond", "scan", "while_loop"]
