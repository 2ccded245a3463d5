"""`tf.nn`: activations, losses, and what else networks are made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow import arrays, random_ops
from fnnet.tensorflow.arrays import gather as embedding_lookup
from fnnet.tensorflow.declare import operation
from fnnet.tensorflow.errors import Mismatch, in_brackets
from fnnet.tensorflow.graph import Operators, Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.mathematics import sigmoid as sigmoid
from fnnet.tensorflow.mathematics import tanh as tanh


def _bias_add(value: Any, bias: Any, data_format: str | None = None) -> Any:
    first = (data_format or "").startswith("NC")
    if bias.shape != value.shape[1 if first else -1 :][:1]:
        both = f"{in_brackets(bias)} and {in_brackets(value)}"
        raise Mismatch(f"Must provide as many biases as the channel dimension of the input tensor: {both}")
    return value + (bias.reshape(-1, *(1,) * (value.ndim - 2)) if first else bias)


def _moments(x: Any, axes: Any = (), shift: Any = None, *, keepdims: bool = False) -> Any:
    over = tuple(np.ravel(axes).tolist())
    return [jnp.mean(x, over, keepdims=keepdims), jnp.var(x, over, keepdims=keepdims)]


def _l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12) -> Any:
    squares = jnp.sum(x * x, None if axis is None else tuple(np.ravel(axis).tolist()), keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, np.asarray(epsilon, x.dtype)))


def _in_top_k(predictions: Any, targets: Any, k: int = 1) -> Any:
    inside = (targets >= 0) & (targets < predictions.shape[1])
    own = jnp.take_along_axis(predictions, targets[:, None], 1, mode="clip")
    return (jnp.sum(predictions > own, 1) < k) & jnp.isfinite(own[:, 0]) & inside


@jax.custom_jvp
def _cross_entropy(labels: jax.Array, logits: jax.Array) -> jax.Array:
    return -jnp.sum(labels * jax.nn.log_softmax(logits, -1), -1)


@_cross_entropy.defjvp
def _cross_entropy_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """TensorFlow's derivative by the logits is softmax - labels, whatever the labels sum to."""
    (labels, logits), (by_labels, by_logits) = primals, tangents
    slope = jnp.sum((jax.nn.softmax(logits, -1) - labels) * by_logits, -1)
    return _cross_entropy(labels, logits), slope - jnp.sum(jax.nn.log_softmax(logits, -1) * by_labels, -1)


def _softmax_loss(labels: Any, logits: Any, axis: Any = -1) -> Any:
    if logits.shape != labels.shape:
        both = f"logits_size={in_brackets(logits)} labels_size={in_brackets(labels)}"
        raise Mismatch(f"logits and labels must be broadcastable: {both}")
    return _cross_entropy(jnp.moveaxis(labels, int(axis), -1), jnp.moveaxis(logits, int(axis), -1))


def _index_loss(*, labels: Any, logits: Any) -> Any:
    if labels.ndim != logits.ndim - 1:
        received = f"labels.shape={labels.shape} of rank {labels.ndim} and logits.shape={logits.shape}"
        rule = "`labels.shape.rank` must equal `logits.shape.rank - 1`"
        raise Mismatch(f"{rule}. Received: {received} of rank {logits.ndim}")
    return -jnp.take_along_axis(jax.nn.log_softmax(logits, -1), labels[..., None], -1)[..., 0]


def _sigmoid_loss(*, labels: Any, logits: Any) -> Any:
    if logits.shape != labels.shape:
        shapes = f"({logits.shape} vs {labels.shape})"
        raise Mismatch(f"`logits` and `labels` must have the same shape, received {shapes}.")
    return F.relu(logits) - logits * labels + jnp.log1p(jnp.exp(-F.abs(logits)))


def _pair(value: Any, data_format: str) -> tuple[int, ...]:
    if isinstance(value, int):
        return value, value
    at = 0 if len(value) == 2 else 2 if data_format == "NCHW" else 1
    return tuple(value[at : at + 2])


def _convolved(
    input: Any,
    filter: Any,
    strides: Any = 1,
    padding: Any = "",
    *,
    data_format: str = "NHWC",
    dilations: Any = 1,
) -> Any:
    steps, apart = _pair(strides, data_format), _pair(dilations, data_format)
    names = (data_format, "HWIO", data_format)
    return jax.lax.conv_general_dilated(input, filter, steps, padding, None, apart, names)


def _windows(start: float, join: Any) -> Any:
    def pooled(
        value: Any, ksize: Any = 1, strides: Any = 1, padding: Any = "", data_format: str = "NHWC"
    ) -> Any:
        first, pairs = data_format == "NCHW", [_pair(each, data_format) for each in (ksize, strides)]
        window, steps = ((1, 1, *pair) if first else (1, *pair, 1) for pair in pairs)
        return jax.lax.reduce_window(value, start, join, window, steps, padding)

    return pooled


def _mean(value: Any, ksize: Any = 1, strides: Any = 1, padding: Any = "", data_format: str = "NHWC") -> Any:
    total, options = _windows(0.0, jax.lax.add), (ksize, strides, padding, data_format)
    return total(value, *options) / total(jnp.ones_like(value), *options)


def _outside(*, labels: Any, logits: Any) -> Any:
    return (labels < 0) | (labels >= logits.shape[-1]), labels, logits.shape[-1]


_LABELS = ("labels", _outside, "Received a label value of {1} which is outside the valid range of [0, {2}).")

relu = operation("Relu", F.relu, arguments="features")
relu6 = operation("Relu6", F.relu6, arguments="features")
elu = operation("Elu", F.elu, arguments="features")
selu = operation("Selu", F.selu, arguments="features")
softplus = operation("Softplus", jax.nn.softplus, arguments="features")
softsign = operation("Softsign", F.softsign, arguments="features")
swish = silu = operation("swish", F.silu, arguments="features")
leaky_relu = operation("LeakyRelu", lambda features, alpha=0.2: F.leaky_relu(features, alpha))
softmax = operation("Softmax", lambda logits, axis=-1: F.softmax(logits, int(axis)))
log_softmax = operation("LogSoftmax", lambda logits, axis=-1: F.log_softmax(logits, int(axis)))
bias_add = operation("BiasAdd", _bias_add)
xw_plus_b = operation("BiasAdd", lambda x, weights, biases: jnp.matmul(x, weights) + biases, "xw_plus_b")
l2_loss = operation("L2Loss", lambda t: jnp.sum(t * t) / 2)
l2_normalize = operation("L2Normalize", _l2_normalize, "l2_normalize")
moments = operation("Moments", _moments, "moments", several=True)
in_top_k = operation("InTopKV2", _in_top_k, "in_top_k")
conv2d = operation("Conv2D", _convolved)
max_pool = operation("MaxPool", _windows(-np.inf, jax.lax.max))
avg_pool = operation("AvgPool", _mean)
softmax_cross_entropy_with_logits_v2 = operation(
    "SoftmaxCrossEntropyWithLogits", _softmax_loss, "softmax_cross_entropy_with_logits/Reshape_2"
)
softmax_cross_entropy_with_logits = operation(
    "SoftmaxCrossEntropyWithLogits",
    lambda *, labels, logits, axis=-1: _softmax_loss(jax.lax.stop_gradient(labels), logits, axis),
    "softmax_cross_entropy_with_logits_sg/Reshape_2",
)
sigmoid_cross_entropy_with_logits = operation("SigmoidCrossEntropy", _sigmoid_loss, "logistic_loss")
sparse_softmax_cross_entropy_with_logits = operation(
    "SparseSoftmaxCrossEntropyWithLogits",
    _index_loss,
    "SparseSoftmaxCrossEntropyWithLogits/SparseSoftmaxCrossEntropyWithLogits",
    apart={"labels"},
    guarded=_LABELS,
)
embedding_lookup = embedding_lookup
_kept = operation("SelectV2", lambda condition, x: jnp.where(condition, x, jnp.zeros_like(x)))


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: Any = None,
    name: Any = None,
    rate: Any = None,
) -> Tensor:
    """Each number becomes 0 with probability `rate` (1 - keep_prob); the others are divided by 1 - rate."""
    if rate is None and keep_prob is None:
        raise ValueError("You must provide a rate to dropout.")
    rate = 1 - keep_prob if rate is None else rate
    fixed = not isinstance(rate, Operators)
    if fixed and not 0 <= rate < 1:
        raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate}")
    with get_default_graph().name_scope(name or "dropout"):
        x = convert_to_tensor(x, name="x")
        if fixed and rate == 0:
            return x
        larger = x * np.asarray(1 / (1 - rate), x.dtype.as_numpy_dtype) if fixed else x * (1 / (1 - rate))
        shape = arrays.shape(x) if noise_shape is None else noise_shape
        kept = _kept(random_ops.random_uniform(shape, seed=seed, dtype=x.dtype) >= rate, larger)
        kept.set_shape(x.shape)
        return kept
