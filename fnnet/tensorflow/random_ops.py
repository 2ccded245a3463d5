"""Random operations: TensorFlow's Philox streams and distributions, bit for bit in float32.

A session keeps, for each random operation, its key and its place in the stream, as TensorFlow's kernels do.
Every draw of n numbers moves the place by 256 n.
Sources: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (Philox 4x32, 10 rounds); the
C library's `logf`, `sinf` and `cosf` in `philox.py`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow import arrays, philox
from fnnet.tensorflow.apply import add_operation, apply
from fnnet.tensorflow.dtypes import as_dtype
from fnnet.tensorflow.graph import Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.infer import Unknown, is_known
from fnnet.tensorflow.mathematics import add, subtract

__all__ = [
    "get_seed",
    "random_normal",
    "random_shuffle",
    "random_uniform",
    "set_random_seed",
    "truncated_normal",
]


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


def _initial(seed: int | None, seed2: int | None) -> Callable[[], np.ndarray]:
    """The state that a session begins with: the key, the stream, the place in it."""

    def begin() -> np.ndarray:
        key = (secrets.randbits(64), secrets.randbits(64)) if seed is None else (seed, seed2)
        return np.array([*key, 0], np.uint64)

    return begin


def _shaped(dims: Any, kind: Any) -> Any:
    return jax.ShapeDtypeStruct(tuple(map(int, np.ravel(dims))), kind) if is_known(dims) else Unknown(kind)


def draw(
    type: str,
    function: Callable[..., Any],
    shape: Any,
    dtype: Any,
    seed: int | None,
    name: str | None,
    inputs: Any = (),
    reserved: int = 256,
) -> Tensor:
    """Enter a random operation. `function(state, shape, *inputs)` draws from the stream at `state`."""
    kind = as_dtype(dtype).as_numpy_dtype
    cell: list[Any] = []

    def run(state: Any, dims: np.ndarray, *given: Any) -> tuple[jax.Array, jax.Array]:
        shape = tuple(int(d) for d in np.ravel(dims))
        place = state[cell[0]]
        state[cell[0]] = place.at[2].add(np.uint64(reserved * int(np.prod(shape))))
        return function(place, shape, *given), place[2] < np.uint64(1 << 63)  # the latter for `_product`

    dims = convert_to_tensor(shape, name="shape")
    flag = jax.ShapeDtypeStruct((), np.bool_)
    worlds = [tuple(_shaped(world, kind) for world in dims.worlds), (flag, flag)]
    op = add_operation(type, run, (), name, checked=[("shape", dims), *inputs], worlds=worlds, static=[0])
    cell.append(op)
    op.reads = op.writes = (op,)
    op.differentiable = False
    op.initial = _initial(*get_seed(seed))
    return op.outputs[0]


def _floating(dtype: Any) -> Any:
    kind = as_dtype(dtype)
    if kind.name not in ("float32", "float64"):
        raise NotImplementedError(f"fnnet.tensorflow: random numbers of {kind.name} are not mirrored")
    return kind.as_numpy_dtype


def _scaled(
    type: str, drawing: Any, shape: Any, spread: tuple[str, Any], centre: Any, dtype: Any, seed: Any
) -> Any:
    kind = _floating(dtype)
    dims = convert_to_tensor(arrays._dims(shape), name="shape")
    mean = convert_to_tensor(centre, dtype, "mean")
    deviation = convert_to_tensor(spread[1], dtype, spread[0])
    drawn = draw(type, lambda at, shape: drawing(at, shape, kind), dims, dtype, seed, type)
    return drawn, deviation, mean


def _product(drawn: Tensor, factor: Tensor) -> Tensor:
    """drawn * factor, rounded before anything is added to it, as TensorFlow's two operations do.

    A product that feeds a sum is compiled to one fused multiply-add, unless there is a choice between them
    that the compiler cannot decide.
    """

    def product(x: jax.Array, y: jax.Array, apart: jax.Array) -> jax.Array:
        return jnp.where(apart, x * y, x)

    given = [("x", drawn), ("y", factor)]
    return apply("Mul", product, given, "mul", checked=[("apart", drawn.op.outputs[1])])


def _normal(type: str, drawing: Callable[..., Any], default: str) -> Callable[..., Tensor]:
    def normal(
        shape: Any,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        dtype: Any = "float32",
        seed: Any = None,
        name: Any = None,
    ) -> Tensor:
        with get_default_graph().name_scope(name or default) as scope:
            drawn, deviation, centre = _scaled(type, drawing, shape, ("stddev", stddev), mean, dtype, seed)
            return add(_product(drawn, deviation), centre, name=scope)

    normal.__name__ = default
    normal.__doc__ = f"{default}: TensorFlow's numbers for TensorFlow's seeds."
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
    if maxval is None:
        if kind.is_integer:
            raise ValueError("Must specify maxval for integer dtype int32")
        maxval = 1
    with get_default_graph().name_scope(name or "random_uniform") as scope:
        dims = convert_to_tensor(arrays._dims(shape), name="shape")
        if kind.is_integer:
            low = convert_to_tensor(minval, kind, "min")
            high = convert_to_tensor(maxval, kind, "max")

            def integers(at: Any, shape: Any, low: Any, high: Any) -> jax.Array:
                return philox.integers(at, shape, low, high)

            bounds = [("min", low), ("max", high)]
            return draw("RandomUniformInt", integers, dims, kind, seed, scope, bounds)
        real = _floating(kind)
        trivial = (
            isinstance(minval, int | float)
            and minval == 0
            and isinstance(maxval, int | float)
            and maxval == 1
        )
        bottom = None if trivial else convert_to_tensor(minval, kind, "min")
        top = None if trivial else convert_to_tensor(maxval, kind, "max")
        drawn = draw(
            "RandomUniform", lambda at, shape: philox.uniform(at, shape, real), dims, kind, seed, None
        )
        if bottom is None or top is None:
            return drawn
        return add(_product(drawn, subtract(top, bottom, name="sub")), bottom, name=scope)


def random_shuffle(value: Any, seed: Any = None, name: str | None = None) -> Tensor:
    """The rows of `value` in a random order."""
    value = convert_to_tensor(value, name="value")
    cell: list[Any] = []

    def run(state: Any, x: jax.Array) -> jax.Array:
        place = state[cell[0]]
        rows = x.shape[0]
        state[cell[0]] = place.at[2].add(np.uint64((rows + 3) // 4))
        return jnp.take(x, philox.permutation(place, rows), 0) if rows > 1 else x

    op = add_operation("RandomShuffle", run, [("value", value)], name, as_if=lambda x: x)
    cell.append(op)
    op.reads = op.writes = (op,)
    op.differentiable = False
    op.initial = _initial(*get_seed(seed))
    return op.outputs[0]
