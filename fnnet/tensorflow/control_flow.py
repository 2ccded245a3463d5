"""Branches and loops inside the graph (`tf.cond`, `tf.while_loop`, `tf.scan`, `tf.map_fn`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays
from fnnet.tensorflow.bodies import Part, merged, owner
from fnnet.tensorflow.evaluate import State
from fnnet.tensorflow.graph import Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import Unknown, is_known
from fnnet.tensorflow.loops import while_loop as differentiable_while

__all__ = [
    "cond",
    "foldl",
    "foldr",
    "map_fn",
    "scan",
    "while_loop",
]


def cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Any = None,
    fn2: Any = None,
) -> Any:
    """What `true_fn()` gives where `pred` holds, else what `false_fn()` gives; only that branch is run."""
    true_fn, false_fn = true_fn or fn1, false_fn or fn2
    if not callable(true_fn):
        raise TypeError("'true_fn' must be callable.")
    if not callable(false_fn):
        raise TypeError("'false_fn' must be callable.")
    if isinstance(pred, bool):
        raise TypeError("'pred' must not be a Python bool.")
    graph = get_default_graph()
    with graph.name_scope(name or "cond"):
        chosen = convert_to_tensor(pred, name="pred")
        yes, no = Part(true_fn, (), ()), Part(false_fn, (), ())
        if len(yes.results) != len(no.results) or str(yes.tree) != str(no.tree):
            raise ValueError(
                f"Incompatible return values of true_fn and false_fn: {len(yes.results)} and "
                f"{len(no.results)} tensors, or nested in another way"
            )
        for a, b in zip(yes.results, no.results, strict=True):
            if a.dtype.base_dtype != b.dtype.base_dtype:
                raise ValueError(
                    "Outputs of 'true_fn' and 'false_fn' must have the same type(s). Received "
                    f"{a.dtype.base_dtype.name} from 'true_fn' and {b.dtype.base_dtype.name} from 'false_fn'."
                )
        captures = list(dict.fromkeys([*yes.captures, *no.captures]))
        changing = list(dict.fromkeys([*yes.writes, *no.writes]))

        def choose(state: State, pred: Any, *given: Any) -> list[Any]:
            fixed = {t: x for t, x in zip(captures, given, strict=True) if is_known(x)}
            moving = {t: jnp.asarray(x) for t, x in zip(captures, given, strict=True) if t not in fixed}

            def branch(part: Part) -> Callable[..., Any]:
                def run(given: Any, before: Any) -> tuple[list[Any], list[Any]]:
                    inner = dict(state) | dict(zip(changing, before, strict=True))
                    results = part.run((), fixed | dict(zip(moving, given, strict=True)), inner)
                    return [jnp.asarray(r) for r in results], [inner[c] for c in changing]

                return run

            before = [state[c] for c in changing]
            if isinstance(pred, np.ndarray | np.generic):
                results, after = branch(yes if pred else no)(list(moving.values()), before)
            else:
                results, after = jax.lax.cond(
                    pred, branch(yes), branch(no), list(map(jnp.asarray, given)), before
                )
            state.update(zip(changing, after, strict=True))
            return results

        worlds = [merged(a.worlds, b.worlds) for a, b in zip(yes.results, no.results, strict=True)]
        outputs = owner("If", choose, [chosen, *captures], [yes, no], worlds, "If")
        outputs = [arrays.identity(t, "Merge") for t in outputs]
    found = jax.tree.unflatten(yes.tree, outputs)
    return found[0] if isinstance(found, list | tuple) and len(found) == 1 and not strict else found


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: Any = None,
    return_same_structure: bool = False,
) -> Any:
    """The loop variables after `body` has been applied while `cond` holds. Gradients flow through it.

    Shapes stay as they are from turn to turn.
    """
    if not callable(cond):
        raise TypeError("'cond' must be callable.")
    if not callable(body):
        raise TypeError("'body' must be callable.")
    if not loop_vars:
        raise ValueError("'loop_vars' must be provided.")
    graph = get_default_graph()
    with graph.name_scope(name or "while"):
        given = tuple(loop_vars) if isinstance(loop_vars, list | tuple) else (loop_vars,)
        leaves, tree = jax.tree.flatten(given)
        starts = [convert_to_tensor(leaf, name="Const") for leaf in leaves]
        worlds = [t.worlds for t in starts]
        test = Part(cond, given, worlds)
        turn = Part(body, given, worlds)
        _check_turn(starts, turn, test)
        captures = list(dict.fromkeys([*test.captures, *turn.captures]))
        limit = None if maximum_iterations is None else convert_to_tensor(maximum_iterations, "int32")
        extra = [] if limit is None else [limit]
        cells = list(dict.fromkeys([*test.cells, *turn.cells]))
        changing = list(dict.fromkeys([*test.writes, *turn.writes]))
        fixed = [c for c in cells if c not in changing]

        def loop(state: State, *inputs: Any) -> list[Any]:
            count = len(starts)
            start = (
                *map(jnp.asarray, inputs[:count]),
                *[state[c] for c in changing],
                jnp.zeros((), np.int32),
            )
            given = dict(zip(captures, inputs[count + len(extra) :], strict=True))
            constant = {t: x for t, x in given.items() if is_known(x)}
            moving = [t for t in captures if t not in constant]
            limits = tuple(map(jnp.asarray, inputs[count : count + len(extra)]))
            known = (*limits, *[jnp.asarray(given[t]) for t in moving], *[state[c] for c in fixed])

            def unpack(carry: Any, known: Any) -> tuple[Any, Any, State, Any]:
                inner = dict(zip(changing, carry[count:-1], strict=True))
                inner |= dict(zip(fixed, known[len(extra) + len(moving) :], strict=True))
                values = constant | dict(zip(moving, known[len(extra) :], strict=False))
                return carry[:count], values, inner, carry[-1]

            def goes_on(carry: Any, known: Any) -> Any:
                values, captured, inner, turns = unpack(carry, known)
                more = test.run(values, captured, inner)[0]
                more = jnp.reshape(jnp.asarray(more), ())
                return more if not extra else more & (turns < known[0])

            def step(carry: Any, known: Any) -> Any:
                values, captured, inner, turns = unpack(carry, known)
                results = turn.run(values, captured, inner)
                return (*map(jnp.asarray, results), *[inner[c] for c in changing], turns + 1)

            end = differentiable_while(goes_on, step, start, known)
            state.update(zip(changing, end[count:-1], strict=True))
            return list(end[:count])

        inputs = [*starts, *extra, *captures]
        outputs = owner("While", loop, inputs, [test, turn], [_opened(w) for w in worlds], "While")
        outputs = [arrays.identity(t, "Exit") for t in outputs]
    found = jax.tree.unflatten(tree, outputs)
    if len(found) == 1 and not return_same_structure:
        return found[0]
    return list(found) if isinstance(loop_vars, list) else found


def _opened(worlds: Any) -> Any:
    return tuple(
        jax.ShapeDtypeStruct(np.shape(w), w.dtype) if isinstance(w, np.ndarray) else w for w in worlds
    )


def _check_turn(starts: list[Tensor], turn: Part, test: Part) -> None:
    if len(turn.results) != len(starts):
        raise ValueError(
            "The number of inputs and outputs of the loop body should match: "
            f"got {len(starts)} loop_vars and {len(turn.results)} outputs."
        )
    if len(test.results) != 1:
        raise TypeError(f"cond must return a boolean scalar tensor, but returned {len(test.results)} values.")
    for start, result in zip(starts, turn.results, strict=True):
        if start.dtype.base_dtype != result.dtype.base_dtype:
            raise TypeError(
                f"Input tensor '{start.name}' enters the loop with type {start.dtype.base_dtype!r}, but has "
                f"type {result.dtype.base_dtype!r} after 1 iteration."
            )
        if not start.shape.is_compatible_with(result.shape):
            raise ValueError(
                f"Input tensor '{start.name}' enters the loop with shape {start.shape}, but has shape "
                f"{result.shape} after one iteration. fnnet.tensorflow has no `shape_invariants`: the shape "
                "must not change."
            )


def _scanned(function: Any, elems: Any, initial: Any, reverse: bool, name: str) -> tuple[Any, Any]:
    """`function(carried, element)` over the first axis; every carried value is stacked."""
    graph = get_default_graph()
    with graph.name_scope(name):
        leaves, tree = jax.tree.flatten(elems)
        rows = [convert_to_tensor(leaf, name="elems") for leaf in leaves]
        element_worlds = [tuple(_row(w) for w in t.worlds) for t in rows]
        first = initial is None
        if first:
            starts, start_tree = [t[-1 if reverse else 0] for t in rows], tree
        else:
            flat, start_tree = jax.tree.flatten(initial)
            starts = [convert_to_tensor(leaf, name="initializer") for leaf in flat]
        skeleton = (jax.tree.unflatten(start_tree, starts), jax.tree.unflatten(tree, rows))
        worlds = [_opened(t.worlds) for t in starts]
        part = Part(function, skeleton, [*worlds, *element_worlds])
        for start, result in zip(starts, part.results, strict=True):
            if start.dtype.base_dtype != result.dtype.base_dtype:
                raise TypeError(
                    f"fn must return values of the initializer's types: {start.dtype.base_dtype.name} became "
                    f"{result.dtype.base_dtype.name}"
                )
        fixed = [c for c in part.cells if c not in part.writes]

        def loop(state: State, *inputs: Any) -> list[Any]:
            inputs = tuple(jnp.asarray(each) for each in inputs)
            count = len(starts)
            begun, given, captured = (
                inputs[:count],
                inputs[count : count + len(rows)],
                inputs[count + len(rows) :],
            )
            known = {c: state[c] for c in fixed}
            values = dict(zip(part.captures, captured, strict=True))

            def step(carry: Any, row: Any) -> tuple[Any, Any]:
                inner = known | dict(zip(part.writes, carry[1], strict=True))
                results = tuple(map(jnp.asarray, part.run([*carry[0], *row], values, inner)))
                return (results, [inner[c] for c in part.writes]), results

            if first:
                given = tuple(x[:-1] if reverse else x[1:] for x in given)
            carry, stacked = jax.lax.scan(
                step, (begun, [state[c] for c in part.writes]), given, reverse=reverse
            )
            state.update(zip(part.writes, carry[1], strict=True))
            if first:
                pairs = zip(stacked, begun, strict=True)
                return [jnp.concatenate([s, b[None]] if reverse else [b[None], s]) for s, b in pairs]
            return list(stacked)

        stacked_worlds = [
            tuple(_stacked(r, row) for r, row in zip(result.worlds, rows[0].worlds, strict=True))
            for result in part.results
        ]
        inputs = [*starts, *rows, *part.captures]
        outputs = owner("Scan", loop, inputs, [part], stacked_worlds, "Scan")
        outputs = [arrays.identity(t, "TensorArrayStack/TensorArrayGatherV3") for t in outputs]
    return outputs, part.tree


def _row(world: Any) -> Any:
    if isinstance(world, Unknown):
        raise NotImplementedError("fnnet.tensorflow: tf.scan and tf.map_fn need elements of known rank")
    return jax.ShapeDtypeStruct(np.shape(world)[1:], world.dtype)


def _stacked(result: Any, row: Any) -> Any:
    if isinstance(result, Unknown):
        return result
    return jax.ShapeDtypeStruct((np.shape(row)[0], *np.shape(result)), result.dtype)


def scan(
    fn: Callable[..., Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """All values of a = fn(a, element) over the first axis, from `initializer` or the first element."""
    outputs, tree = _scanned(fn, elems, initializer, reverse, name or "scan")
    return jax.tree.unflatten(tree, outputs)


def map_fn(
    fn: Callable[..., Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """fn of every element along the first axis, stacked."""
    leaves = jax.tree.leaves(elems)
    first = jax.tree.map(lambda t: convert_to_tensor(t)[0], elems)
    graph = get_default_graph()
    with graph.name_scope("map_probe"):
        probe = Part(fn, (first,), [_opened(t.worlds) for t in jax.tree.leaves(first)])
        starts = [arrays.zeros(t.shape.as_list(), t.dtype) for t in probe.results]
    assert leaves
    start = jax.tree.unflatten(probe.tree, starts)
    outputs, tree = _scanned(lambda _, element: fn(element), elems, start, False, name or "map")
    return jax.tree.unflatten(tree, outputs)


def foldl(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None, **_: Any
) -> Any:
    """The last value of a = fn(a, element) over the first axis."""
    return jax.tree.map(lambda t: t[-1], scan(fn, elems, initializer, name=name or "foldl"))


def foldr(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str | None = None, **_: Any
) -> Any:
    """The same from the last element to the first."""
    return jax.tree.map(lambda t: t[0], scan(fn, elems, initializer, reverse=True, name=name or "foldr"))
