"""Activations: elementwise functions and the softmax family.

At kinks the derivative is PyTorch's, which mostly follows from writing the function as a choice between
branches. Where `jnp.where` would let a branch that is not taken overflow and spoil the gradient, its argument
is replaced first.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import canonical, is_integral, scalar_name, to_floating
from fnnet.functional.half import once_rounded
from fnnet.functional.operation import operation, warn
from fnnet.functional.shares import shares
from fnnet.random.source import as_source

__all__ = [
    "celu",
    "elu",
    "gelu",
    "glu",
    "gumbel_softmax",
    "hardshrink",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "leaky_relu",
    "log_softmax",
    "logsigmoid",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "tanh",
    "tanhshrink",
    "threshold",
]

_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def _like(x: jax.Array, value: Any) -> jax.Array:
    return jnp.asarray(int(value) if is_integral(x) and not isinstance(value, jax.Array) else value, x.dtype)


@operation("torch", "Tensor", "nn.functional", in_place=True, grad_fn="ReluBackward0")
def relu(input: jax.Array) -> jax.Array:
    """max(input, 0); the derivative at 0 is 0."""
    return jnp.where(input <= 0, _like(input, 0), input)


@operation("torch", "nn.functional", in_place=True, grad_fn="ThresholdBackward0")
def threshold(input: jax.Array, threshold: float, value: float) -> jax.Array:
    """Input where it is above the threshold, `value` elsewhere."""
    return jnp.where(input <= _like(input, threshold), _like(input, value), input)


@operation("nn.functional", in_place=True, grad_fn="HardtanhBackward0")
def hardtanh(input: jax.Array, min_val: float = -1.0, max_val: float = 1.0) -> jax.Array:
    """Input clipped to [min_val, max_val]; the derivative at both ends is 0. Raises ValueError if they
    cross.
    """
    if min_val > max_val:
        raise ValueError("hardtanh: min_val cannot be greater than max_val")
    if is_integral(input):
        min_val, max_val = int(min_val), int(max_val)
        if input.dtype == jnp.uint8 and min(min_val, max_val) < 0:
            raise RuntimeError("cannot do hardtanh on an unsigned type with negative limits")
    upper = jnp.where(input >= max_val, _like(input, max_val), input)
    return jnp.where(input <= min_val, _like(input, min_val), upper)


@operation("nn.functional", in_place=True, grad_fn="HardtanhBackward0")
def relu6(input: jax.Array) -> jax.Array:
    """min(max(input, 0), 6); the derivative at 0 and 6 is 0."""
    return hardtanh(input, 0.0, 6.0)


@operation("nn.functional", in_place=True, grad_fn="LeakyReluBackward0")
def leaky_relu(input: jax.Array, negative_slope: float = 0.01) -> jax.Array:
    """Input where positive, negative_slope * input elsewhere; the derivative at 0 is the slope."""
    return jnp.where(input > 0, input, input * negative_slope)


def _exponential_linear(x: jax.Array, alpha: float, scale: float, input_scale: float) -> jax.Array:
    negative = jnp.where(x <= 0, x, _like(x, 0))
    return jnp.where(x <= 0, jnp.expm1(negative * input_scale) * (alpha * scale), x * scale)


@operation("nn.functional", in_place=True, grad_fn="EluBackward0")
@once_rounded
def elu(input: jax.Array, alpha: float = 1.0) -> jax.Array:
    """Input where positive, alpha * (exp(input) - 1) elsewhere."""
    return _exponential_linear(input, alpha, 1.0, 1.0)


@operation("torch", "nn.functional", in_place=True, grad_fn="EluBackward0")
@once_rounded
def selu(input: jax.Array) -> jax.Array:
    """scale * elu(input, alpha) with the constants of Klambauer et al., 2017."""
    return _exponential_linear(input, _SELU_ALPHA, _SELU_SCALE, 1.0)


@operation("torch", "nn.functional", in_place=True, grad_fn="CeluBackward0")
@once_rounded
def celu(input: jax.Array, alpha: float = 1.0) -> jax.Array:
    """Input where positive, alpha * (exp(input / alpha) - 1) elsewhere. Raises RuntimeError for alpha 0."""
    if alpha == 0:
        raise RuntimeError("celu: ZeroDivisionError: alpha cannot be 0 for CELU")
    return _exponential_linear(input, alpha, 1.0, 1.0 / alpha)


@operation("torch", "Tensor", "nn.functional", grad_fn="PreluKernelBackward0")
@once_rounded
def prelu(input: jax.Array, weight: jax.Array) -> jax.Array:
    """Input where positive, weight * input elsewhere; weight has one element or one for each channel (dim
    1).
    """
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.size != 1:
        if input.ndim == 0:
            raise RuntimeError("prelu: Not allow zero-dim input tensor.")
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.size != channels:
            raise RuntimeError(
                "prelu: Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.size} and channel size = {channels}."
            )
        weight = weight.reshape(-1, *[1] * (input.ndim - 2))
    else:
        weight = weight.reshape(())
    return jnp.where(input > 0, input, weight * input)


@operation("torch", "nn.functional", in_place=True, grad_fn="RreluWithNoiseBackward0")
def rrelu(
    input: jax.Array,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    *,
    key: Any = None,
) -> jax.Array:
    """Leaky ReLU with slopes drawn from U(lower, upper) in training, their mean otherwise.

    Differs from PyTorch: one number is drawn for each element; PyTorch draws only for those that are not
    positive, so that after it a generator stands elsewhere than PyTorch's.
    """
    if lower > upper:
        raise RuntimeError(
            f"rrelu: Lower bound should be less than or equal to the upper bound, got {lower}, {upper}"
        )
    if not training:
        return leaky_relu(input, (lower + upper) / 2)
    if key is None:
        raise ValueError("rrelu: it draws slopes in training: give key=jax.random.key(...)")
    slopes = as_source(key).uniform(input.shape, lower, upper, input.dtype)
    return jnp.where(input > 0, input, input * slopes)


@operation("nn.functional", grad_fn="GluBackward0")
@once_rounded
def glu(input: jax.Array, dim: int = -1) -> jax.Array:
    """First half of `dim` times the sigmoid of the second. Raises RuntimeError for an odd size."""
    if input.ndim == 0:
        raise RuntimeError("glu does not support 0-dimensional tensors")
    dim = canonical_dim(dim, input.ndim)
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(f"glu: Halving dimension must be even, but dimension {dim} is size {size}")
    first, second = jnp.split(input, 2, axis=dim)
    return first * jax.nn.sigmoid(second)


@operation(
    "torch",
    "Tensor",
    "nn.functional",
    in_place=True,
    grad_fn="SigmoidBackward0",
    promote=("input",),
    to_float=True,
)
def sigmoid(input: jax.Array) -> jax.Array:
    """1 / (1 + exp(-input))."""
    return jax.nn.sigmoid(input)


@operation(
    "torch",
    "Tensor",
    "nn.functional",
    in_place=True,
    grad_fn="TanhBackward0",
    promote=("input",),
    to_float=True,
)
def tanh(input: jax.Array) -> jax.Array:
    """Hyperbolic tangent."""
    return jnp.tanh(input)


@operation("nn.functional", grad_fn="LogSigmoidBackward0")
@once_rounded
def logsigmoid(input: jax.Array) -> jax.Array:
    """log(sigmoid(input)), without overflow."""
    return -jnp.logaddexp(-input, _like(input, 0))


@operation("nn.functional", grad_fn="GeluBackward0")
@once_rounded
def gelu(input: jax.Array, *, approximate: str = "none") -> jax.Array:
    """input * Phi(input): exactly by erf ("none"), or by the tanh formula ("tanh")."""
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate argument must be either none or tanh, got {approximate!r}.")
    # Half types lose 1 + erf(x) near -1; PyTorch computes in float32 too.
    x = input.astype(jnp.float32) if jnp.finfo(input.dtype).bits < 32 else input
    if approximate == "tanh":
        share = jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x))
    else:
        share = jax.lax.erf(x * math.sqrt(0.5))
    return (0.5 * x * (1.0 + share)).astype(input.dtype)


@operation("torch", "Tensor", "nn.functional", grad_fn="HardshrinkBackward0")
def hardshrink(input: jax.Array, lambd: float = 0.5) -> jax.Array:
    """Input outside [-lambd, lambd], 0 within."""
    return jnp.where((input >= -lambd) & (input <= lambd), _like(input, 0), input)


@operation("nn.functional", grad_fn="SoftshrinkBackward0")
def softshrink(input: jax.Array, lambd: float = 0.5) -> jax.Array:
    """Input moved towards 0 by lambd, 0 within [-lambd, lambd]. Raises RuntimeError for a negative lambd."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambda must be greater or equal to 0, but found to be {lambd}.")
    below = jnp.where(input < -lambd, input + lambd, input)
    within = (input >= -lambd) & (input <= lambd)
    return jnp.where(input > lambd, input - lambd, jnp.where(within, _like(input, 0), below))


@operation("nn.functional", grad_fn="SubBackward0")
def tanhshrink(input: jax.Array) -> jax.Array:
    """Input - tanh(input)."""
    input = to_floating(input)
    return input - jnp.tanh(input)


@operation("nn.functional", grad_fn="DivBackward0")
def softsign(input: jax.Array) -> jax.Array:
    """input / (1 + |input|)."""
    input = to_floating(input)
    return input / (1 + jnp.abs(input)).astype(input.dtype)


@operation("nn.functional", grad_fn="SoftplusBackward0")
@once_rounded
def softplus(input: jax.Array, beta: float = 1.0, threshold: float = 20.0) -> jax.Array:
    """log(1 + exp(beta * input)) / beta; input itself where beta * input is above the threshold."""
    linear = input * beta > threshold
    small = jnp.where(linear, _like(input, 0), input)
    return jnp.where(linear, input, jnp.log1p(jnp.exp(small * beta)) / beta)


@operation("nn.functional", in_place=True, grad_fn="HardsigmoidBackward0")
@once_rounded
def hardsigmoid(input: jax.Array) -> jax.Array:
    """min(max(input + 3, 0), 6) / 6."""
    outside = jax.lax.stop_gradient(jnp.clip(input + 3, 0, 6))
    return jnp.where((input > -3) & (input < 3), input + 3, outside) / 6


@operation("nn.functional", in_place=True, grad_fn="SiluBackward0")
@once_rounded
def silu(input: jax.Array) -> jax.Array:
    """input * sigmoid(input)."""
    return input * jax.nn.sigmoid(input)


@operation("nn.functional", in_place=True, grad_fn="MishBackward0")
@once_rounded
def mish(input: jax.Array) -> jax.Array:
    """input * tanh(softplus(input))."""
    return input * jnp.tanh(softplus(input))


@operation("nn.functional", in_place=True, grad_fn="HardswishBackward0")
@once_rounded
def hardswish(input: jax.Array) -> jax.Array:
    """input * min(max(input + 3, 0), 6) / 6."""
    inner = jnp.where(jnp.abs(input) < 3, input, _like(input, 0))
    low = jnp.where(input <= -3, input * 0, inner * (inner + 3) / 6)
    return jnp.where(input < 3, low, input)


def _softmax_dim(name: str, ndim: int, dim: int | None) -> int:
    if dim is None:
        warn(
            f"Implicit dimension choice for {name} has been deprecated. "
            "Change the call to include dim=X as an argument.",
        )
        dim = 0 if ndim in (0, 1, 3) else 1
    return canonical_dim(dim, ndim)


def _along(function: Any, input: jax.Array, dim: int) -> jax.Array:
    if input.size == 0:
        return input
    return function(input, axis=dim) if input.ndim else function(input[None], axis=0)[0]


def _cast(function: str, input: jax.Array, dtype: DTypeLike | None) -> jax.Array:
    if dtype is None:
        return input
    if not jnp.issubdtype(dtype, jnp.inexact):
        name = scalar_name(canonical(dtype))
        raise NotImplementedError(f"\"{function}_kernel_impl\" not implemented for '{name}'")
    return input.astype(dtype)


@operation("torch", "Tensor", "nn.functional", grad_fn="SoftmaxBackward0")
def softmax(input: jax.Array, dim: int | None = None, dtype: DTypeLike | None = None) -> jax.Array:
    """exp(input) over its sum along `dim`, after a cast to `dtype` if given.

    Without `dim` it warns and takes dimension 0 of inputs of 0, 1 or 3 dimensions, otherwise 1.
    """
    dim = _softmax_dim("softmax", input.ndim, dim)
    return _along(shares, _cast("softmax", input, dtype), dim)


@operation("torch", "Tensor", "nn.functional", grad_fn="LogSoftmaxBackward0")
@once_rounded
def log_softmax(input: jax.Array, dim: int | None = None, dtype: DTypeLike | None = None) -> jax.Array:
    """Logarithm of softmax; arguments as there."""
    dim = _softmax_dim("log_softmax", input.ndim, dim)
    return _along(jax.nn.log_softmax, _cast("log_softmax", input, dtype), dim)


@operation("nn.functional", grad_fn="SoftmaxBackward0")
def softmin(input: jax.Array, dim: int | None = None, dtype: DTypeLike | None = None) -> jax.Array:
    """softmax(-input); arguments as there."""
    dim = _softmax_dim("softmin", input.ndim, dim)
    return softmax(-input, dim, dtype)


@operation("nn.functional", grad_fn="SoftmaxBackward0")
def gumbel_softmax(
    logits: jax.Array,
    tau: float = 1,
    hard: bool = False,
    eps: float = 1e-10,
    dim: int = -1,
    *,
    key: Any = None,
) -> jax.Array:
    """Samples of the Gumbel-softmax distribution: softmax((logits + Gumbel noise) / tau).

    With `hard` the result is one-hot, its derivative that of the soft sample. `eps` has no effect, as in
    PyTorch.
    """
    if key is None:
        raise ValueError("gumbel_softmax: it draws noise: give key=jax.random.key(...)")
    gumbel = -jnp.log(as_source(key).exponential(logits.shape, 1.0, logits.dtype))
    soft = softmax((logits + gumbel) / tau, dim)
    if not hard:
        return soft
    size = logits.shape[dim]
    best = jax.nn.one_hot(jnp.argmax(soft, axis=dim), size, dtype=soft.dtype, axis=dim)
    return best - jax.lax.stop_gradient(soft) + soft
