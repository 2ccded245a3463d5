"""Constants and the shapes of arrays (`tf.zeros`, `tf.reshape`, `tf.concat`, ...)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.apply import add_operation, apply
from fnnet.tensorflow.dtypes import as_dtype, of_value
from fnnet.tensorflow.graph import Tensor, _has_tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.mismatch import Mismatch
from fnnet.tensorflow.shapes import Dimension, TensorShape

__all__ = [
    "concat",
    "constant",
    "expand_dims",
    "fill",
    "gather",
    "identity",
    "linspace",
    "one_hot",
    "ones",
    "ones_like",
    "pad",
    "range",
    "rank",
    "reshape",
    "shape",
    "size",
    "split",
    "squeeze",
    "stack",
    "stop_gradient",
    "tile",
    "transpose",
    "unstack",
    "where",
    "zeros",
    "zeros_like",
]


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str = "Const") -> Tensor:
    """A fixed array. With `shape`, a number is repeated."""
    kind = of_value(value) if dtype is None else as_dtype(dtype)
    if shape is None:
        return convert_to_tensor(value, kind, name)
    array = np.asarray(value, kind.as_numpy_dtype)
    wanted = tuple(size or 0 for size in TensorShape(shape).as_list())
    if array.size not in (1, int(np.prod(wanted))):
        raise TypeError(
            f"Eager execution of tf.constant with unsupported shape. Tensor {array} (converted from {value}) "
            f"has {array.size} elements, but got `shape` {wanted} with {int(np.prod(wanted))} elements)."
        )
    filled = np.broadcast_to(array.reshape(()), wanted) if array.size == 1 else array.reshape(wanted)
    return get_default_graph().constant(filled, name)


def _dims(shape: Any) -> Any:
    """A shape as one array of integers, or as a Tensor if Tensors are in it."""
    if isinstance(shape, Tensor) or _has_tensor(shape):
        return convert_to_tensor(shape, name="shape")
    if isinstance(shape, int | Dimension):
        return np.asarray(int(shape), np.int32)
    return np.asarray([int(size) for size in shape], np.int32)


def _full(dims: np.ndarray, value: jax.Array) -> jax.Array:
    return jnp.full(tuple(int(d) for d in np.ravel(dims)), value)


def fill(dims: Any, value: Any, name: str | None = None) -> Tensor:
    """An array of one value."""
    given = [("dims", _dims(dims)), ("value", value)]
    return apply("Fill", _full, given, name, same=False, static=[0])


def _filled(value: int, shape: Any, dtype: Any, name: str) -> Tensor:
    kind, dims = as_dtype(dtype).as_numpy_dtype, _dims(shape)
    if isinstance(dims, np.ndarray) and dims.ndim and dims.prod() < 1000:
        return get_default_graph().constant(np.full(tuple(dims), value, kind), name)
    given = [("shape_as_tensor", dims), ("Const", np.asarray(value, kind))]
    return apply("Fill", _full, given, name, same=False, static=[0])


def zeros(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Zeros."""
    return _filled(0, shape, dtype, name or "zeros")


def ones(shape: Any, dtype: Any = "float32", name: str | None = None) -> Tensor:
    """Ones."""
    return _filled(1, shape, dtype, name or "ones")


def _like(type: str, value: int, tensor: Any, dtype: Any, name: str) -> Tensor:
    tensor = convert_to_tensor(tensor, name="tensor")
    kind = (tensor.dtype if dtype is None else as_dtype(dtype)).as_numpy_dtype
    function = lambda x: jnp.full(x.shape, value, kind)  # noqa: E731
    return apply(type, function, [("x", tensor)], name, differentiable=False)


def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Zeros of a tensor's shape and dtype."""
    return _like("ZerosLike", 0, tensor, dtype, name or "zeros_like")


def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Ones of a tensor's shape and dtype."""
    return _like("OnesLike", 1, tensor, dtype, name or "ones_like")


def range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str = "range") -> Tensor:
    """start, start + delta, ... below `limit`; from 0 to `start` with one number."""
    if limit is None:
        start, limit = 0, start
    given = [("start", start), ("limit", limit), ("delta", delta)]
    with get_default_graph().name_scope(name) as scope:
        tensors = [convert_to_tensor(value, dtype, label) for label, value in given]
        order = ("int32", "int64", "float32", "float64")
        kind = as_dtype(max((t.dtype.base_dtype.name for t in tensors), key=order.index)).as_numpy_dtype

        def numbers(start: Any, limit: Any, delta: Any) -> jax.Array:
            return jnp.asarray(np.arange(start[()], limit[()], delta[()]), kind)

        def constants(tensor: Tensor) -> Any:
            return tensor.op.constant

        if kind in (np.float32, np.float64):
            values = [constants(t) for t in tensors]
            if any(value is None for value in values):
                raise NotImplementedError("fnnet.tensorflow: tf.range of floats that are not constants")
            return get_default_graph().constant(np.arange(*[v[()] for v in values]).astype(kind), scope)
        return apply(
            "Range", numbers, list(zip("sld", tensors, strict=True)), scope, same=False, static=[0, 1, 2]
        )


def linspace(start: Any, stop: Any, num: int, name: str | None = None) -> Tensor:
    """`num` numbers from start to stop."""
    given = [("start", start), ("stop", stop)]
    return apply("LinSpace", lambda a, b: jnp.linspace(a, b, num, dtype=a.dtype), given, name or "LinSpace")


def identity(input: Any, name: str | None = None) -> Tensor:
    """The tensor under another name."""
    return apply("Identity", lambda x: x, [("input", input)], name)


def stop_gradient(input: Any, name: str | None = None) -> Tensor:
    """The tensor, through which no gradient flows."""
    return apply("StopGradient", lambda x: x, [("input", input)], name, differentiable=False)


def _integers(type: str, function: Any, default: str) -> Any:
    def inquire(input: Any, name: str | None = None, out_type: Any = "int32") -> Tensor:
        kind = as_dtype(out_type).as_numpy_dtype
        wrapped = lambda x: np.asarray(function(x), kind)  # noqa: E731
        return apply(type, wrapped, [("input", input)], name or default, differentiable=False)

    inquire.__doc__ = f"The {type.lower()} of a tensor, as a tensor of integers."
    return inquire


shape = _integers("Shape", lambda x: x.shape, "Shape")
size = _integers("Size", lambda x: x.size, "Size")
rank = _integers("Rank", lambda x: x.ndim, "Rank")


def reshape(tensor: Any, shape: Any, name: str | None = None) -> Tensor:
    """The same numbers in another shape; one size may be -1."""

    def reshaped(x: jax.Array, dims: np.ndarray) -> jax.Array:
        wanted = tuple(int(d) for d in np.ravel(dims))
        known = int(np.prod([d for d in wanted if d >= 0]))
        if (-1 in wanted and (known == 0 or x.size % known)) or (-1 not in wanted and known != x.size):
            written = "[" + ",".join("?" if d < 0 else str(d) for d in wanted) + "]"
            raise Mismatch(
                f"Input to reshape is a tensor with {x.size} values, but the requested shape has {known}",
                f"Cannot reshape a tensor with {x.size} elements to shape {written} ({known} elements)",
            )
        return jnp.reshape(x, wanted)

    checked = [("shape", shape if isinstance(shape, Tensor) or _has_tensor(shape) else _dims(shape))]
    return apply("Reshape", reshaped, [("tensor", tensor)], name, checked=checked, static=[1])


def transpose(a: Any, perm: Any = None, name: str | None = None, conjugate: bool = False) -> Tensor:
    """Axes in another order; reversed unless `perm` says."""
    a = convert_to_tensor(a, name="a")
    if perm is None:
        perm = np.arange(a.shape.ndims or 0, dtype=np.int32)[::-1]

    def transposed(a: jax.Array, perm: np.ndarray) -> jax.Array:
        return jnp.transpose(a, tuple(int(p) for p in perm))

    return apply(
        "Transpose", transposed, [("a", a)], name or "transpose", checked=[("perm", perm)], static=[1]
    )


def concat(values: Any, axis: Any, name: str | None = None) -> Tensor:
    """Tensors one after the other along an axis."""

    def joined(*given: Any) -> jax.Array:
        *arrays, at = given
        place = int(at) % max(arrays[0].ndim, 1)
        for array in arrays[1:]:
            for i, (a, b) in enumerate(zip(arrays[0].shape, array.shape, strict=False)):
                if i != place and a != b:
                    both = " and ".join("[" + ",".join(map(str, x.shape)) + "]" for x in (arrays[0], array))
                    raise ValueError(
                        f"Dimension {i} in both shapes must be equal, but are {a} and {b}. Shapes are {both}."
                    )
        return jnp.concatenate(arrays, place)

    values = values if isinstance(values, list | tuple) else [values]
    if len(values) == 1:
        return identity(values[0], name or "concat")
    given = [(f"values_{i}", value) for i, value in enumerate(values)]
    return apply("ConcatV2", joined, given, name or "concat", checked=[("axis", axis)], static=[len(values)])


def stack(values: Any, axis: int = 0, name: str | None = "stack") -> Tensor:
    """Tensors of one shape along a new axis."""
    given = [(f"values_{i}", value) for i, value in enumerate(values)]
    first = next((v for v in values if hasattr(v, "dtype") and hasattr(v, "op")), None)
    if first is not None:
        hint = first.dtype.base_dtype
        given = [(label, convert_to_tensor(v, hint if not hasattr(v, "op") else None)) for label, v in given]
    return apply("Pack", lambda *arrays: jnp.stack(arrays, axis), given, name or "stack")


def unstack(value: Any, num: int | None = None, axis: int = 0, name: str = "unstack") -> list[Tensor]:
    """The slices along an axis."""
    value = convert_to_tensor(value)
    count = num if num is not None else value.shape[axis].value
    if count is None:
        raise ValueError(f"Cannot infer argument `num` from shape {value.shape}")

    def slices(x: jax.Array) -> list[jax.Array]:
        return [jnp.take(x, i, axis) for i in np.arange(count)]

    return add_operation("Unpack", slices, [("value", value)], name).outputs


def split(
    value: Any, num_or_size_splits: Any, axis: int = 0, num: Any = None, name: str = "split"
) -> list[Tensor]:
    """The parts along an axis: a number of equal ones, or of given sizes."""
    parts = num_or_size_splits

    def cut(x: jax.Array) -> list[jax.Array]:
        if isinstance(parts, int):
            if x.shape[axis] % parts:
                raise ValueError(f"Dimension size must be evenly divisible by {parts} but is {x.shape[axis]}")
            return jnp.split(x, parts, axis)
        sizes = [int(p) for p in parts]
        if -1 in sizes:
            sizes[sizes.index(-1)] = x.shape[axis] - sum(s for s in sizes if s >= 0)
        return jnp.split(x, list(np.cumsum(sizes)[:-1]), axis)

    return add_operation("Split", cut, [("value", value)], name).outputs


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """A new axis of size 1."""
    at = dim if axis is None else axis
    function = lambda x, axis: jnp.expand_dims(x, int(axis))  # noqa: E731
    return apply("ExpandDims", function, [("input", input)], name, checked=[("dim", at)], static=[1])


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """Without the axes of size 1, or without those given."""
    at = squeeze_dims if axis is None else axis
    over = None if at is None else tuple(at) if isinstance(at, list | tuple) else (at,)
    return apply("Squeeze", lambda x: jnp.squeeze(x, over), [("input", input)], name)


def tile(input: Any, multiples: Any, name: str | None = None) -> Tensor:
    """The array repeated along each axis."""
    function = lambda x, times: jnp.tile(x, tuple(int(t) for t in times))  # noqa: E731
    return apply("Tile", function, [("input", input)], name, checked=[("multiples", multiples)], static=[1])


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """Padded by (before, after) of each axis."""
    kinds = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}

    def padded(x: jax.Array, widths: np.ndarray) -> jax.Array:
        pairs = [(int(a), int(b)) for a, b in widths]
        kind = kinds[mode.upper()]
        extra = {"constant_values": np.asarray(constant_values, x.dtype)} if kind == "constant" else {}
        return jnp.pad(x, pairs, kind, **extra)

    return apply("Pad", padded, [("tensor", tensor)], name, checked=[("paddings", paddings)], static=[1])


def gather(params: Any, indices: Any, name: str | None = None, axis: int = 0, batch_dims: int = 0) -> Tensor:
    """Slices at indices along an axis."""
    if batch_dims:
        raise NotImplementedError("fnnet.tensorflow: gather with batch_dims is not mirrored")
    given = [("params", params), ("indices", indices)]
    return apply("GatherV2", lambda x, i: jnp.take(x, i, axis), given, name or "GatherV2", same=False)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """x where the condition holds, y elsewhere. A condition of one axis chooses whole rows."""
    if x is None or y is None:
        raise NotImplementedError(
            "fnnet.tensorflow: tf.where of a condition alone: its shape depends on data"
        )

    def chosen(x: jax.Array, y: jax.Array, condition: jax.Array) -> jax.Array:
        condition = condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim))
        return jnp.where(condition, x, y)

    return apply("Select", chosen, [("x", x), ("y", y)], name or "Select", checked=[("condition", condition)])


def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Rows with `on_value` at the index and `off_value` elsewhere, which is all for an index out of range."""
    kind = as_dtype("float32" if dtype is None else dtype).as_numpy_dtype
    on, off = (1 if on_value is None else on_value), (0 if off_value is None else off_value)

    def rows(indices: jax.Array, depth: np.ndarray) -> jax.Array:
        hot = jax.nn.one_hot(indices, int(depth), dtype=np.bool_, axis=-1 if axis is None else axis)
        return jnp.where(hot, np.asarray(on, kind), np.asarray(off, kind))

    return apply(
        "OneHot",
        rows,
        [("indices", indices)],
        name or "one_hot",
        checked=[("depth", depth)],
        static=[1],
        differentiable=False,
    )


def slice_(input_: Any, begin: Any, size: Any, name: str | None = None) -> Tensor:
    """A block from `begin`, of `size` (-1: to the end)."""

    def block(x: jax.Array, begin: Any, size: np.ndarray) -> jax.Array:
        sizes = [int(s) if s >= 0 else n - int(b) for s, b, n in zip(size, begin, x.shape, strict=True)]
        return jax.lax.dynamic_slice(x, tuple(jnp.asarray(b, np.int32) for b in begin), sizes)

    given = [("begin", begin), ("size", size)]
    return apply("Slice", block, [("input", input_)], name, checked=given, static=[1, 2])


def strided_slice(tensor: Any, key: Any, name: str = "strided_slice") -> Tensor:
    """`tensor[key]`: integers, slices, `...`, `None`, and scalar tensors."""
    keys = key if isinstance(key, tuple) else (key,)
    moving: list[Any] = []

    def template(k: Any) -> Any:
        if isinstance(k, slice):
            return slice(template(k.start), template(k.stop), template(k.step))
        if isinstance(k, Dimension):
            return k.value
        if hasattr(k, "op"):
            moving.append(k)
            return _Moving(len(moving) - 1)
        if not (k is None or k is Ellipsis or isinstance(k, int | np.integer)):
            raise TypeError(
                "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar "
                f"tf.int32/tf.int64 tensors are valid indices, got {k!r}"
            )
        return k

    made = tuple(template(k) for k in keys)

    def sliced(x: jax.Array, *numbers: Any) -> jax.Array:
        def fixed(k: Any) -> Any:
            if isinstance(k, slice):
                return slice(
                    *(None if p is None else int(_number(p, numbers)) for p in (k.start, k.stop, k.step))
                )
            return _number(k, numbers)

        used = sum(1 for k in made if k is not None and k is not Ellipsis)
        if used > x.ndim:
            raise ValueError(f"Index out of range using input dim {x.ndim}; input has only {x.ndim} dims")
        places = [k for k in made if k is not None]
        for i, k in enumerate(places[: places.index(Ellipsis)] if Ellipsis in places else places):
            if isinstance(k, int | np.integer) and not -x.shape[i] <= k < x.shape[i]:
                raise ValueError(f"slice index {k} of dimension {i} out of bounds.")
        return x[tuple(fixed(k) for k in made)]

    in_slices = [
        p.index + 1
        for k in made
        if isinstance(k, slice)
        for p in (k.start, k.stop, k.step)
        if isinstance(p, _Moving)
    ]
    given = [(f"begin_{i}", m) for i, m in enumerate(moving)]
    return apply("StridedSlice", sliced, [("input", tensor)], name, checked=given, static=in_slices)


class _Moving:
    """The place of a tensor within an index."""

    def __init__(self, index: int) -> None:
        self.index = index


def _number(k: Any, numbers: Sequence[Any]) -> Any:
    return numbers[k.index] if isinstance(k, _Moving) else k
