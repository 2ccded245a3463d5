"""Branches and loops inside the graph (`tf.cond`, `tf.while_loop`, `tf.scan`, `tf.map_fn`).

Each calls the functions that it is given once, to enter their operations as a `Body`, and is itself one
operation, which runs the bodies under `lax.cond`, `lax.while_loop` or `lax.scan`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays
from fnnet.tensorflow.declare import lenient, public
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.evaluate import State, evaluate, needed
from fnnet.tensorflow.graph import Operation, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import Known, is_known, shape_of, worlds_of
from fnnet.tensorflow.loops import while_loop as differentiable_while

Functions = Sequence[Callable[..., Any]]


def _abstract(known: Known, shapes: Any = None) -> Known:
    """The same without numbers; in the shapes given for the worlds."""
    if known[0] is None:
        return known
    shapes = [np.shape(world) for world in known[0]] if shapes is None else shapes
    return tuple(jax.ShapeDtypeStruct(shape, known[1]) for shape in shapes), known[1]


class Body:
    """A function of Tensors, called once to enter its operations.

    Attributes:
        results, tree: what it gave, flattened, and how that was nested.
        captures: the tensors of the outer graph that it uses.
        cells, writes: the state that it uses, and that it changes.
    """

    def __init__(self, function: Callable[..., Any], tree: Any, inputs: Sequence[Known]) -> None:
        graph = get_default_graph()
        self.operations: list[Operation] = []
        with graph.building(self), graph.control_dependencies(None):
            entered = [
                graph.create("Placeholder", lambda: None, (), "Identity", known=[each]) for each in inputs
            ]
            self.arguments = [op.outputs[0] for op in entered]
            leaves, self.tree = jax.tree.flatten(function(*jax.tree.unflatten(tree, self.arguments)))
            self.results = [self._tensor(leaf) for leaf in leaves]
        self.needed = needed([t.op for t in self.results], self.arguments, self)
        used = [t for op in self.needed for t in op.inputs] + self.results
        self.captures = list(dict.fromkeys(t for t in used if t.op.body is not self))
        self.cells = list(dict.fromkeys(c for op in self.needed for c in (*op.reads, *op.writes)))
        self.writes = list(dict.fromkeys(c for op in self.needed for c in op.writes))

    @staticmethod
    def _tensor(leaf: Any) -> Tensor:
        with get_default_graph().control_dependencies([leaf] if isinstance(leaf, Operation) else []):
            return convert_to_tensor(True if isinstance(leaf, Operation) else leaf)

    def __call__(self, inputs: Sequence[Any], outside: dict[Tensor, Any], state: State) -> list[Any]:
        values = outside | dict(zip(self.arguments, inputs, strict=True))
        evaluate(self.needed, values, state)
        return [jnp.asarray(values[t]) for t in self.results]


def _enter(
    label: str, bodies: list[Body], inputs: list[Tensor], known: list[Known], run: Any
) -> list[Tensor]:
    """The operation that runs `bodies`: `run(functions, inputs, changing, around)` gives results, `changing`.

    Each body is there as a pure function(inputs, changing, around) of what it is given, of the cells that are
    written, and of what else it uses. The state that was found is a further output for each cell, from which
    the gradient can run it all again.
    """
    captures, cells, writes = (
        list(dict.fromkeys(each for body in bodies for each in getattr(body, kind)))
        for kind in ("captures", "cells", "writes")
    )
    fixed = [c for c in cells if c not in writes]

    def function(state: State, *given: Any) -> list[Any]:
        outside = dict(zip(captures, given[len(inputs) :], strict=True))
        constant = {t: x for t, x in outside.items() if is_known(x)}
        moving = [t for t in captures if t not in constant]

        def pure(body: Body) -> Callable[..., Any]:
            def compute(inputs: Any, changing: Any, around: Any) -> tuple[list[Any], list[Any]]:
                inner = dict(zip([*writes, *fixed], [*changing, *around[1]], strict=True))
                results = body(inputs, constant | dict(zip(moving, around[0], strict=True)), inner)
                return results, [inner[c] for c in writes]

            return compute

        before = [state[cell] for cell in cells]
        around = [jnp.asarray(outside[t]) for t in moving], [state[c] for c in fixed]
        start = [state[c] for c in writes]
        results, after = run([*map(pure, bodies)], given[: len(inputs)], start, around)
        state.update(zip(writes, after, strict=True))
        return [*results, *before]

    inner = [op for body in bodies for op in body.needed]
    every = [*known, *(c.cell for c in cells)]
    op = get_default_graph().create(
        "Loop", function, [*inputs, *captures], known=every, reads=cells, writes=writes, inner=inner
    )
    return [arrays.identity(t, label) for t in op.outputs[: len(known)]]


def _callable(**functions: Any) -> None:
    for name, each in functions.items():
        if not callable(each):
            raise TypeError(f"'{name}' must be callable.")


def cond(
    pred: Any, true_fn: Any = None, false_fn: Any = None, strict: bool = False, name: str | None = None,
    fn1: Any = None, fn2: Any = None,
) -> Any:  # fmt: skip
    """What `true_fn()` gives where `pred` holds, else what `false_fn()` gives; only that branch is run."""
    _callable(true_fn=true_fn or fn1, false_fn=false_fn or fn2)
    if isinstance(pred, bool):
        raise TypeError("'pred' must not be a Python bool.")

    def run(branches: Functions, given: Any, changing: Any, around: Any) -> Any:
        yes, no = ((lambda *a, f=f: f((), *a)) for f in branches)
        if isinstance(given[0], np.ndarray | np.generic):
            return (yes if given[0] else no)(changing, around)
        return jax.lax.cond(given[0], yes, no, changing, around)

    with get_default_graph().name_scope(name or "cond"):
        chosen = convert_to_tensor(pred, name="pred")
        bodies = [Body(each, jax.tree.structure(()), ()) for each in (true_fn or fn1, false_fn or fn2)]
        yes, no = (body.results for body in bodies)
        kinds = [[t.dtype.base_dtype.name for t in results] for results in (yes, no)]
        if str(bodies[0].tree) != str(bodies[1].tree) or kinds[0] != kinds[1]:
            raise ValueError(
                "Outputs of 'true_fn' and 'false_fn' must have the same structure and type(s). Received "
                f"{bodies[0].tree} {kinds[0]} from 'true_fn' and {bodies[1].tree} {kinds[1]} from 'false_fn'."
            )
        every = [a.known[0] and b.known[0] and a.known[0] + b.known[0] for a, b in zip(yes, no, strict=True)]
        known = [(worlds_of(shape_of(w), t.known[1]), t.known[1]) for w, t in zip(every, yes, strict=True)]
        found = jax.tree.unflatten(bodies[0].tree, _enter("Merge", bodies, [chosen], known, run))
        return found[0] if isinstance(found, list | tuple) and len(found) == 1 and not strict else found


def _same_types(starts: list[Tensor], results: list[Tensor], shapes: bool) -> None:
    """Raises TypeError or ValueError if what a turn of a loop gives is not what the next can take."""
    if len(starts) != len(results):
        both = f"got {len(starts)} loop_vars and {len(results)} outputs."
        raise ValueError(f"The number of inputs and outputs of the loop body should match: {both}")
    for a, b in zip(starts, results, strict=True):
        enters, kinds = f"Input tensor '{a.name}' enters the loop with", [t.dtype.base_dtype for t in (a, b)]
        if kinds[0] != kinds[1]:
            raise TypeError(f"{enters} type {kinds[0]!r}, but has type {kinds[1]!r} after 1 iteration.")
        if shapes and not a.shape.is_compatible_with(b.shape):
            raise ValueError(f"{enters} shape {a.shape}, but has shape {b.shape} after one iteration.")


@lenient
def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, shape_invariants: Any = None, *,
    name: str | None = None, maximum_iterations: Any = None, return_same_structure: bool = False,
) -> Any:  # fmt: skip
    """The loop variables after `body` has been applied while `cond` holds. Gradients flow through it.

    Shapes stay as they are from turn to turn.
    """
    _callable(cond=cond, body=body)
    if shape_invariants is not None:
        raise not_mirrored("shape_invariants of a loop, the variables of which change their shapes,")

    def run(functions: Functions, given: Any, changing: Any, around: Any) -> Any:
        (test, turn), (*start, limit) = functions, map(jnp.asarray, given)

        def goes_on(carry: Any, known: Any) -> Any:
            more = jnp.reshape(test(carry[1], carry[2], known[0])[0][0], ())
            return more if maximum_iterations is None else more & (carry[0] < known[1])

        def step(carry: Any, known: Any) -> Any:
            return (carry[0] + np.int32(1), *turn(carry[1], carry[2], known[0]))

        begin = jnp.zeros((), np.int32), start, changing
        return differentiable_while(goes_on, step, begin, (around, limit))[1:]

    with get_default_graph().name_scope(name or "while"):
        leaves, tree = jax.tree.flatten(
            tuple(loop_vars) if isinstance(loop_vars, list | tuple) else (loop_vars,)
        )
        if not leaves:
            raise ValueError("'loop_vars' must be provided.")
        starts = [convert_to_tensor(leaf, name="Const") for leaf in leaves]
        limit = convert_to_tensor(0 if maximum_iterations is None else maximum_iterations, "int32")
        known = [_abstract(t.known) for t in starts]
        test, turn = Body(cond, tree, known), Body(body, tree, known)
        if len(test.results) != 1:
            raise TypeError(
                f"cond must return a boolean scalar tensor, but returned {len(test.results)} values."
            )
        _same_types(starts, turn.results, shapes=True)
        found = jax.tree.unflatten(tree, _enter("Exit", [test, turn], [*starts, limit], known, run))
    if len(found) == 1 and not return_same_structure:
        return found[0]
    return list(found) if isinstance(loop_vars, list) else found


def _over_rows(
    function: Any, tree: Any, starts: list[Tensor], rows: list[Tensor], reverse: bool = False
) -> Any:
    """`function` of what is carried and a row, over the first axis, and its results stacked.

    They are what is carried to the next row, unless `starts` are none.
    """
    if any(row.known[0] is None for row in rows):
        raise not_mirrored("tf.scan or tf.map_fn of elements of unknown rank")
    of_a_row = [_abstract(t.known, [np.shape(world)[1:] for world in t.known[0] or ()]) for t in rows]
    body = Body(function, tree, [*(_abstract(t.known) for t in starts), *of_a_row])
    if starts:
        _same_types(starts, body.results, shapes=False)

    def run(functions: Functions, given: Any, changing: Any, around: Any) -> Any:
        def step(carry: Any, row: Any) -> Any:
            results, changed = functions[0]([*carry[0], *row], carry[1], around)
            return (results if starts else [], changed), results

        inputs = [*map(jnp.asarray, given)]
        carry = inputs[: len(starts)], changing
        (_, changed), stacked = jax.lax.scan(step, carry, inputs[len(starts) :], reverse=reverse)
        return stacked, changed

    def stacked(t: Tensor) -> Known:
        pairs = zip(rows[0].known[0] or (), t.known[0] or (), strict=False)
        return _abstract(t.known, [(np.shape(row)[0], *np.shape(world)) for row, world in pairs])

    label = "TensorArrayStack/TensorArrayGatherV3"
    return body.tree, _enter(label, [body], [*starts, *rows], [*map(stacked, body.results)], run)


@lenient
def scan(
    fn: Any, elems: Any, initializer: Any = None, *, reverse: bool = False, name: str | None = None
) -> Any:
    """All values of a = fn(a, element) over the first axis, from `initializer` or the first element."""
    with get_default_graph().name_scope(name or "scan"):
        elems = jax.tree.map(lambda each: convert_to_tensor(each, name="elems"), elems)
        begin = jax.tree.map(lambda each: convert_to_tensor(each, name="initializer"), initializer)
        if initializer is None:
            begin = jax.tree.map(lambda t: t[-1 if reverse else 0], elems)
            elems = jax.tree.map(lambda t: t[:-1] if reverse else t[1:], elems)
        starts, rows = jax.tree.leaves(begin), jax.tree.leaves(elems)
        tree, outputs = _over_rows(fn, jax.tree.structure((begin, elems)), starts, rows, reverse)
        if initializer is None:
            firsts = [arrays.expand_dims(t, 0) for t in starts]
            pairs = [[b, a] if reverse else [a, b] for a, b in zip(firsts, outputs, strict=True)]
            outputs = [arrays.concat(pair, 0) for pair in pairs]
    return jax.tree.unflatten(tree, outputs)


@lenient
def map_fn(
    fn: Any, elems: Any, dtype: Any = None, *, name: str | None = None, fn_output_signature: Any = None
) -> Any:
    """fn of every element along the first axis, stacked."""
    with get_default_graph().name_scope(name or "map"):
        leaves, tree = jax.tree.flatten((elems,))
        rows = [convert_to_tensor(leaf, name="elems") for leaf in leaves]
        results, outputs = _over_rows(fn, tree, [], rows)
    return jax.tree.unflatten(results, outputs)


def foldl(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str = "foldl", **options: Any
) -> Any:
    """The last value of a = fn(a, element) over the first axis."""
    return jax.tree.map(lambda t: t[-1], scan(fn, elems, initializer, name=name, **options))


def foldr(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, name: str = "foldr", **options: Any
) -> Any:
    """The same from the last element to the first."""
    return jax.tree.map(lambda t: t[0], scan(fn, elems, initializer, name=name, reverse=True, **options))


__all__ = [name for name in public(globals()) if name != "Body"]
