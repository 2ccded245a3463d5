"""`tf.gradients`: an operation that runs the part of the graph between two sets of tensors under `jax.vjp`.

XLA finds that the values are there already and computes them once.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow import arrays
from fnnet.tensorflow.declare import lenient
from fnnet.tensorflow.evaluate import evaluate
from fnnet.tensorflow.graph import Operation, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import shape_of, worlds_of


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _points(x: Any) -> list[Tensor]:
    """What `x` is in the graph: a tensor, or all that has been read of a variable."""
    variable = getattr(x, "variable", None)
    return list(getattr(x if variable is None else variable, "readings", ())) or [convert_to_tensor(x)]


def _between(
    points: set[Tensor], ys: list[Tensor], stopped: set[Tensor]
) -> tuple[list[Operation], set[Tensor]]:
    """The operations on a way from `points` to `ys`, in order, and the tensors on such ways."""
    graph = get_default_graph()
    reached, forward = set(points), []
    for op in graph.get_operations():
        flows = op.differentiable and any(t in reached and t not in stopped for t in op.inputs)
        outputs = [t for t in op.outputs if t.dtype.is_floating]
        if flows and outputs and op.body in graph.bodies:
            reached.update(outputs)
            forward.append(op)
    wanted, path = {y for y in ys if y in reached}, []
    for op in reversed(forward):
        if any(t in wanted for t in op.outputs):
            path.append(op)
            wanted.update(t for t in op.inputs if t in reached and t not in stopped)
    return path[::-1], wanted


def kept_states(op: Operation) -> list[Tensor]:
    """The outputs of a loop or branch that hold the state it found, from which it can run again."""
    return op.outputs[len(op.outputs) - len(op.reads) :] if op.inner is not None else []


@lenient
def gradients(
    ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients", *, stop_gradients: Any = None,
    unconnected_gradients: Any = "none",
) -> list[Tensor | None]:  # fmt: skip
    """The derivatives of the sum of `ys` (weighted by `grad_ys`) by each of `xs`; None for one that they do
    not depend on.
    """
    targets, sources = [convert_to_tensor(y) for y in _listed(ys)], [_points(x) for x in _listed(xs)]
    weights = [None] * len(targets) if grad_ys is None else _listed(grad_ys)
    if len(weights) != len(targets):
        raise ValueError(f"Got {len(weights)} values for `grad_ys`, but `ys` has {len(targets)}")
    stopped = {t for x in _listed(stop_gradients or []) for t in _points(x)}
    path, on_way = _between({t for x in sources for t in x if t.dtype.is_floating}, targets, stopped)
    points = [t for t in dict.fromkeys(t for x in sources for t in x) if t in on_way]
    with get_default_graph().name_scope(name):
        pairs = [
            (y, None if w is None else convert_to_tensor(w, y.dtype))
            for y, w in zip(targets, weights, strict=True)
        ]
        found = _entered(path, points, [(y, w) for y, w in pairs if y in on_way])
        every = [[found[t] for t in x if t in found] for x in sources]
        if str(getattr(unconnected_gradients, "value", unconnected_gradients)) == "zero":
            every = [each or [arrays.zeros_like(x[0])] for each, x in zip(every, sources, strict=True)]
        return [sum(each[1:], start=each[0]) if each else None for each in every]


def _entered(
    path: list[Operation], points: list[Tensor], pairs: list[tuple[Tensor, Tensor | None]]
) -> dict[Tensor, Tensor]:
    """An operation that gives the derivatives by `points`: it takes what enters the path, and runs it."""
    if not points:
        return {}
    made = {t for op in path for t in op.outputs}
    entering = [
        *(t for op in path for t in op.inputs if t not in made),
        *(y for y, _ in pairs if y not in made),
    ]
    states = [t for op in path for t in kept_states(op)]
    inputs = list(dict.fromkeys([*points, *entering, *states, *(w for _, w in pairs if w is not None)]))

    def derivative(_: Any, *arrays: Any) -> list[Any]:
        around = dict(zip(inputs, arrays, strict=True))
        # zero is added to a point that is computed on the way: the derivative by that is the one by it
        at = [jnp.zeros_like(around[t]) if t in made else around[t] for t in points]

        def forward(at: list[Any]) -> list[Any]:
            moved = dict(zip(points, at, strict=True))
            values = {t: x for t, x in (around | moved).items() if t not in made}
            for op in path:
                evaluate([op], values, {c: around[t] for c, t in zip(op.reads, kept_states(op), strict=True)})
                values.update({t: values[t] + moved[t] for t in op.outputs if t in moved})
            return [values[y] for y, _ in pairs]

        results, pullback = jax.vjp(forward, at)
        return pullback([
            jnp.ones_like(y) if w is None else jnp.broadcast_to(around[w], y.shape)
            for y, (_, w) in zip(results, pairs, strict=True)
        ])[0]  # fmt: skip

    known = [(worlds_of(shape_of(t.known[0]), t.known[1]), t.known[1]) for t in points]
    op = get_default_graph().create("Gradient", derivative, inputs, "grad", known=known, inner=path)
    return dict(zip(points, op.outputs, strict=True))
