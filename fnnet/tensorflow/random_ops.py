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
from fnnet.tensorflow.arrays import ints
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Operation, Tensor, get_default_graph
from fnnet.tensorflow.mathematics import subtract
from fnnet.tensorflow.operation import convert_to_tensor, operation, public, spread
from fnnet.tensorflow.specs import as_dtype, dtype_of

_LARGEST = (1 << 31) - 1
_DEFAULT_SEED = 87654321


def set_random_seed(seed: int) -> None:
    """The seed of the default graph. Operations with no seed of their own then count up from 0."""
    get_default_graph().seed = seed


def get_seed(op_seed: int | None) -> tuple[int | None, int | None]:
    """The two seeds of an operation that is given `op_seed`; (None, None) asks for unpredictable ones."""
    graph = get_default_graph()
    if graph.seed is None:
        return (None, None) if op_seed is None else (_DEFAULT_SEED, op_seed % _LARGEST)
    if op_seed is None:
        op_seed = graph.seeds_given
        graph.seeds_given += 1
    seeds = graph.seed % _LARGEST, op_seed % _LARGEST
    return (0, _LARGEST) if seeds == (0, 0) else seeds


def _draw(
    type: str, drawing: Any, shape: Any, kind: Any, seed: Any, name: Any = None, *limits: Tensor
) -> Operation:
    """An operation with a cell: `drawing(place, sizes, *limits)`. Its second output is true, which the
    compiler cannot know.
    """
    key = get_seed(seed)
    inputs, static, filled = spread({"shape": shape, "limits": list(limits)})

    def run(state: Any, *arrays: Any) -> Any:
        given, place = filled(arrays), state[op.name]
        sizes = ints(given["shape"])
        state[op.name] = place.at[2].add(np.uint64(256 * math.prod(sizes)))
        return drawing(place, sizes, *given["limits"]), place[2] < np.uint64(1 << 63)

    def as_if(*arrays: Any) -> Any:
        return jnp.zeros(ints(filled(arrays)["shape"]), kind), jnp.asarray(True)

    def begin() -> np.ndarray:
        drawn = (secrets.randbits(64), secrets.randbits(64)) if key[0] is None else key
        return np.array([*drawn, 0], np.uint64)

    options: Any = {
        "as_if": as_if,
        "static": static,
        "differentiable": False,
        "initial": begin,
        "writes": True,
    }
    op = get_default_graph().create(type, run, inputs, name, **options)
    op.cells = (op,)
    return op


def _floats(type: str, distribution: Any, shape: Any, dtype: Any, seed: Any) -> list[Tensor]:
    kind = dtype_of(dtype)
    if kind not in (np.float32, np.float64):
        raise not_mirrored(f"a random number of {as_dtype(dtype).name}")
    return _draw(type, lambda at, sizes: distribution(at, sizes, kind), shape, kind, seed).outputs


# The product is rounded before `offset` is added, as TensorFlow's two operations do. XLA makes one
# operation of the two, unless there is a choice between them that it cannot decide.
_scaled = operation(
    "Add", lambda drawn, factor, offset, apart: jnp.where(apart, drawn * factor, drawn) + offset
)


def _normal(type: str, distribution: Callable[..., Any], default: str) -> Callable[..., Tensor]:
    def normal(
        shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32", seed: Any = None,
        name: Any = None,
    ) -> Tensor:  # fmt: skip
        with get_default_graph().name_scope(name or default) as scope:
            drawn, apart = _floats(type, distribution, shape, dtype, seed)
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
    if maxval is None and kind.is_integer:
        raise ValueError(f"Must specify maxval for integer dtype {kind.name}")
    with get_default_graph().name_scope(name or "random_uniform") as scope:
        low = convert_to_tensor(minval, kind, "min")
        high = convert_to_tensor(1 if maxval is None else maxval, kind, "max")
        if kind.is_integer:
            draw = lambda at, sizes, *limits: philox.integers(at, sizes, *map(jnp.asarray, limits))  # noqa: E731
            return _draw(
                "RandomUniformInt", draw, shape, kind.as_numpy_dtype, seed, scope, low, high
            ).outputs[0]
        drawn, apart = _floats("RandomUniform", philox.uniform, shape, kind, seed)
        if (
            isinstance(minval, int | float)
            and minval == 0
            and (maxval is None or (isinstance(maxval, int | float) and maxval == 1))
        ):
            return drawn
        return _scaled(drawn, subtract(high, low), low, apart, name=scope)


__all__ = public(globals())
