"""Arithmetic, comparisons, products, reductions (`tf.add`, `tf.matmul`, `tf.reduce_sum`), and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow.declare import operation, public
from fnnet.tensorflow.errors import Mismatch, in_brackets, not_mirrored
from fnnet.tensorflow.graph import Operators, Tensor, convert_to_tensor
from fnnet.tensorflow.specs import dtype_of


def _pair(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of two arrays that are made of one shape, with TensorFlow's error if they cannot be."""

    def of_one_shape(x: jax.Array, y: jax.Array) -> jax.Array:
        for a, b in zip(x.shape[::-1], y.shape[::-1], strict=False):
            if a != b and 1 not in (a, b):
                running = f"Incompatible shapes: {in_brackets(x)} vs. {in_brackets(y)}"
                raise Mismatch(f"Dimensions must be equal, but are {a} and {b}", running)
        return function(x, y)

    return of_one_shape


def _first_of_equals(function: Callable[..., Any], wins: Callable[..., Any]) -> Callable[..., Any]:
    """TensorFlow gives the whole gradient of equal arguments to the first; JAX gives half to each."""
    extreme = jax.custom_jvp(function)
    extreme.defjvp(lambda primals, tangents: (extreme(*primals), jnp.where(wins(*primals), *tangents)))
    return _pair(extreme)


def _quotient(x: jax.Array, y: jax.Array) -> jax.Array:
    """Integers are divided as float64, as float32 if they are of 16 bits or fewer."""
    whole = jnp.issubdtype(x.dtype, jnp.integer)
    wide = (np.float32 if x.dtype.itemsize < 4 else np.float64) if whole else x.dtype
    return x.astype(wide) / y.astype(wide)


def _product(
    a: Any,
    b: Any,
    transpose_a: Any = False,
    transpose_b: Any = False,
    adjoint_a: Any = False,
    adjoint_b: Any = False,
) -> Any:
    for i, side in enumerate((a, b)):
        if side.ndim < 2:
            running = f"In[{i}] has to be a matrix, but has shape {in_brackets(side)}"
            raise Mismatch(f"Shape must be rank 2 but is rank {side.ndim}", running)
    left = jnp.swapaxes(a, -1, -2) if transpose_a or adjoint_a else a
    right = jnp.swapaxes(b, -1, -2) if transpose_b or adjoint_b else b
    if left.shape[-1] != right.shape[-2]:
        running = f"Matrix size-incompatible: In[0]: {in_brackets(a)}, In[1]: {in_brackets(b)}"
        raise Mismatch(f"Dimensions must be equal, but are {left.shape[-1]} and {right.shape[-2]}", running)
    return jnp.matmul(left, right)


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over axes, all if none are given."""

    def reduced(input_tensor: Any, axis: Any = None, keepdims: Any = None) -> Any:
        ndim = input_tensor.ndim
        axes = tuple(range(ndim)) if axis is None else tuple(int(a) for a in np.ravel(axis))
        for a in axes:
            if not -ndim <= a < ndim:
                raise Mismatch(f"Invalid reduction dimension {a} for input with {ndim} dimensions.")
        return function(input_tensor, axes, keepdims=bool(keepdims))

    return reduced


def _mean(x: jax.Array, axes: tuple[int, ...], keepdims: bool) -> jax.Array:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.mean(x, axes, keepdims=keepdims)
    return jnp.sum(x, axes, x.dtype, keepdims=keepdims) // np.asarray(
        np.prod([x.shape[a] for a in axes]), x.dtype
    )


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda input, axis=0, *, output_type="int64": function(input, int(axis)).astype(
        dtype_of(output_type)
    )


def _cumsum(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False) -> Any:
    y = jnp.flip(x, int(axis)) if reverse else x
    total = jnp.cumsum(y, int(axis), dtype=x.dtype)
    total = total - y if exclusive else total
    return jnp.flip(total, int(axis)) if reverse else total


def _norm(tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None) -> Any:
    if ord not in ("euclidean", 2, "fro", 1, np.inf):
        raise not_mirrored(f"norm of ord {ord!r}")
    axes, keep = None if axis is None else tuple(np.ravel(axis).tolist()), bool(keepdims)
    if ord in (1, np.inf):
        return (jnp.sum if ord == 1 else jnp.max)(jnp.abs(tensor), axes, keepdims=keep)
    return jnp.sqrt(jnp.sum(tensor * tensor, axes, keepdims=keep))


def _clip_by_norm(t: Any, clip_norm: Any, axes: Any = None) -> Any:
    squares = jnp.sum(t * t, tuple(axes) if isinstance(axes, list) else axes, keepdims=True)
    some = squares > 0
    length = jnp.where(some, jnp.sqrt(jnp.where(some, squares, jnp.ones_like(squares))), squares)
    return (t * clip_norm) / jnp.maximum(length, clip_norm)


def _scaled(t: Any, clip_norm: Any, whole: Any) -> Any:
    scale = clip_norm * jnp.minimum(1 / whole, jnp.ones_like(whole) / clip_norm)
    return t * jnp.where(jnp.isfinite(whole), scale, jnp.full_like(whole, jnp.nan))


_larger = _first_of_equals(jnp.maximum, jnp.greater_equal)
_smaller = _first_of_equals(jnp.minimum, jnp.less_equal)
_BY_ZERO = ("y", lambda x, y: (y == 0, 0, 0), "Integer division by zero")

add = operation("AddV2", _pair(jnp.add), "Add")
subtract = operation("Sub", _pair(jnp.subtract))
multiply = operation("Mul", _pair(jnp.multiply))
truediv = divide = operation("RealDiv", _pair(_quotient), "truediv")
floordiv = operation("FloorDiv", _pair(jnp.floor_divide), "floordiv", differentiable=False, guarded=_BY_ZERO)
mod = floormod = operation("FloorMod", _pair(jnp.mod), guarded=_BY_ZERO)
maximum = operation("Maximum", _larger)
minimum = operation("Minimum", _smaller)
pow = operation("Pow", _pair(jnp.power))
squared_difference = operation("SquaredDifference", _pair(lambda x, y: jnp.square(x - y)))
equal = operation("Equal", _pair(jnp.equal))
not_equal = operation("NotEqual", _pair(jnp.not_equal))
greater = operation("Greater", _pair(jnp.greater))
greater_equal = operation("GreaterEqual", _pair(jnp.greater_equal))
less = operation("Less", _pair(jnp.less))
less_equal = operation("LessEqual", _pair(jnp.less_equal))
logical_and = operation("LogicalAnd", _pair(jnp.logical_and))
logical_or = operation("LogicalOr", _pair(jnp.logical_or))
logical_xor = operation("LogicalXor", _pair(jnp.logical_xor))
logical_not = operation("LogicalNot", jnp.logical_not, arguments="x")
negative = operation("Neg", jnp.negative, arguments="x")
abs = operation("Abs", F.abs, arguments="x")
square = operation("Square", jnp.square, arguments="x")
sqrt = operation("Sqrt", jnp.sqrt, arguments="x")
rsqrt = operation("Rsqrt", jax.lax.rsqrt, arguments="x")
reciprocal = operation("Reciprocal", jnp.reciprocal, arguments="x")
exp = operation("Exp", jnp.exp, arguments="x")
expm1 = operation("Expm1", jnp.expm1, arguments="x")
log = operation("Log", jnp.log, arguments="x")
log1p = operation("Log1p", jnp.log1p, arguments="x")
sin = operation("Sin", jnp.sin, arguments="x")
cos = operation("Cos", jnp.cos, arguments="x")
tan = operation("Tan", jnp.tan, arguments="x")
tanh = operation("Tanh", jnp.tanh, arguments="x")
sigmoid = operation("Sigmoid", F.sigmoid, arguments="x")
erf = operation("Erf", jax.scipy.special.erf, arguments="x")
sign = operation("Sign", jnp.sign, arguments="x")
floor = operation("Floor", jnp.floor, arguments="x", differentiable=False)
ceil = operation("Ceil", jnp.ceil, arguments="x", differentiable=False)
round = operation("Round", jnp.round, arguments="x", differentiable=False)
is_nan = operation("IsNan", jnp.isnan, arguments="x")
is_inf = operation("IsInf", jnp.isinf, arguments="x")
is_finite = operation("IsFinite", jnp.isfinite, arguments="x")
_cast = operation("Cast", lambda x, kind=None: x.astype(kind))
to_float = operation("Cast", lambda x: x.astype(np.float32), "ToFloat")
to_int32 = operation("Cast", lambda x: x.astype(np.int32), "ToInt32")
add_n = operation("AddN", lambda inputs: sum(inputs[1:], start=inputs[0]))
matmul = operation("MatMul", _product)
tensordot = operation("Tensordot", lambda a, b, axes=2: jnp.tensordot(a, b, axes))
_einsum = operation("Einsum", lambda inputs, equation="": jnp.einsum(equation, *inputs), "einsum/Einsum")
reduce_sum = operation("Sum", _over(lambda x, axes, keepdims: jnp.sum(x, axes, x.dtype, keepdims=keepdims)))
reduce_mean = operation("Mean", _over(_mean))
reduce_max = operation("Max", _over(jnp.max))
reduce_min = operation("Min", _over(jnp.min))
reduce_prod = operation(
    "Prod", _over(lambda x, axes, keepdims: jnp.prod(x, axes, x.dtype, keepdims=keepdims))
)
reduce_all = operation("All", _over(jnp.all))
reduce_any = operation("Any", _over(jnp.any))
reduce_logsumexp = operation("LogSumExp", _over(jax.nn.logsumexp))
argmax = arg_max = operation("ArgMax", _place(jnp.argmax))
argmin = arg_min = operation("ArgMin", _place(jnp.argmin))
cumsum = operation("Cumsum", _cumsum)
clip_by_value = operation(
    "ClipByValue", lambda t, low, high: _larger(_smaller(t, high), low), "clip_by_value",
    "t clip_value_min clip_value_max",
)  # fmt: skip
norm = operation("Norm", _norm, "norm")
clip_by_norm = operation("ClipByNorm", _clip_by_norm, "clip_by_norm")
global_norm = operation(
    "GlobalNorm", lambda t_list: jnp.sqrt(sum(jnp.sum(t * t) for t in t_list)), "global_norm"
)
_scale = operation("Mul", _scaled, "clip_by_global_norm")


def cast(x: Any, dtype: Any, name: str | None = None) -> Tensor:
    """The numbers in another dtype; the tensor itself if it has that dtype."""
    x, kind = convert_to_tensor(x, name="x"), dtype_of(dtype)
    return x if x.dtype.as_numpy_dtype is kind else _cast(x, kind, name=name)


def einsum(equation: str, *inputs: Any, name: str | None = None) -> Tensor:
    """Einstein's sum."""
    return _einsum(inputs, equation, name=name)


def clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any = None, name: str | None = None) -> Any:
    """All tensors scaled by one factor so that their norm together is `clip_norm` at most; and that norm."""
    whole = global_norm([t for t in t_list if t is not None]) if use_norm is None else use_norm
    return [t if t is None else _scale(t, clip_norm, whole, name=name) for t in t_list], whole


def _operator(name: str, function: Callable[..., Any]) -> None:
    def operate(self: Any, other: Any, reflected: bool = False) -> Any:
        if name in ("and", "or", "xor") and not self.dtype.is_bool:
            raise not_mirrored("a bitwise operator of integers")
        return function(*((other, self) if reflected else (self, other)), name=name)

    setattr(Operators, f"__{name}__", operate)
    setattr(Operators, f"__r{name}__", lambda self, other: operate(self, other, True))


for _name, _function in (
    ("add", add), ("sub", subtract), ("mul", multiply), ("truediv", truediv), ("floordiv", floordiv),
    ("mod", mod), ("pow", pow), ("matmul", matmul), ("and", logical_and), ("or", logical_or),
    ("xor", logical_xor),
):  # fmt: skip
    _operator(_name, _function)
for _name, _function in (
    ("lt", less), ("le", less_equal), ("gt", greater), ("ge", greater_equal),
    ("neg", negative), ("abs", abs), ("invert", logical_not),
):  # fmt: skip
    setattr(Operators, f"__{_name}__", lambda *operands, function=_function: function(*operands))

__all__ = public(globals())
