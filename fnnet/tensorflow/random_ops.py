"""Random operations: TensorFlow's numbers for TensorFlow's seeds (`fnnet.random.philox`).

A session keeps, for each random operation, its key and its place in the stream, as TensorFlow's kernels do.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.random import philox
from fnnet.tensorflow import mathematics
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.operation import convert_to_tensor, ints, operation
from fnnet.tensorflow.specs import as_dtype

_LARGEST = (1 << 31) - 1


def set_random_seed(seed: int) -> None:
    """The seed of the default graph. Operations with no seed of their own then count up from 0."""
    get_default_graph().seed = seed


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds of an operation that is given `op_seed`; (None, None) asks for unpredictable ones."""
    graph = get_default_graph()
    if graph.seed is None:
        return (None, None) if op_seed is None else (87654321, op_seed % _LARGEST)
    if op_seed is None:
        op_seed = graph.seeds_given
        graph.seeds_given += 1
    seeds = graph.seed % _LARGEST, op_seed % _LARGEST
    return (0, _LARGEST) if seeds == (0, 0) else seeds


def _draw(type: str, draw: Any, shape: Any, dtype: Any, seed: Any, name: Any = None, *limits: Tensor) -> Any:
    """The outputs of an operation with a cell: what `draw(place, sizes, *limits)` gives, and true."""
    key = get_seed(seed)
    if dtype.name not in ("float32", "float64", "int32", "int64"):
        raise not_mirrored(f"a random number of {dtype.name}")
    sizes = shape if isinstance(shape, Tensor) else convert_to_tensor(shape, "int32", "shape")

    def run(state: Any, shape: Any, *limits: Any) -> Any:
        sizes, place = ints(shape), state[op.name]
        state[op.name] = place.at[2].add(np.uint64(256 * math.prod(sizes)))
        given = [jnp.asarray(limit) for limit in limits] or [dtype.type]
        return draw(place, sizes, *given), place[2] < np.uint64(1 << 63)

    def begin() -> np.ndarray:
        drawn = (secrets.randbits(64), secrets.randbits(64)) if key[0] is None else key
        return np.array([*drawn, 0], np.uint64)

    as_if = lambda shape, *_: (jnp.zeros(ints(shape), dtype), jnp.asarray(True))  # noqa: E731
    options: Any = {"as_if": as_if, "static": [0], "differentiable": False, "initial": begin}
    op = get_default_graph().create(type, run, [sizes, *limits], name, **options)
    op.cells = (op,)
    return op.outputs


# The product is rounded before `offset` is added, as TensorFlow's two operations do. XLA makes one
# operation of the two, unless there is a choice between them that it cannot decide.
_scaled = operation(
    "Add", lambda drawn, factor, offset, apart: jnp.where(apart, drawn * factor, drawn) + offset
)


def _normal(type: str, draw: Any, label: str) -> Callable[..., Tensor]:
    def normal(
        shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None,
        name: Any = None,
    ) -> Tensor:  # fmt: skip
        with get_default_graph().name_scope(name or label) as scope:
            drawn, apart = _draw(type, draw, shape, as_dtype(dtype), seed)
            return _scaled(drawn, stddev, mean, apart, name=scope)

    return normal


random_normal = _normal("RandomStandardNormal", philox.normal, "random_normal")
truncated_normal = _normal("TruncatedNormal", philox.truncated_normal, "truncated_normal")


def random_uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32", seed: Any = None,
    name: Any = None,
) -> Tensor:  # fmt: skip
    """Floats or integers in [minval, maxval)."""
    kind = as_dtype(dtype)
    if maxval is None and kind.kind == "i":
        raise ValueError(f"Must specify maxval for integer dtype {kind.name}")
    with get_default_graph().name_scope(name or "random_uniform") as scope:
        low = convert_to_tensor(minval, kind, "min")
        high = convert_to_tensor(1 if maxval is None else maxval, kind, "max")
        if kind.kind == "i":
            return _draw("RandomUniformInt", philox.integers, shape, kind, seed, scope, low, high)[0]
        drawn, apart = _draw("RandomUniform", philox.uniform, shape, kind, seed)
        if (
            not isinstance(minval, Tensor)
            and not isinstance(maxval, Tensor)
            and (minval, maxval or 1) == (0, 1)
        ):
            return drawn
        return _scaled(drawn, mathematics.subtract(high, low), low, apart, name=scope)
