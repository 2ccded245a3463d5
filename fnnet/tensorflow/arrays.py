"""Shapes of arrays, and places in them (`tf.zeros`, `tf.reshape`, `tf.gather`, ...; `tensor[key]`)."""

from __future__ import annotations

import math
import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.operation import ints, operation
from fnnet.tensorflow.operation import stack as stack
from fnnet.tensorflow.specs import as_dtype, to_array


def _split(value: Any, num_or_size_splits: Any = (), axis: Any = 0, num: Any = None) -> Any:
    parts, whole = num_or_size_splits, value.shape[int(axis)]
    if not isinstance(parts, int) and -1 in parts:
        parts = [whole - sum(parts) - 1 if n == -1 else n for n in parts]
    if not isinstance(parts, int) and sum(parts) != whole:
        raise ValueError(f"The sizes {parts} must sum to the size along the axis, {whole}")
    places = parts if isinstance(parts, int) else np.cumsum(parts)[:-1].tolist()
    return jnp.split(value, places, int(axis))


def _unstack(value: Any, num: Any = None, axis: Any = 0) -> Any:
    count = value.shape[int(axis)]
    if num is None and count > 10000:
        raise ValueError("Cannot infer argument `num` from a shape with an unknown size")
    return [jnp.squeeze(part, int(axis)) for part in jnp.split(value, num or count, int(axis))]


def _pad(tensor: Any, paddings: Any, mode: str = "CONSTANT", *, constant_values: Any = 0) -> Any:
    fill = (
        {"constant_values": np.asarray(constant_values, tensor.dtype)} if mode.upper() == "CONSTANT" else {}
    )
    return jnp.pad(tensor, [ints(pair) for pair in paddings], mode.lower(), **fill)


def _range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None) -> Any:
    start, limit = (0, start) if limit is None else (start, limit)
    kinds = [to_array(value).dtype for value in (start, limit, delta)]
    kind = np.float32 if np.dtype(np.float32) in kinds else max(kinds)
    return jnp.arange(start, limit, delta, as_dtype(dtype or kind))


def _one_hot(
    indices: Any, depth: Any, on_value: Any = None, off_value: Any = None, axis: Any = None, dtype: Any = None
) -> Any:  # fmt: skip
    given = [to_array(value).dtype for value in (on_value, off_value) if value is not None]
    kind = as_dtype(dtype or (given[0] if given else "float32"))
    values = (1 if on_value is None else on_value), (0 if off_value is None else off_value)
    hot = jax.nn.one_hot(
        jnp.asarray(indices), int(depth), dtype=np.bool_, axis=-1 if axis is None else int(axis)
    )
    return jnp.where(hot, *(jnp.asarray(value, kind) for value in values))


def _select(condition: Any, x: Any, y: Any) -> Any:
    condition = jnp.asarray(condition)
    return jnp.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)


def _outside(params: Any, indices: Any, _: Any = None, *, axis: Any = 0) -> Any:
    return (indices < 0) | (indices >= params.shape[int(axis)]), indices, params.shape[int(axis)]


def _gather(params: Any, indices: Any, validate_indices: Any = None, *, axis: Any = 0) -> Any:
    return jnp.take(params, jnp.asarray(indices), int(axis))


def _transpose(a: Any, perm: Any = None, *, conjugate: bool = False) -> Any:
    return (jnp.conj(a) if conjugate else a).transpose(None if perm is None else ints(perm))


def _reshape(tensor: Any, shape: Any) -> Any:
    sizes, many = ints(shape), math.prod(ints(shape))
    if many >= 0 and many != tensor.size:
        shown = str(list(sizes)).replace(" ", "")
        elements = f"{tensor.size} elements to shape {shown} ({many} elements)"
        raise ValueError(f"Cannot reshape a tensor with {elements}")
    return jnp.reshape(tensor, sizes)


_INDEX: Any = ("indices", _outside, "indices[{0}] = {1} is not in [0, {2})")
zeros = operation(
    "Fill", lambda shape, dtype="float32": jnp.zeros(ints(shape), as_dtype(dtype)), name="zeros"
)
ones = operation("Fill", lambda shape, dtype="float32": jnp.ones(ints(shape), as_dtype(dtype)), name="ones")
fill = operation("Fill", lambda dims, value: jnp.full(ints(dims), value))
zeros_like = operation("ZerosLike", lambda t, dtype=None: jnp.zeros_like(t, dtype), name="zeros_like")
ones_like = operation("OnesLike", lambda t, dtype=None: jnp.ones_like(t, dtype), name="ones_like")
range = operation("Range", _range, name="range")
shape = operation("Shape", lambda input, *, out_type="int32": np.asarray(input.shape, as_dtype(out_type)))
size = operation("Size", lambda input, *, out_type="int32": np.asarray(input.size, as_dtype(out_type)))
rank = operation("Rank", lambda input: np.asarray(input.ndim, np.int32))
reshape = operation("Reshape", _reshape)
transpose = operation("Transpose", _transpose, name="transpose")
concat = operation("ConcatV2", lambda values, axis: jnp.concatenate(values, int(axis)), name="concat")
unstack = operation("Unpack", _unstack, name="unstack", several=True)
split = operation("Split", _split, name="split", several=True)
expand_dims = operation("ExpandDims", lambda input, axis: jnp.expand_dims(input, int(axis)))
squeeze = operation(
    "Squeeze", lambda input, axis=None: jnp.squeeze(input, None if axis is None else ints(axis))
)
tile = operation("Tile", lambda input, multiples: jnp.tile(input, ints(multiples)))
pad = operation("Pad", _pad)
gather = operation("GatherV2", _gather, check=_INDEX)
where = operation("Select", _select)
one_hot = operation("OneHot", _one_hot, name="one_hot")


def _slice(x: Any, bounds: Any, key: Any = ()) -> Any:
    bounded = [b and slice(*[p if p is None else operator.index(p) for p in b]) for b in bounds]
    index = tuple(k if b is None else b for b, k in zip(bounded, key, strict=True))
    np.broadcast_to(np.False_, x.shape)[tuple(0 if isinstance(k, jax.core.Tracer) else k for k in index)]
    return x[index]


def _beyond(i: Any, x: Any, axis: int) -> Any:
    return (i < -x.shape[axis]) | (i >= x.shape[axis]), i, axis % x.ndim


_BOUNDS = "slice index {1} of dimension {2} out of bounds."
_sliced = operation("StridedSlice", _slice, name="strided_slice")
_index = operation("Identity", lambda i, x=None, axis=0: i, check=("i", _beyond, _BOUNDS))


def strided_slice(tensor: Any, key: Any) -> Tensor:
    """`tensor[key]`: integers, slices, `...`, `None`, and scalar tensors."""
    keys = list(key) if isinstance(key, tuple) else [key]
    bounds = [[k.start, k.stop, k.step] if isinstance(k, slice) else None for k in keys]
    with get_default_graph().name_scope("strided_slice") as scope:
        places = [None if b else k for k, b in zip(keys, bounds, strict=True)]
        for at, place in enumerate(places):
            if isinstance(place, Tensor):
                before, after = ([k for k in part if k is not None] for part in (keys[:at], keys[at + 1 :]))
                places[at] = _index(place, tensor, -1 - len(after) if Ellipsis in before else len(before))
        return _sliced(tensor, bounds, places, name=scope)


setattr(Tensor, "__getitem__", strided_slice)  # noqa: B010
