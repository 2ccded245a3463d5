"""Constants and the shapes of arrays (`tf.zeros`, `tf.reshape`, `tf.concat`, ...), and `tensor[key]`."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.declare import operation, public
from fnnet.tensorflow.errors import Mismatch, in_brackets
from fnnet.tensorflow.evaluate import guard
from fnnet.tensorflow.graph import Operators, Tensor, convert_to_tensor, get_default_graph, has_tensor
from fnnet.tensorflow.infer import SIZES
from fnnet.tensorflow.specs import TensorShape, dtype_of, of_value


def _ints(sizes: Any) -> tuple[int, ...]:
    return tuple(int(size) for size in np.ravel(sizes))


def _reshape(tensor: Any, shape: Any) -> Any:
    sizes = _ints(shape)
    known = math.prod(size for size in sizes if size >= 0)
    if (known == 0 or tensor.size % known) if -1 in sizes else known != tensor.size:
        written = "[" + ",".join("?" if size < 0 else str(size) for size in sizes) + "]"
        raise Mismatch(
            f"Cannot reshape a tensor with {tensor.size} elements to shape {written} ({known} elements)",
            f"Input to reshape is a tensor with {tensor.size} values, but the requested shape has {known}",
        )
    return jnp.reshape(tensor, sizes)


def _concat(values: Any, axis: Any) -> Any:
    first, place = values[0], int(axis) % max(values[0].ndim, 1)
    for array in values[1:]:
        for i, (a, b) in enumerate(zip(first.shape, array.shape, strict=False)):
            if i != place and a != b:
                both = f"Shapes are {in_brackets(first)} and {in_brackets(array)}."
                raise Mismatch(f"Dimension {i} in both shapes must be equal, but are {a} and {b}. {both}")
    return jnp.concatenate(values, place)


def _split(value: Any, num_or_size_splits: Any = (), axis: Any = 0) -> Any:
    whole, parts = value.shape[int(axis)], num_or_size_splits
    if isinstance(parts, int):
        if whole % parts:
            raise Mismatch(f"Dimension size must be evenly divisible by {parts} but is {whole}")
        return jnp.split(value, parts, int(axis))
    sizes = [whole - sum(p for p in parts if p >= 0) if p < 0 else int(p) for p in parts]
    if sum(sizes) != whole or min(sizes) < 0:
        raise Mismatch(f"Determined shape must match the input's size along the axis, {whole}; got {sizes}")
    return jnp.split(value, np.cumsum(sizes)[:-1].tolist(), int(axis))


def _unstack(value: Any, num: Any = None, axis: Any = 0) -> Any:
    count = value.shape[int(axis)]
    if num is None and count and count % SIZES[0] == 0:
        raise Mismatch(f"Cannot infer argument `num` from shape {value.shape}")
    return [jnp.squeeze(part, int(axis)) for part in jnp.split(value, num or count, int(axis))]


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", *, constant_values: Any = 0) -> Any:
    extra = (
        {"constant_values": np.asarray(constant_values, tensor.dtype)} if mode.upper() == "CONSTANT" else {}
    )
    return jnp.pad(tensor, [_ints(pair) for pair in paddings], mode.lower(), **extra)


def _select(condition: Any, x: Any, y: Any) -> Any:
    return jnp.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)


def _one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: Any = -1,
    dtype: Any = "float32",
) -> Any:
    hot = jax.nn.one_hot(indices, int(depth), dtype=np.bool_, axis=int(axis))
    on, off = 1 if on_value is None else on_value, 0 if off_value is None else off_value
    return jnp.where(hot, *(np.asarray(value, dtype_of(dtype)) for value in (on, off)))


def _block(input_: Any, begin: Any, size: Any) -> Any:
    ends = [
        n if count == -1 else at + count
        for at, count, n in zip(_ints(begin), size, input_.shape, strict=True)
    ]
    if any(not 0 <= at <= end <= n for at, end, n in zip(_ints(begin), ends, input_.shape, strict=True)):
        raise Mismatch(f"Expected begin and size in {in_brackets(input_)}, but got {begin} and {size}")
    return input_[tuple(slice(at, int(end)) for at, end in zip(_ints(begin), ends, strict=True))]


def _outside(params: Any, indices: Any, *, axis: Any = 0) -> Any:
    return (indices < 0) | (indices >= params.shape[int(axis)]), indices, params.shape[int(axis)]


_INDEX = ("indices", _outside, "indices[{0}] = {1} is not in [0, {2})")

fill = operation("Fill", lambda dims, value: jnp.full(_ints(dims), value))
zeros_like = operation(
    "ZerosLike", lambda t, dtype=None: jnp.zeros(t.shape, dtype_of(dtype, t.dtype)), "zeros_like"
)
ones_like = operation(
    "OnesLike", lambda t, dtype=None: jnp.ones(t.shape, dtype_of(dtype, t.dtype)), "ones_like"
)
identity = operation("Identity", lambda input: input)
stop_gradient = operation("StopGradient", lambda input: input, differentiable=False)
shape = operation("Shape", lambda input, *, out_type="int32": np.asarray(input.shape, dtype_of(out_type)))
size = operation("Size", lambda input, *, out_type="int32": np.asarray(input.size, dtype_of(out_type)))
rank = operation("Rank", lambda input: np.asarray(input.ndim, np.int32))
reshape = operation("Reshape", _reshape)
transpose = operation(
    "Transpose", lambda a, perm=None: a.T if perm is None else a.transpose(_ints(perm)), "transpose"
)
concat = operation("ConcatV2", _concat, "concat")
stack = operation("Pack", lambda values, axis=0: jnp.stack(values, int(axis)), "stack")
unstack = operation("Unpack", _unstack, "unstack", several=True)
split = operation("Split", _split, "split", several=True)
expand_dims = operation("ExpandDims", lambda input, axis: jnp.expand_dims(input, int(axis)))
squeeze = operation(
    "Squeeze", lambda input, axis=None: jnp.squeeze(input, axis if axis is None else _ints(axis))
)
tile = operation("Tile", lambda input, multiples: jnp.tile(input, _ints(multiples)))
pad = operation("Pad", _pad)
gather = operation(
    "GatherV2", lambda params, indices, *, axis=0: jnp.take(params, indices, int(axis)), guarded=_INDEX
)
where = operation("Select", _select)
one_hot = operation("OneHot", _one_hot, "one_hot")
slice_ = operation("Slice", _block)
linspace = operation(
    "LinSpace", lambda start, stop, num=50: jnp.linspace(start, stop, num, dtype=start.dtype)
)
_range = operation(
    "Range",
    lambda start_, limit_, delta_: np.arange(int(start_), int(limit_), int(delta_), dtype=np.int32),
    "range",
)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A fixed array. With `shape`, a number is repeated."""
    if shape is None:
        return convert_to_tensor(value, dtype, name)
    array, sizes = np.asarray(value, dtype_of(dtype, of_value(value))), [int(n) for n in TensorShape(shape)]
    array = array.reshape(()) if array.size == 1 else array.reshape(sizes)
    return get_default_graph().constant(np.broadcast_to(array, sizes), name)


def _filled(value: int, shape: Any, dtype: Any, name: str) -> Tensor:
    if not has_tensor(shape) and math.prod(sizes := [int(s) for s in TensorShape(shape)]) < 1000:
        return get_default_graph().constant(np.full(sizes, value, dtype_of(dtype)), name)
    return fill(shape, np.asarray(value, dtype_of(dtype)), name=name)


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Zeros."""
    return _filled(0, shape, dtype, name or "zeros")


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Ones."""
    return _filled(1, shape, dtype, name or "ones")


def range(
    start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = None
) -> Tensor:
    """start, start + delta, ... below `limit`; from 0 to `start` with one number."""
    start, limit = (0, start) if limit is None else (start, limit)
    if any(map(has_tensor, (start, limit, delta))):
        return _range(start, limit, delta, name=name)
    numbers = np.arange(start, limit, delta)
    kind = dtype_of(dtype, of_value(numbers.tolist() or [start]))
    return get_default_graph().constant(numbers.astype(kind), name or "range")


def strided_slice(tensor: Any, key: Any, name: str = "strided_slice") -> Tensor:
    """`tensor[key]`: integers, slices, `...`, `None`, and scalar tensors."""
    graph, keys = get_default_graph(), key if isinstance(key, tuple) else (key,)
    parts = [[k.start, k.stop, k.step] if isinstance(k, slice) else [k] for k in keys]
    for p in [p for each in parts for p in each]:
        if not (p is None or p is Ellipsis or isinstance(p, int | np.integer | Operators)):
            kinds = "integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar integer tensors"
            raise TypeError(f"Only {kinds} are valid indices, got {p!r}")
    given = [convert_to_tensor(tensor)]
    given += [convert_to_tensor(p) for each in parts for p in each if isinstance(p, Operators)]

    def indexed(numbers: Any) -> tuple[Any, ...]:
        left = iter(numbers)
        found = [[next(left) if isinstance(p, Operators) else p for p in each] for each in parts]
        ends = [[p if p is None else int(p) for p in each] if len(each) == 3 else each for each in found]
        return tuple(slice(*each) if len(each) == 3 else each[0] for each in ends)

    def sliced(x: jax.Array, *numbers: Any) -> jax.Array:
        index = indexed(numbers)
        np.broadcast_to(np.False_, x.shape)[tuple(0 if isinstance(k, jax.core.Tracer) else k for k in index)]
        return x[index]

    with graph.name_scope(name) as scope:
        at, static = 0, []
        for place, each in enumerate(parts):
            for p in each:
                at += isinstance(p, Operators)
                static += [at] if isinstance(p, Operators) and len(each) == 3 else []
            if isinstance(each[0], Operators) and len(each) == 1:
                axis = len([k for k in keys[:place] if k is not None])
                axis = (
                    axis if Ellipsis not in keys[:place] else -len([k for k in keys[place:] if k is not None])
                )

                def outside(x: jax.Array, i: jax.Array, axis: int = axis) -> Any:
                    return (i < -x.shape[axis]) | (i >= x.shape[axis]), i, axis % x.ndim

                words = "slice index {1} of dimension {2} out of bounds."
                given[at] = guard(graph, [given[0], given[at]], 1, outside, words, scope[:-1])
        return graph.create("StridedSlice", sliced, given, scope, static=static).outputs[0]


setattr(Operators, "__getitem__", lambda self, key: strided_slice(self, key))  # noqa: B010

__all__ = public(globals())
