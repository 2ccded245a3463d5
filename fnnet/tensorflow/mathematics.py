"""Arithmetic, comparisons, products, reductions (`tf.add`, `tf.matmul`, `tf.reduce_sum`), and operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow.errors import OperatorNotAllowedInGraphError, not_mirrored
from fnnet.tensorflow.graph import Tensor
from fnnet.tensorflow.operation import convert_to_tensor, ints, operation
from fnnet.tensorflow.specs import as_dtype

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def _first_of_equals(function: Callable[..., Any], wins: Callable[..., Any]) -> Callable[..., Any]:
    """TensorFlow gives the whole gradient of equal arguments to the first; JAX gives half to each."""
    extreme = jax.custom_jvp(function)
    extreme.defjvp(lambda primals, tangents: (extreme(*primals), jnp.where(wins(*primals), *tangents)))
    return extreme


def _quotient(x: jax.Array, y: jax.Array) -> jax.Array:
    """Integers are divided as float64, as float32 if they are of 16 bits or fewer."""
    whole = np.float32 if x.dtype.itemsize < 4 else np.float64
    wide = whole if jnp.issubdtype(x.dtype, jnp.integer) else x.dtype
    return x.astype(wide) / y.astype(wide)


def _product(
    a: Any, b: Any, transpose_a: Any = False, transpose_b: Any = False, adjoint_a: Any = False,
    adjoint_b: Any = False, a_is_sparse: Any = False, b_is_sparse: Any = False,
) -> Any:  # fmt: skip
    if min(a.ndim, b.ndim) < 2:
        raise ValueError(f"Shape must be rank 2 but is rank {min(a.ndim, b.ndim)}")
    a, b = a.mT.conj() if adjoint_a else a, b.mT.conj() if adjoint_b else b
    a, b = a.mT if transpose_a else a, b.mT if transpose_b else b
    _equal(a.shape[-1], b.shape[-2])
    return jnp.matmul(a, b)


def _equal(*sizes: int) -> None:
    if sizes[0] != sizes[1]:
        raise ValueError(f"Dimensions must be equal, but are {sizes[0]} and {sizes[1]}")


def _fitting(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_pair(x: Any, y: Any) -> Any:
        for sizes in zip(x.shape[::-1], y.shape[::-1], strict=False):
            if 1 not in sizes:
                _equal(*sizes)
        return function(x, y)

    return of_pair


def _over(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction over axes, all if none are given. Integers keep their type."""

    def reduced(input_tensor: Any, axis: Any = None, keepdims: Any = None) -> Any:
        axes = tuple(range(input_tensor.ndim)) if axis is None else ints(np.ravel(axis))
        for each in axes:
            if not -input_tensor.ndim <= each < input_tensor.ndim:
                rank = f"input with {input_tensor.ndim} dimensions"
                raise ValueError(f"Invalid reduction dimension {each} for {rank}")
        return function(input_tensor, axes, keepdims=bool(keepdims)).astype(input_tensor.dtype)

    return reduced


def _mean(x: jax.Array, axes: tuple[int, ...], keepdims: bool) -> jax.Array:
    if not jnp.issubdtype(x.dtype, jnp.integer):
        return jnp.mean(x, axes, keepdims=keepdims)
    return jnp.sum(x, axes, x.dtype, keepdims=keepdims) // np.prod([x.shape[a] for a in axes]).astype(x.dtype)


def _place(function: Callable[..., Any]) -> Callable[..., Any]:
    def place(input: Any, axis: Any = 0, *, output_type: Any = "int64") -> Any:
        return function(input, int(axis)).astype(as_dtype(output_type))

    return place


_BY_ZERO: Any = ("y", lambda x, y: (y == 0, 0, 0), "Integer division by zero")
_larger = _first_of_equals(jnp.maximum, jnp.greater_equal)
_smaller = _first_of_equals(jnp.minimum, jnp.less_equal)
_PAIRS: dict[str, Any] = {
    "add AddV2 Add": jnp.add, "subtract Sub": jnp.subtract, "multiply Mul": jnp.multiply,
    "truediv RealDiv truediv": _quotient, "divide RealDiv truediv": _quotient, "pow Pow": jnp.power,
    "maximum Maximum": _larger, "minimum Minimum": _smaller, "equal Equal": jnp.equal,
    "not_equal NotEqual": jnp.not_equal, "greater Greater": jnp.greater, "less Less": jnp.less,
    "greater_equal GreaterEqual": jnp.greater_equal, "less_equal LessEqual": jnp.less_equal,
    "logical_and LogicalAnd": jnp.logical_and, "logical_or LogicalOr": jnp.logical_or,
    "squared_difference SquaredDifference": lambda x, y: jnp.square(x - y),
}  # fmt: skip
_SINGLE: dict[str, Any] = {
    "logical_not LogicalNot": jnp.logical_not, "negative Neg": jnp.negative, "abs Abs": F.abs,
    "exp Exp": jnp.exp, "square Square": jnp.square, "sqrt Sqrt": jnp.sqrt, "rsqrt Rsqrt": jax.lax.rsqrt,
    "log Log": jnp.log, "log1p Log1p": jnp.log1p, "sin Sin": jnp.sin, "cos Cos": jnp.cos,
    "tanh Tanh": jnp.tanh, "sign Sign": jnp.sign, "sigmoid Sigmoid": F.sigmoid,
}  # fmt: skip
_REDUCED: dict[str, Any] = {
    "reduce_sum Sum": jnp.sum, "reduce_mean Mean": _mean, "reduce_max Max": jnp.max,
    "reduce_min Min": jnp.min, "reduce_prod Prod": jnp.prod, "reduce_all All": jnp.all,
    "reduce_any Any": jnp.any, "reduce_logsumexp LogSumExp": jax.nn.logsumexp,
}  # fmt: skip
_PAIRS = {k: _fitting(f) for k, f in _PAIRS.items()}
for _names, _function in (_PAIRS | _SINGLE | {k: _over(f) for k, f in _REDUCED.items()}).items():
    _name, _type, *_label = _names.split()
    _arguments = "x y" if _names in _PAIRS else "x" if _names in _SINGLE else ""
    globals()[_name] = operation(_type, _function, _arguments, *_label)
floordiv = operation("FloorDiv", jnp.floor_divide, "x y", "floordiv", differentiable=False, check=_BY_ZERO)
mod = floormod = operation("FloorMod", jnp.mod, "x y", check=_BY_ZERO)
floor = operation("Floor", jnp.floor, "x", differentiable=False)
ceil = operation("Ceil", jnp.ceil, "x", differentiable=False)
round = operation("Round", jnp.round, "x", differentiable=False)
identity = operation("Identity", lambda input: input)
stop_gradient = operation("StopGradient", lambda input: input, differentiable=False)
_cast = operation("Cast", lambda x, kind=None: x.astype(kind))
to_float = operation("Cast", lambda x: x.astype(np.float32), name="ToFloat")
add_n = operation("AddN", lambda inputs: sum(inputs[1:], start=inputs[0]))
matmul = operation("MatMul", _product)
argmax = operation("ArgMax", _place(jnp.argmax))
argmin = operation("ArgMin", _place(jnp.argmin))
_clip = lambda t, low, high: _larger(_smaller(t, high), low)  # noqa: E731
clip_by_value = operation("ClipByValue", _clip, "t clip_value_min clip_value_max", "clip_by_value")


def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """The numbers in another dtype; the tensor itself if it has that dtype."""
    x, kind = convert_to_tensor(x, name="x"), as_dtype(dtype)
    return x if x.dtype == kind else _cast(x, kind, name=name)


def _operator(name: str, function: Callable[..., Any], binary: bool) -> None:
    def operate(x: Any, *y: Any) -> Any:
        if name in ("and", "or", "xor", "invert") and convert_to_tensor(x).dtype != bool:
            raise not_mirrored("a bitwise operator of integers")
        return function(x, *y, name=name if binary else None)

    setattr(Tensor, f"__{name}__", operate)
    if binary:
        setattr(Tensor, f"__r{name}__", lambda self, other: operate(other, self))


_BINARY = "add:add sub:subtract mul:multiply truediv:truediv floordiv:floordiv mod:mod pow:pow matmul:matmul"
_OTHERS = "lt:less le:less_equal gt:greater ge:greater_equal neg:negative abs:abs invert:logical_not"
logical_xor = operation("LogicalXor", _fitting(jnp.logical_xor), "x y", "logical_xor")
for _names in f"{_BINARY} and:logical_and or:logical_or xor:logical_xor {_OTHERS}".split():
    _name, _own = _names.split(":")
    _operator(_name, globals()[_own], binary=_names not in _OTHERS.split())


def _refuse(name: str, kind: type[Exception], words: str) -> None:
    def refused(self: Tensor, *_: Any, **__: Any) -> Any:
        raise kind(words.format(self.name))

    setattr(Tensor, f"__{name}__", refused)


_NO_VALUE = "is not allowed. It has no value before `Session.run`: use tf.cond, tf.while_loop, or fetch it."
_refuse(
    "bool", OperatorNotAllowedInGraphError, f"Using a symbolic `tf.Tensor` as a Python `bool` {_NO_VALUE}"
)
_refuse("iter", OperatorNotAllowedInGraphError, f"Iterating over a symbolic `tf.Tensor` {_NO_VALUE}")
_refuse("len", TypeError, "len is not well defined for a symbolic Tensor ({}). Please call `x.shape`")
_refuse("array", NotImplementedError, "Cannot convert a symbolic tf.Tensor ({}) to a numpy array.")
