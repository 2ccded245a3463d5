"""Arithmetic, comparisons, products and reductions (`tf.add`, `tf.matmul`, `tf.reduce_sum`, ...)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow.apply import apply, elementwise
from fnnet.tensorflow.dtypes import DTYPES, as_dtype
from fnnet.tensorflow.graph import Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.mismatch import Mismatch, sizes

__all__ = [
    "abs",
    "accumulate_n",
    "add",
    "add_n",
    "arg_max",
    "arg_min",
    "argmax",
    "argmin",
    "cast",
    "ceil",
    "clip_by_global_norm",
    "clip_by_norm",
    "clip_by_value",
    "cos",
    "cumsum",
    "div",
    "divide",
    "einsum",
    "equal",
    "erf",
    "exp",
    "expm1",
    "floor",
    "floordiv",
    "floormod",
    "global_norm",
    "greater",
    "greater_equal",
    "is_finite",
    "is_inf",
    "is_nan",
    "less",
    "less_equal",
    "log",
    "log1p",
    "logical_and",
    "logical_not",
    "logical_or",
    "matmul",
    "maximum",
    "minimum",
    "mod",
    "multiply",
    "negative",
    "norm",
    "not_equal",
    "pow",
    "reciprocal",
    "reduce_all",
    "reduce_any",
    "reduce_logsumexp",
    "reduce_max",
    "reduce_mean",
    "reduce_min",
    "reduce_prod",
    "reduce_sum",
    "round",
    "rsqrt",
    "sigmoid",
    "sign",
    "sin",
    "sqrt",
    "square",
    "squared_difference",
    "subtract",
    "tan",
    "tanh",
    "tensordot",
    "to_float",
    "to_int32",
    "truediv",
]


def broadcasting(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of two arrays that are made of one shape, with TensorFlow's error if they cannot be."""

    def checked(x: jax.Array, y: jax.Array) -> jax.Array:
        for a, b in zip(x.shape[::-1], y.shape[::-1], strict=False):
            if a != b and 1 not in (a, b):
                raise Mismatch(
                    f"Incompatible shapes: {sizes(x)} vs. {sizes(y)}",
                    f"Dimensions must be equal, but are {a} and {b}",
                )
        return function(x, y)

    return checked


_larger, _smaller = jax.custom_jvp(jnp.maximum), jax.custom_jvp(jnp.minimum)


def _gradient_to_first(extreme: Any, wins: Callable[..., Any]) -> None:
    """TensorFlow gives the whole gradient of equal arguments to the first; JAX gives half to each."""

    @extreme.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        result = extreme(*primals)
        return result, jnp.where(wins(*primals), *tangents)


_gradient_to_first(_larger, jnp.greater_equal)
_gradient_to_first(_smaller, jnp.less_equal)


def _pair(type: str, function: Callable[..., Any], default: str, **options: Any) -> Callable[..., Tensor]:
    return elementwise(type, broadcasting(function), default, "x", "y", **options)


add = _pair("AddV2", jnp.add, "Add")
subtract = _pair("Sub", jnp.subtract, "Sub")
multiply = _pair("Mul", jnp.multiply, "Mul")
real_divide = _pair("RealDiv", jnp.divide, "truediv")
floordiv = _pair("FloorDiv", jnp.floor_divide, "floordiv", differentiable=False)
mod = floormod = _pair("FloorMod", jnp.mod, "FloorMod")
maximum = _pair("Maximum", _larger, "Maximum")
minimum = _pair("Minimum", _smaller, "Minimum")
pow = _pair("Pow", jnp.power, "Pow")
squared_difference = _pair("SquaredDifference", lambda x, y: jnp.square(x - y), "SquaredDifference")
equal = _pair("Equal", jnp.equal, "Equal", differentiable=False)
not_equal = _pair("NotEqual", jnp.not_equal, "NotEqual", differentiable=False)
greater = _pair("Greater", jnp.greater, "Greater", differentiable=False)
greater_equal = _pair("GreaterEqual", jnp.greater_equal, "GreaterEqual", differentiable=False)
less = _pair("Less", jnp.less, "Less", differentiable=False)
less_equal = _pair("LessEqual", jnp.less_equal, "LessEqual", differentiable=False)
logical_and = _pair("LogicalAnd", jnp.logical_and, "LogicalAnd", differentiable=False)
logical_or = _pair("LogicalOr", jnp.logical_or, "LogicalOr", differentiable=False)
logical_not = elementwise("LogicalNot", jnp.logical_not, "LogicalNot", "x", differentiable=False)


def _one(type: str, function: Callable[..., Any], **options: Any) -> Callable[..., Tensor]:
    return elementwise(type, function, type, "x", **options)


negative = _one("Neg", jnp.negative)
abs = _one("Abs", F.abs)
square = _one("Square", jnp.square)
sqrt = _one("Sqrt", jnp.sqrt)
rsqrt = _one("Rsqrt", jax.lax.rsqrt)
reciprocal = _one("Reciprocal", jnp.reciprocal)
exp = _one("Exp", jnp.exp)
expm1 = _one("Expm1", jnp.expm1)
log = _one("Log", jnp.log)
log1p = _one("Log1p", jnp.log1p)
sin = _one("Sin", jnp.sin)
cos = _one("Cos", jnp.cos)
tan = _one("Tan", jnp.tan)
tanh = _one("Tanh", jnp.tanh)
sigmoid = _one("Sigmoid", F.sigmoid)
erf = _one("Erf", jax.scipy.special.erf)
sign = _one("Sign", jnp.sign)
floor = _one("Floor", jnp.floor, differentiable=False)
ceil = _one("Ceil", jnp.ceil, differentiable=False)
round = _one("Round", jnp.round, differentiable=False)
is_nan = _one("IsNan", jnp.isnan, differentiable=False)
is_inf = _one("IsInf", jnp.isinf, differentiable=False)
is_finite = _one("IsFinite", jnp.isfinite, differentiable=False)


def truediv(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y; integers are divided as float64 (as float32 if they are of 16 bits or fewer)."""
    with get_default_graph().name_scope(name or "truediv") as scope:
        x = convert_to_tensor(x, name="x")
        y = convert_to_tensor(y, dtype_hint=x.dtype, name="y")
        if x.dtype.base_dtype != y.dtype.base_dtype:
            raise TypeError(
                f"`x` and `y` must have the same dtype, got {x.dtype.base_dtype!r} != {y.dtype.base_dtype!r}."
            )
        if x.dtype.is_integer:
            wide = DTYPES["float32" if np.dtype(x.dtype.as_numpy_dtype).itemsize < 4 else "float64"]
            x, y = cast(x, wide), cast(y, wide)
        return real_divide(x, y, name=scope)


def divide(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y, as the operator."""
    return truediv(x, y, name)


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """Python 2's division: integers are floored."""
    x = convert_to_tensor(x, name="x")
    return floordiv(x, y, name=name or "div") if x.dtype.is_integer else real_divide(x, y, name=name or "div")


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """The numbers in another dtype; the tensor itself if it has that dtype."""
    x, wanted = convert_to_tensor(x, name="x"), as_dtype(dtype).base_dtype
    if x.dtype.base_dtype is wanted:
        return x
    flows = x.dtype.is_floating and wanted.is_floating
    kind = wanted.as_numpy_dtype
    return apply("Cast", lambda x: x.astype(kind), [("x", x)], name or "Cast", differentiable=flows)


def to_float(x: Any, name: str = "ToFloat") -> Tensor:
    """The numbers as float32."""
    return cast(x, "float32", name)


def to_int32(x: Any, name: str = "ToInt32") -> Tensor:
    """The numbers as int32."""
    return cast(x, "int32", name)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """The sum of tensors of one shape."""

    def total(*arrays: jax.Array) -> jax.Array:
        return sum(arrays[1:], start=arrays[0])

    return apply("AddN", total, [(f"inputs_{i}", x) for i, x in enumerate(inputs)], name or "AddN")


def accumulate_n(inputs: Any, name: str | None = None) -> Tensor:
    """The same as `add_n`."""
    return add_n(inputs, name)


def matmul(
    a: Any,
    b: Any,
    transpose_a: bool = False,
    transpose_b: bool = False,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    name: str | None = None,
) -> Tensor:
    """The product of two matrices, or of two batches of them."""
    flip_a, flip_b = transpose_a or adjoint_a, transpose_b or adjoint_b

    def product(a: jax.Array, b: jax.Array) -> jax.Array:
        for side in (a, b):
            if side.ndim < 2:
                raise Mismatch(
                    f"In[{int(side is b)}] has to be a matrix, but has shape {sizes(side)}",
                    f"Shape must be rank 2 but is rank {side.ndim}",
                )
        a_ = jnp.swapaxes(a, -1, -2) if flip_a else a
        b_ = jnp.swapaxes(b, -1, -2) if flip_b else b
        if a_.shape[-1] != b_.shape[-2]:
            raise Mismatch(
                f"Matrix size-incompatible: In[0]: {sizes(a)}, In[1]: {sizes(b)}",
                f"Dimensions must be equal, but are {a_.shape[-1]} and {b_.shape[-2]}",
            )
        return jnp.matmul(a_, b_)

    graph = get_default_graph()
    with graph.name_scope(name or "MatMul") as scope:
        a = convert_to_tensor(a, name="a")
        b = convert_to_tensor(b, name="b", dtype_hint=a.dtype)
        flags = (False, False, transpose_a, transpose_b)
        words = ("grad_a", "grad_b", "transpose_a", "transpose_b")
        attributes = f"T={a.dtype.enum}, " + ", ".join(
            f"{word}={str(flag).lower()}" for word, flag in zip(words, flags, strict=True)
        )
        batched = (a.shape.ndims or 2) > 2 or (b.shape.ndims or 2) > 2
        type = "BatchMatMulV2" if batched else "MatMul"
        return apply(type, product, [("a", a), ("b", b)], scope, attributes=attributes)


def tensordot(a: Any, b: Any, axes: Any, name: str | None = None) -> Tensor:
    """Products summed over pairs of axes."""
    return apply(
        "Tensordot", lambda a, b: jnp.tensordot(a, b, axes), [("a", a), ("b", b)], name or "Tensordot"
    )


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Tensor:
    """Einstein's sum."""
    given = [(f"inputs_{i}", x) for i, x in enumerate(inputs)]
    return apply("Einsum", lambda *arrays: jnp.einsum(equation, *arrays), given, name or "einsum/Einsum")


def _axes(axis: np.ndarray, ndim: int) -> tuple[int, ...]:
    wanted = tuple(int(a) for a in np.ravel(axis))
    for a in wanted:
        if not -ndim <= a < ndim:
            raise ValueError(f"Invalid reduction dimension {a} for input with {ndim} dimensions.")
    return tuple(a % ndim for a in wanted)


def _reduction(type: str, function: Callable[..., Any], differentiable: bool = True) -> Callable[..., Tensor]:
    def reduce(
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool | None = None,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Tensor:
        axis = reduction_indices if axis is None else axis
        keep = bool(keepdims or keep_dims)
        x = convert_to_tensor(input_tensor, name="input_tensor")
        if axis is None and x.shape.ndims is None:
            return apply(
                type,
                lambda x: function(x, None, keep),
                [("input", x)],
                name or type,
                differentiable=differentiable,
            )
        if axis is None:
            axis = convert_to_tensor(np.arange(x.shape.ndims or 0, dtype=np.int32), name="Const")
        elif isinstance(axis, list | tuple) and not axis:
            axis = np.zeros(0, np.int32)

        def reduced(x: jax.Array, axes: np.ndarray) -> jax.Array:
            return function(x, _axes(axes, x.ndim), keep)

        return apply(
            type,
            reduced,
            [("input", x)],
            name or type,
            checked=[("reduction_indices", axis)],
            static=[1],
            differentiable=differentiable,
            attributes=f"T={x.dtype.enum}, Tidx=DT_INT32, keep_dims={str(keep).lower()}",
        )

    reduce.__name__ = f"reduce_{type.lower()}"
    reduce.__doc__ = f"TensorFlow's {type} over `axis`, over all axes if it is None."
    return reduce


def _mean(x: jax.Array, axes: Any, keep: bool) -> jax.Array:
    if jnp.issubdtype(x.dtype, jnp.integer):
        count = int(np.prod([x.shape[a] for a in (range(x.ndim) if axes is None else axes)]))
        return (jnp.sum(x, axes, keepdims=keep, dtype=x.dtype) // count).astype(x.dtype)
    return jnp.mean(x, axes, keepdims=keep)


reduce_sum = _reduction("Sum", lambda x, axes, keep: jnp.sum(x, axes, keepdims=keep, dtype=x.dtype))
reduce_mean = _reduction("Mean", _mean)
reduce_max = _reduction("Max", lambda x, axes, keep: jnp.max(x, axes, keepdims=keep))
reduce_min = _reduction("Min", lambda x, axes, keep: jnp.min(x, axes, keepdims=keep))
reduce_prod = _reduction("Prod", lambda x, axes, keep: jnp.prod(x, axes, keepdims=keep, dtype=x.dtype))
reduce_all = _reduction("All", lambda x, axes, keep: jnp.all(x, axes, keepdims=keep), differentiable=False)
reduce_any = _reduction("Any", lambda x, axes, keep: jnp.any(x, axes, keepdims=keep), differentiable=False)
reduce_logsumexp = _reduction("LogSumExp", lambda x, axes, keep: jax.nn.logsumexp(x, axes, keepdims=keep))


def _arg(type: str, function: Callable[..., Any]) -> Callable[..., Tensor]:
    def arg(
        input: Any,
        axis: Any = None,
        name: str | None = None,
        dimension: Any = None,
        output_type: Any = "int64",
    ) -> Tensor:
        axis = dimension if axis is None else axis
        kind = as_dtype(output_type).as_numpy_dtype
        return apply(
            type,
            lambda x, axis: function(x, axis=int(axis)).astype(kind),
            [("input", input)],
            name or type,
            checked=[("dimension", 0 if axis is None else axis)],
            static=[1],
            differentiable=False,
        )

    arg.__doc__ = f"The place of the {type[3:].lower()}imum along `axis` (0 if None); the first of equals."
    return arg


argmax = arg_max = _arg("ArgMax", jnp.argmax)
argmin = arg_min = _arg("ArgMin", jnp.argmin)


def cumsum(
    x: Any, axis: int = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None
) -> Tensor:
    """Running sums along an axis."""

    def running(x: jax.Array, axis: np.ndarray) -> jax.Array:
        y = jnp.flip(x, int(axis)) if reverse else x
        total = jnp.cumsum(y, int(axis), dtype=x.dtype)
        total = total - y if exclusive else total
        return jnp.flip(total, int(axis)) if reverse else total

    return apply("Cumsum", running, [("x", x)], name, checked=[("axis", axis)], static=[1])


def clip_by_value(t: Any, clip_value_min: Any, clip_value_max: Any, name: str | None = None) -> Tensor:
    """min(max(t, low), high)."""
    with get_default_graph().name_scope(name or "clip_by_value") as scope:
        return maximum(minimum(t, clip_value_max), clip_value_min, name=scope)


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: bool = False, name: Any = None
) -> Tensor:
    """The Euclidean norm (or 1, or infinity) over `axis`."""
    axes = tuple(axis) if isinstance(axis, list) else axis

    def length(x: jax.Array) -> jax.Array:
        if ord in ("euclidean", 2, "fro"):
            return jnp.sqrt(jnp.sum(x * x, axes, keepdims=keepdims))
        if ord == 1:
            return jnp.sum(jnp.abs(x), axes, keepdims=keepdims)
        if ord == np.inf:
            return jnp.max(jnp.abs(x), axes, keepdims=keepdims)
        raise NotImplementedError(f"fnnet.tensorflow: norm of ord {ord!r} is not mirrored")

    return apply("Norm", length, [("tensor", tensor)], name or "norm")


def clip_by_norm(t: Any, clip_norm: Any, axes: Any = None, name: str | None = None) -> Tensor:
    """t, shortened to `clip_norm` if it is longer."""
    over = tuple(axes) if isinstance(axes, list) else axes

    def clipped(t: jax.Array, limit: jax.Array) -> jax.Array:
        squares = jnp.sum(t * t, over, keepdims=True)
        some = squares > 0
        length = jnp.where(some, jnp.sqrt(jnp.where(some, squares, jnp.ones_like(squares))), squares)
        return (t * limit) / jnp.maximum(length, limit)

    return apply("ClipByNorm", clipped, [("t", t), ("clip_norm", clip_norm)], name or "clip_by_norm")


def global_norm(t_list: Any, name: str | None = None) -> Tensor:
    """The norm of all the tensors together."""
    given = [(f"t_{i}", t) for i, t in enumerate(t_list) if t is not None]
    return apply(
        "GlobalNorm", lambda *ts: jnp.sqrt(sum(jnp.sum(t * t) for t in ts)), given, name or "global_norm"
    )


def clip_by_global_norm(
    t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None
) -> tuple[list[Any], Tensor]:
    """All tensors scaled by one factor so that their norm together is `clip_norm` at most; and that norm."""
    whole = global_norm(t_list) if use_norm is None else use_norm

    def scaled(t: jax.Array, whole: jax.Array, limit: jax.Array) -> jax.Array:
        scale = limit * jnp.minimum(1 / whole, jnp.ones_like(whole) / limit)
        return t * jnp.where(jnp.isfinite(whole), scale, jnp.full_like(whole, jnp.nan))

    given = [
        t
        if t is None
        else apply("Mul", scaled, [("t", t), ("n", whole), ("c", clip_norm)], name or "clip_by_global_norm")
        for t in t_list
    ]
    return given, whole
