"""Shapes of arrays, and places in them (`tf.zeros`, `tf.reshape`, `tf.gather`, ...; `tensor[key]`)."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import Mismatch, in_brackets
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.operation import guard, operation, public
from fnnet.tensorflow.specs import Operators, dtype_of, of_value


def ints(sizes: Any) -> tuple[int, ...]:
    """Sizes or axes as Python integers: of a number, a list, an array or a TensorShape."""
    return tuple(int(size) for size in (sizes if np.iterable(sizes) else [sizes]))


def _reshape(tensor: Any, shape: Any) -> Any:
    sizes = ints(shape)
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
    if sum(parts) != whole:
        raise Mismatch(f"Sizes must sum to the size along the axis, {whole}; got {parts}")
    return jnp.split(value, np.cumsum(parts)[:-1].tolist(), int(axis))


def _unstack(value: Any, num: Any = None, axis: Any = 0) -> Any:
    count = value.shape[int(axis)]
    if num is None and count > 10000:
        raise Mismatch(f"Cannot infer argument `num` from shape {value.shape}")
    return [jnp.squeeze(part, int(axis)) for part in jnp.split(value, num or count, int(axis))]


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", *, constant_values: Any = 0) -> Any:
    extra = (
        {"constant_values": np.asarray(constant_values, tensor.dtype)} if mode.upper() == "CONSTANT" else {}
    )
    return jnp.pad(tensor, [ints(pair) for pair in paddings], mode.lower(), **extra)


def _range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Any:
    start, limit = (0, start) if limit is None else (start, limit)
    kinds = {of_value(value).as_numpy_dtype for value in (start, limit, delta)}
    return jnp.arange(
        start, limit, delta, dtype_of(dtype, np.float32 if np.float32 in kinds else max(kinds, key=np.dtype))
    )


def _one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = -1, dtype: Any = None
) -> Any:  # fmt: skip
    values = (1 if on_value is None else on_value), (0 if off_value is None else off_value)
    hot = jax.nn.one_hot(jnp.asarray(indices), int(depth), dtype=np.bool_, axis=int(axis))
    return jnp.where(hot, *(jnp.asarray(value, dtype_of(dtype, "float32")) for value in values))


def _select(condition: Any, x: Any, y: Any) -> Any:
    condition = jnp.asarray(condition)
    return jnp.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)


def _outside(params: Any, indices: Any, *, axis: Any = 0) -> Any:
    return (indices < 0) | (indices >= params.shape[int(axis)]), indices, params.shape[int(axis)]


_INDEX: Any = ("indices", _outside, "indices[{0}] = {1} is not in [0, {2})")


def _like(number: int) -> Any:
    return lambda t, dtype=None: jnp.full(t.shape, number, dtype_of(dtype, t.dtype))


zeros = operation(
    "Fill", lambda shape, dtype="float32": jnp.zeros(ints(shape), dtype_of(dtype)), name="zeros"
)
ones = operation("Fill", lambda shape, dtype="float32": jnp.ones(ints(shape), dtype_of(dtype)), name="ones")
fill = operation("Fill", lambda dims, value: jnp.full(ints(dims), value))
zeros_like = operation("ZerosLike", _like(0), name="zeros_like")
ones_like = operation("OnesLike", _like(1), name="ones_like")
range = operation("Range", _range, name="range")
shape = operation("Shape", lambda input, *, out_type="int32": np.asarray(input.shape, dtype_of(out_type)))
size = operation("Size", lambda input, *, out_type="int32": np.asarray(input.size, dtype_of(out_type)))
rank = operation("Rank", lambda input: np.asarray(input.ndim, np.int32))
reshape = operation("Reshape", _reshape)
transpose = operation(
    "Transpose", lambda a, perm=None: a.T if perm is None else a.transpose(ints(perm)), name="transpose"
)
concat = operation("ConcatV2", _concat, name="concat")
stack = operation("Pack", lambda values, axis=0: jnp.stack(values, int(axis)), name="stack")
unstack = operation("Unpack", _unstack, name="unstack", several=True)
split = operation("Split", _split, name="split", several=True)
expand_dims = operation("ExpandDims", lambda input, axis: jnp.expand_dims(input, int(axis)))
squeeze = operation(
    "Squeeze", lambda input, axis=None: jnp.squeeze(input, axis if axis is None else ints(axis))
)
tile = operation("Tile", lambda input, multiples: jnp.tile(input, ints(multiples)))
pad = operation("Pad", _pad)
gather = operation(
    "GatherV2",
    lambda params, indices, *, axis=0: jnp.take(params, jnp.asarray(indices), int(axis)),
    guarded=_INDEX,
)
where = operation("Select", _select)
one_hot = operation("OneHot", _one_hot, name="one_hot")


def _strided_slice(x: Any, bounds: Any, key: Any = ()) -> Any:
    number = lambda p: p if p is None else int(p)  # noqa: E731
    index = tuple(slice(*map(number, b)) if b else k for b, k in zip(bounds, key, strict=True))
    np.broadcast_to(np.False_, x.shape)[tuple(0 if isinstance(k, jax.core.Tracer) else k for k in index)]
    return x[index]


_sliced = operation("StridedSlice", _strided_slice)


def strided_slice(tensor: Any, key: Any) -> Tensor:
    """`tensor[key]`: integers, slices, `...`, `None`, and scalar tensors."""
    keys = list(key) if isinstance(key, tuple) else [key]
    bounds = [[k.start, k.stop, k.step] if isinstance(k, slice) else None for k in keys]
    for p in (p for k, b in zip(keys, bounds, strict=True) for p in b or [k]):
        if not (p is None or p is Ellipsis or isinstance(p, int | np.integer | Operators)):
            kinds = "integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar integer tensors"
            raise TypeError(f"Only {kinds} are valid indices, got {p!r}")
    with get_default_graph().name_scope("strided_slice") as scope:
        places = [None if b else k for k, b in zip(keys, bounds, strict=True)]
        for at, place in enumerate(places):
            if isinstance(place, Operators):
                before, after = ([k for k in part if k is not None] for part in (keys[:at], keys[at:]))
                axis = -len(after) if Ellipsis in before else len(before)

                def outside(x: jax.Array, i: jax.Array, axis: int = axis) -> Any:
                    return (i < -x.shape[axis]) | (i >= x.shape[axis]), i, axis % x.ndim

                guarded = "i", outside, "slice index {1} of dimension {2} out of bounds."
                places[at] = guard({"x": tensor, "i": place}, guarded, lambda f, g: f(**g), scope[:-1])
        return _sliced(tensor, bounds, places, name=scope)


setattr(Operators, "__getitem__", strided_slice)  # noqa: B010
__all__ = [name for name in public(globals()) if name != "ints"]
