"""Random operations: TensorFlow's numbers for TensorFlow's seeds (`fnnet.random.philox`).

A session keeps, for each random operation, its key and its place in the stream, as TensorFlow's kernels do.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.random import philox
from fnnet.tensorflow.declare import operation, public
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Operation, Tensor, convert_to_tensor, get_default_graph, has_tensor
from fnnet.tensorflow.infer import worlds_of
from fnnet.tensorflow.mathematics import subtract
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


def _enter(
    type: str, function: Callable[..., Any], inputs: Any, seed: Any, name: Any, **options: Any
) -> Operation:
    """An operation with a cell: `function(place, *inputs)` gives how far it moves the place, and results."""

    def run(state: Any, *arrays: Any) -> Any:
        place = state[op]
        moved, *results = function(place, *arrays)
        state[op] = place.at[2].add(np.uint64(moved))
        return results

    key = get_seed(seed)

    def begin() -> np.ndarray:
        drawn = (secrets.randbits(64), secrets.randbits(64)) if key[0] is None else key
        return np.array([*drawn, 0], np.uint64)

    op = get_default_graph().create(type, run, inputs, name, differentiable=False, initial=begin, **options)
    op.reads, op.writes, op.cell = (op,), (op,), (worlds_of((3,), np.uint64), np.uint64)
    return op


def _draw(
    type: str, drawing: Any, shape: Any, kind: Any, seed: Any, name: Any = None, *inputs: Tensor
) -> Operation:
    """An operation that draws an array; its second output is true, which the compiler cannot know."""

    def function(place: jax.Array, dims: np.ndarray, *given: Any) -> Any:
        sizes = tuple(int(d) for d in np.ravel(dims))
        return 256 * math.prod(sizes), drawing(place, sizes, *given), place[2] < np.uint64(1 << 63)

    def as_if(dims: np.ndarray, *_: Any) -> Any:
        return jnp.zeros(tuple(int(d) for d in np.ravel(dims)), kind), jnp.asarray(True)

    dims = convert_to_tensor(shape, None if has_tensor(shape) else "int32", "shape")
    return _enter(type, function, [dims, *inputs], seed, name, as_if=as_if, static=[0])


def _floats(type: str, distribution: Any, shape: Any, dtype: Any, seed: Any) -> Operation:
    kind = dtype_of(dtype)
    if kind not in (np.float32, np.float64):
        raise not_mirrored(f"a random number of {as_dtype(dtype).name}")
    return _draw(type, lambda at, sizes: distribution(at, sizes, kind), shape, kind, seed)


# The product is rounded before `offset` is added, as TensorFlow's two operations do. XLA makes one
# operation of the two, unless there is a choice between them that it cannot decide.
_scaled = operation(
    "Add", lambda drawn, factor, offset, apart: jnp.where(apart, drawn * factor, drawn) + offset
)


def _normal(type: str, distribution: Callable[..., Any], default: str) -> Callable[..., Tensor]:
    def normal(
        shape: Any,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        dtype: Any = "float32",
        seed: Any = None,
        name: Any = None,
    ) -> Tensor:
        with get_default_graph().name_scope(name or default) as scope:
            drawn, apart = _floats(type, distribution, shape, dtype, seed).outputs
            return _scaled(drawn, stddev, mean, apart, name=scope)

    return normal


random_normal = _normal("RandomStandardNormal", philox.normal, "random_normal")
truncated_normal = _normal("TruncatedNormal", philox.truncated_normal, "truncated_normal")


def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = "float32",
    seed: Any = None,
    name: Any = None,
) -> Tensor:
    """Floats or integers in [minval, maxval)."""
    kind = as_dtype(dtype)
    if maxval is None and kind.is_integer:
        raise ValueError(f"Must specify maxval for integer dtype {kind.name}")
    with get_default_graph().name_scope(name or "random_uniform") as scope:
        low = convert_to_tensor(minval, kind, "min")
        high = convert_to_tensor(1 if maxval is None else maxval, kind, "max")
        if kind.is_integer:
            numpy = kind.as_numpy_dtype
            return _draw("RandomUniformInt", philox.integers, shape, numpy, seed, scope, low, high).outputs[0]
        drawn, apart = _floats("RandomUniform", philox.uniform, shape, kind, seed).outputs
        if not has_tensor([minval, maxval]) and minval == 0 and maxval in (1, None):
            return drawn
        return _scaled(drawn, subtract(high, low), low, apart, name=scope)


def random_shuffle(value: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """The rows of `value` in a random order."""

    def function(place: jax.Array, x: jax.Array) -> Any:
        rows = x.shape[0]
        return (rows + 3) // 4, jnp.take(x, philox.permutation(place, rows), 0) if rows > 1 else x

    value = convert_to_tensor(value, name="value")
    return _enter("RandomShuffle", function, [value], seed, name, as_if=lambda x: x).outputs[0]


__all__ = public(globals())
