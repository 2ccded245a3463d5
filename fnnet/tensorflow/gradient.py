"""`tf.gradients`: an operation that runs the part of the graph between two sets of tensors in `jax.vjp`."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow.bodies import snapshots
from fnnet.tensorflow.evaluate import evaluate, is_variable
from fnnet.tensorflow.graph import Operation, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import Unknown, World
from fnnet.tensorflow.variables import Variable


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _target(value: Any) -> Tensor:
    return value._ref if isinstance(value, Variable) else convert_to_tensor(value)


def _between(xs: list[Tensor], ys: list[Tensor], stopped: set[Tensor]) -> tuple[list[Operation], set[Tensor]]:
    """The operations on a way from `xs` to `ys`, in order, and the tensors on such ways."""
    reached = {x for x in xs if x.dtype.is_floating}
    graph = get_default_graph()
    forward: list[Operation] = []
    for op in graph.get_operations():
        flows = any(t in reached and t not in stopped for t in op.inputs)
        if op.differentiable and flows and graph.is_building(op.body):
            outputs = [t for t in op.outputs if t.dtype.is_floating]
            reached.update(outputs)
            if outputs:
                forward.append(op)
    wanted = {y for y in ys if y in reached}
    path: list[Operation] = []
    for op in reversed(forward):
        if any(t in wanted for t in op.outputs):
            path.append(op)
            wanted.update(t for t in op.inputs if t in reached and t not in stopped)
    return path[::-1], wanted


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: bool = False,
    aggregation_method: Any = None,
    stop_gradients: Any = None,
    unconnected_gradients: Any = "none",
) -> list[Tensor | None]:
    """The derivatives of the sum of `ys` (weighted by `grad_ys`) by each of `xs`; None for one that they do
    not depend on.
    """
    graph = get_default_graph()
    targets = [convert_to_tensor(y) for y in _as_list(ys)]
    sources = [_target(x) for x in _as_list(xs)]
    stopped = {_target(x) for x in _as_list(stop_gradients)} if stop_gradients is not None else set()
    path, on_way = _between(sources, targets, stopped)
    connected = [x for x in dict.fromkeys(sources) if x in on_way]
    reached = [i for i, y in enumerate(targets) if y in on_way]
    with graph.name_scope(name):
        found = _entered(path, connected, [targets[i] for i in reached], _weights(targets, reached, grad_ys))
        if str(getattr(unconnected_gradients, "value", unconnected_gradients)) == "zero":
            from fnnet.tensorflow.arrays import zeros_like

            return [found[x] if x in found else zeros_like(x) for x in sources]
    return [found.get(x) for x in sources]


def _weights(targets: list[Tensor], reached: list[int], grad_ys: Any) -> list[Tensor | None]:
    if grad_ys is None:
        return [None for _ in reached]
    given = _as_list(grad_ys)
    if len(given) != len(targets):
        raise ValueError(f"Got {len(given)} values for `grad_ys`, but `ys` has {len(targets)}")
    return [None if given[i] is None else convert_to_tensor(given[i], targets[i].dtype) for i in reached]


def _entered(
    path: list[Operation], xs: list[Tensor], ys: list[Tensor], weights: list[Tensor | None]
) -> dict[Tensor, Tensor]:
    """One operation that gives the derivatives by `xs`: it takes what enters the path and runs that again.

    XLA finds that what it computes has been computed, and does it once.
    """
    if not xs or not ys:
        return {}
    # a variable stands for what was read of it: it may have been assigned since
    readings = {x: [op.outputs[0] for op in path if x in op.inputs] for x in xs if is_variable(x.op)}
    read = {t.op for each in readings.values() for t in each}
    path = [op for op in path if op not in read]
    points = list(dict.fromkeys(t for x in xs for t in readings.get(x, [x])))
    made = {t for op in path for t in op.outputs}
    interior = [t for t in points if t in made]
    kept = [t for op in path if op.stateful for t in snapshots(op)]
    entering = [t for op in path for t in op.inputs] + ys
    boundary = list(dict.fromkeys([t for t in entering if t not in made and t not in points] + kept))
    given = [w for w in weights if w is not None]

    def derivative(*inputs: Any) -> list[Any]:
        around = dict(zip(boundary, inputs, strict=False))
        at = [
            jax.lax.stop_gradient(x) if t in made else x  # of an inner point the path itself gives the value
            for t, x in zip(points, inputs[len(boundary) :], strict=False)
        ]
        weighing = iter(inputs[len(boundary) + len(points) :])

        def forward(at: tuple[Any, ...]) -> list[Any]:
            here = dict(zip(points, at, strict=True))
            values = around | {t: value for t, value in here.items() if t not in made}
            for op in path:
                state = (
                    {c: around[t] for c, t in zip(op.reads, snapshots(op), strict=True)}
                    if op.stateful
                    else {}
                )
                own: dict[Tensor, Any] = {t: v for t, v in values.items() if t not in op.outputs}
                evaluate([op], own, state)
                values.update({t: own[t] for t in op.outputs if t not in kept})
                for t in op.outputs:
                    if t in interior:  # the derivative by it, beside that by what it was made of
                        values[t] = values[t] + (here[t] - jax.lax.stop_gradient(here[t]))
            return [values[y] for y in ys]

        results, pullback = jax.vjp(forward, tuple(at))
        seeds = [
            jnp.ones_like(y) if w is None else jnp.broadcast_to(next(weighing), y.shape)
            for y, w in zip(results, weights, strict=True)
        ]
        found = dict(zip(points, pullback(seeds)[0], strict=True))
        return [sum(found[t] for t in readings.get(x, [x])[1:]) + found[readings.get(x, [x])[0]] for x in xs]

    worlds = [tuple(_shape_of(w) for w in x.worlds) for x in xs]
    op = get_default_graph().create(
        "Gradient", derivative, [*boundary, *points, *given], "grad", worlds=worlds, inner=path
    )
    return dict(zip(xs, op.outputs, strict=True))


def _shape_of(world: World) -> World:
    return world if isinstance(world, Unknown) else jax.ShapeDtypeStruct(world.shape, world.dtype)
