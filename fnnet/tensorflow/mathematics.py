"""Arithmetic, comparisons, products, reductions (`tf.add`, `tf.matmul`, `tf.reduce_sum`), and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow.errors import Mismatch, OperatorNotAllowedInGraphError, in_brackets, not_mirrored
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.operation import convert_to_tensor, operation, public
from fnnet.tensorflow.session import derivatives
from fnnet.tensorflow.specs import Operators, dtype_of


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


def _product(a: Any, b: Any, transpose_a: Any = False, transpose_b: Any = False) -> Any:
    for i, side in enumerate((a, b)):
        if side.ndim < 2:
            running = f"In[{i}] has to be a matrix, but has shape {in_brackets(side)}"
            raise Mismatch(f"Shape must be rank 2 but is rank {side.ndim}", running)
    left = jnp.swapaxes(a, -1, -2) if transpose_a else a
    right = jnp.swapaxes(b, -1, -2) if transpose_b else b
    if left.shape[-1] != right.shape[-2]:
        running = f"Matrix size-incompatible: In[0]: {in_brackets(a)}, In[1]: {in_brackets(b)}"
        raise Mismatch(f"Dimensions must be equal, but are {left.shape[-1]} and {right.shape[-2]}", running)
    return jnp.matmul(left, right)


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over axes, all if none are given. Integers keep their type."""

    def reduced(input_tensor: Any, axis: Any = None, keepdims: Any = None) -> Any:
        ndim = input_tensor.ndim
        axes = tuple(range(ndim)) if axis is None else tuple(int(a) for a in np.ravel(axis))
        for a in axes:
            if not -ndim <= a < ndim:
                raise Mismatch(f"Invalid reduction dimension {a} for input with {ndim} dimensions.")
        return function(input_tensor, axes, keepdims=bool(keepdims)).astype(input_tensor.dtype)

    return reduced


def _mean(x: jax.Array, axes: tuple[int, ...], keepdims: bool) -> jax.Array:
    whole = jnp.issubdtype(x.dtype, jnp.integer)
    count = np.prod([x.shape[a] for a in axes]).astype(x.dtype)
    return (
        jnp.sum(x, axes, x.dtype, keepdims=keepdims) // count
        if whole
        else jnp.mean(x, axes, keepdims=keepdims)
    )


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda input, axis=0, *, output_type="int64": function(input, int(axis)).astype(
        dtype_of(output_type)
    )


_larger = _first_of_equals(jnp.maximum, jnp.greater_equal)
_smaller = _first_of_equals(jnp.minimum, jnp.less_equal)
_BY_ZERO: Any = ("y", lambda x, y: (y == 0, 0, 0), "Integer division by zero")

add = operation("AddV2", _pair(jnp.add), "x y", "Add")
subtract = operation("Sub", _pair(jnp.subtract), "x y")
multiply = operation("Mul", _pair(jnp.multiply), "x y")
truediv = divide = operation("RealDiv", _pair(_quotient), "x y", "truediv")
floordiv = operation(
    "FloorDiv", _pair(jnp.floor_divide), "x y", "floordiv", differentiable=False, guarded=_BY_ZERO
)
mod = floormod = operation("FloorMod", _pair(jnp.mod), "x y", guarded=_BY_ZERO)
pow = operation("Pow", _pair(jnp.power), "x y")
maximum = operation("Maximum", _larger, "x y")
minimum = operation("Minimum", _smaller, "x y")
squared_difference = operation("SquaredDifference", _pair(lambda x, y: jnp.square(x - y)), "x y")
equal = operation("Equal", _pair(jnp.equal), "x y")
not_equal = operation("NotEqual", _pair(jnp.not_equal), "x y")
greater = operation("Greater", _pair(jnp.greater), "x y")
greater_equal = operation("GreaterEqual", _pair(jnp.greater_equal), "x y")
less = operation("Less", _pair(jnp.less), "x y")
less_equal = operation("LessEqual", _pair(jnp.less_equal), "x y")
logical_and = operation("LogicalAnd", _pair(jnp.logical_and), "x y")
logical_or = operation("LogicalOr", _pair(jnp.logical_or), "x y")
logical_not = operation("LogicalNot", jnp.logical_not, "x")
negative = operation("Neg", jnp.negative, "x")
abs = operation("Abs", F.abs, "x")
square = operation("Square", jnp.square, "x")
sqrt = operation("Sqrt", jnp.sqrt, "x")
rsqrt = operation("Rsqrt", jax.lax.rsqrt, "x")
exp = operation("Exp", jnp.exp, "x")
log = operation("Log", jnp.log, "x")
log1p = operation("Log1p", jnp.log1p, "x")
sin = operation("Sin", jnp.sin, "x")
cos = operation("Cos", jnp.cos, "x")
tanh = operation("Tanh", jnp.tanh, "x")
sigmoid = operation("Sigmoid", F.sigmoid, "x")
sign = operation("Sign", jnp.sign, "x")
floor = operation("Floor", jnp.floor, "x", differentiable=False)
ceil = operation("Ceil", jnp.ceil, "x", differentiable=False)
round = operation("Round", jnp.round, "x", differentiable=False)
identity = operation("Identity", lambda input: input)
stop_gradient = operation("StopGradient", lambda input: input, differentiable=False)
_cast = operation("Cast", lambda x, kind=None: x.astype(kind))
to_float = operation("Cast", lambda x: x.astype(np.float32), name="ToFloat")
add_n = operation("AddN", lambda inputs: sum(inputs[1:], start=inputs[0]))
matmul = operation("MatMul", _product)
reduce_sum = operation("Sum", _over(jnp.sum))
reduce_mean = operation("Mean", _over(_mean))
reduce_max = operation("Max", _over(jnp.max))
reduce_min = operation("Min", _over(jnp.min))
reduce_prod = operation("Prod", _over(jnp.prod))
reduce_all = operation("All", _over(jnp.all))
reduce_any = operation("Any", _over(jnp.any))
reduce_logsumexp = operation("LogSumExp", _over(jax.nn.logsumexp))
argmax = operation("ArgMax", _place(jnp.argmax))
argmin = operation("ArgMin", _place(jnp.argmin))
clip_by_value = operation(
    "ClipByValue", lambda t, low, high: _larger(_smaller(t, high), low), "t clip_value_min clip_value_max",
    "clip_by_value",
)  # fmt: skip


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """The numbers in another dtype; the tensor itself if it has that dtype."""
    x, kind = convert_to_tensor(x, name="x"), dtype_of(dtype)
    return x if x.known.dtype is kind else _cast(x, kind, name=name)


def gradients(ys: Any, xs: Any, grad_ys: Any = None, name: str = "gradients") -> list[Tensor | None]:
    """The derivatives of the sum of `ys` (weighted by `grad_ys`) by each of `xs`; None for one that they do
    not depend on.
    """
    ys, xs, weights = (list(v) if isinstance(v, list | tuple) else [v] for v in (ys, xs, grad_ys))
    if grad_ys is not None and len(weights) != len(ys):
        raise ValueError(f"Got {len(weights)} values for `grad_ys`, but `ys` has {len(ys)}")
    with get_default_graph().name_scope(name):
        if grad_ys is not None:
            ys = [y if w is None else y * stop_gradient(w) for y, w in zip(ys, weights, strict=True)]
        sources = [getattr(x, "readings", None) or [convert_to_tensor(x)] for x in xs]
        return derivatives([convert_to_tensor(y) for y in ys], sources)


def _operators(name: str, function: Callable[..., Any]) -> None:
    def operate(x: Any, y: Any) -> Any:
        if name in ("and", "or") and convert_to_tensor(x).dtype.name != "bool":
            raise not_mirrored("a bitwise operator of integers")
        return function(x, y, name=name)

    setattr(Operators, f"__{name}__", operate)
    setattr(Operators, f"__r{name}__", lambda self, other: operate(other, self))


for _name, _function in (
    ("add", add), ("sub", subtract), ("mul", multiply), ("truediv", truediv), ("floordiv", floordiv),
    ("mod", mod), ("pow", pow), ("matmul", matmul), ("and", logical_and), ("or", logical_or),
):  # fmt: skip
    _operators(_name, _function)
for _name, _function in (
    ("lt", less), ("le", less_equal), ("gt", greater), ("ge", greater_equal),
    ("neg", negative), ("abs", abs), ("invert", logical_not),
):  # fmt: skip
    setattr(Operators, f"__{_name}__", lambda *operands, function=_function: function(*operands))


def _refused(words: str, kind: type[Exception]) -> Callable[..., Any]:
    def refuse(self: Any, *_: Any, **__: Any) -> Any:
        raise kind(words.format(self.name))

    return refuse


_NO_VALUE = "is not allowed. It has no value before `Session.run`: use tf.cond, tf.while_loop, or fetch it."
for _name, _kind, _words in (
    ("bool", OperatorNotAllowedInGraphError, f"Using a symbolic `tf.Tensor` as a Python `bool` {_NO_VALUE}"),
    ("iter", OperatorNotAllowedInGraphError, f"Iterating over a symbolic `tf.Tensor` {_NO_VALUE}"),
    ("len", TypeError, "len is not well defined for a symbolic Tensor ({}). Please call `x.shape` rather "
     "than `len(x)` for shape information."),
    ("array", NotImplementedError, "Cannot convert a symbolic tf.Tensor ({}) to a numpy array. This error "
     "may indicate that you're trying to pass a Tensor to a NumPy call, which is not supported."),
):  # fmt: skip
    setattr(Operators, f"__{_name}__", _refused(_words, _kind))
__all__ = public(globals())
