"""`tf.gradients`: one operation that goes back over the graph, by `jax.vjp` of each operation's function."""

from __future__ import annotations

import enum
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.tensorflow.arrays import zeros_like
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.operation import convert_to_tensor
from fnnet.tensorflow.session import State, compute, inherited
from fnnet.tensorflow.specs import is_float


class UnconnectedGradients(enum.Enum):
    """What `gradients` gives where there is no way."""

    NONE, ZERO = "none", "zero"


def gradients(
    ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients", colocate_gradients_with_ops: bool = False,
    gate_gradients: Any = False, aggregation_method: Any = None, stop_gradients: Any = None,
    unconnected_gradients: Any = UnconnectedGradients.NONE,
) -> list[Tensor | None]:  # fmt: skip
    """The derivatives of the sum of `ys`, weighted by `grad_ys`, by each of `xs`; None (or zero) for no way.

    Those of `stop_gradients` are constants. Where and in which order it is computed is XLA's choice.
    """
    graph, unconnected = get_default_graph(), UnconnectedGradients(unconnected_gradients)
    ys, xs, weights = (list(v) if isinstance(v, list | tuple) else [v] for v in (ys, xs, grad_ys))
    with graph.name_scope(name):
        weights = [None] * len(ys) if grad_ys is None else weights
        given = [None if w is None else convert_to_tensor(w) for w in weights]
        ends = list(zip(map(convert_to_tensor, ys), given, strict=True))
        sources = [x.readings if isinstance(x, Tensor) else [convert_to_tensor(x)] for x in xs]
        stops = [] if stop_gradients is None else jax.tree.leaves(stop_gradients)
        still = {t for x in stops for t in (x.readings if isinstance(x, Tensor) else [])}
        path, on_way = _between({t for x in sources for t in x}, {y for y, _ in ends}, still)
        connected = [x for x in sources if on_way.intersection(x)]
        used = [t for op in path for t in op.inputs] + [t for end in ends for t in end if t is not None]
        inputs = list(dict.fromkeys(used))

        def derivative(state: State, *arrays: Any) -> list[Any]:
            values, slopes = dict(zip(inputs, arrays, strict=True)), dict[Tensor, Any]()
            for y, w in ends:
                slope = jnp.ones_like(values[y]) if w is None else jnp.asarray(values[w])
                slopes[y] = slopes.get(y, 0.0) + slope
            for op in reversed(path):
                for t, slope in _back(op, on_way, values, slopes, state):
                    slopes[t] = slopes.get(t, 0.0) + slope
            return [sum(slopes[t] for t in x if t in on_way) for x in connected]

        known = [x[0].known for x in connected]
        options = inherited(path) | {"once": any(op.once for op in path)}
        with graph.control_dependencies([op for op in path if op.cells]):  # they leave what state they found
            op = graph.create("Gradient", derivative, inputs, "grad", known, cells=(), **options)
        results = iter(op.outputs)
        missing = (lambda x: zeros_like(x[0])) if unconnected is UnconnectedGradients.ZERO else lambda x: None
        return [next(results) if x in connected else missing(x) for x in sources]


def _back(op: Operation, on_way: set[Tensor], values: Any, slopes: Any, state: State) -> Any:
    """The slopes by an operation's inputs, from those by its outputs. It runs again: XLA sees that it did."""
    moving = [t for t in dict.fromkeys(op.inputs) if t in on_way]
    leaving = [i for i, t in enumerate(op.outputs) if t in on_way]
    if op.cells and op.function not in state:
        raise not_mirrored(f"a gradient, inside a loop, through '{op.name}' outside")

    def forward(*moved: Any) -> list[Any]:
        given = values | dict(zip(moving, moved, strict=True))
        results = compute(op, [given[t] for t in op.inputs], state | state.get(op.function, {}))
        return [results[i] for i in leaving]

    found, back = jax.vjp(forward, *[jnp.asarray(values[t]) for t in moving])
    arriving = [slopes.get(op.outputs[i], jnp.zeros_like(r)) for i, r in zip(leaving, found, strict=True)]
    return zip(moving, back(arriving), strict=True)


def _between(
    sources: set[Tensor], targets: set[Tensor], still: set[Tensor]
) -> tuple[list[Operation], set[Tensor]]:
    """The operations on a way from `sources` to `targets`, in order, and the tensors on such ways.

    None leads through a tensor of `still`.
    """
    graph, forward, path = get_default_graph(), list[Operation](), list[Operation]()
    reached = {t for t in sources if is_float(t.dtype)}
    if any(t.op.body not in graph.bodies for t in reached):
        raise not_mirrored("a gradient by a variable that is read anew within a loop or branch")
    for op in graph.operations.values():
        if op.differentiable and op.body in graph.bodies and reached.intersection(op.inputs):
            moved = {t for t in op.outputs if is_float(t.dtype) and t not in still}
            reached |= moved
            forward += [op] if moved else []
    on_way = reached & targets
    for op in reversed(forward):
        if on_way.intersection(op.outputs):
            if op.type == "Gradient" and op.once:
                raise TypeError("Second-order gradient for while loops not supported.")
            path.append(op)
            on_way |= reached.intersection(op.inputs)
    return path[::-1], on_way
