"""`tf.nn`: activations, losses, and what else networks are made of."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow import arrays, mathematics, random_ops
from fnnet.tensorflow.errors import not_mirrored
from fnnet.tensorflow.graph import Tensor, get_default_graph
from fnnet.tensorflow.operation import convert_to_tensor, operation


def _bias_add(value: Any, bias: Any, data_format: Any = None) -> Any:
    if data_format not in (None, "NHWC", "N...C"):
        raise not_mirrored(f"data_format={data_format!r}")
    if bias.shape != value.shape[-1:]:
        raise ValueError(
            f"Must provide as many biases as the last dimension of the input tensor: {bias.shape}"
        )
    return value + bias


@jax.custom_jvp
def _cross_entropy(labels: jax.Array, logits: jax.Array) -> jax.Array:
    return -jnp.sum(labels * jax.nn.log_softmax(logits, -1), -1)


@_cross_entropy.defjvp
def _cross_entropy_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """TensorFlow's derivative by the logits is softmax - labels, whatever the labels sum to."""
    (labels, logits), (by_labels, by_logits) = primals, tangents
    slope = jnp.sum((jax.nn.softmax(logits, -1) - labels) * by_logits, -1)
    return _cross_entropy(labels, logits), slope - jnp.sum(jax.nn.log_softmax(logits, -1) * by_labels, -1)


def _same_shape(labels: Any, logits: Any) -> None:
    if logits.shape != labels.shape:
        raise ValueError(f"logits and labels must have the same shape, got {logits.shape} and {labels.shape}")


def _softmax_loss(*, labels: Any, logits: Any, axis: Any = -1) -> Any:
    _same_shape(labels, logits)
    return _cross_entropy(jnp.moveaxis(labels, int(axis), -1), jnp.moveaxis(logits, int(axis), -1))


def _fixed_labels(*, labels: Any, logits: Any, axis: Any = -1) -> Any:
    return _softmax_loss(labels=jax.lax.stop_gradient(labels), logits=logits, axis=axis)


def _index_loss(*, labels: Any = None, logits: Any) -> Any:
    if labels.ndim != logits.ndim - 1:
        ranks = f"labels of rank {labels.ndim} and logits of rank {logits.ndim}"
        raise ValueError(f"`labels.shape.rank` must equal `logits.shape.rank - 1`. Received: {ranks}")
    return -jnp.take_along_axis(jax.nn.log_softmax(logits, -1), jnp.asarray(labels)[..., None], -1)[..., 0]


def _outside(*, labels: Any, logits: Any) -> Any:
    return (labels < 0) | (labels >= logits.shape[-1]), labels, logits.shape[-1]


def _sigmoid_loss(*, labels: Any, logits: Any) -> Any:
    _same_shape(labels, logits)
    return F.relu(logits) - logits * labels + jnp.log1p(jnp.exp(-F.abs(logits)))


def _sizes(value: Any, data_format: str) -> tuple[int, ...]:
    if data_format != "NHWC":
        raise not_mirrored(f"data_format={data_format!r}")
    return (value, value) if isinstance(value, int) else tuple(value[1:3] if len(value) == 4 else value)


def _convolved(
    input: Any, filter: Any, strides: Any = 1, padding: Any = "", use_cudnn_on_gpu: bool = True,
    data_format: Any = "NHWC", dilations: Any = 1,
) -> Any:  # fmt: skip
    (steps, apart), names = (_sizes(n, data_format) for n in (strides, dilations)), ("NHWC", "HWIO", "NHWC")
    borders = padding if isinstance(padding, str) else [tuple(pair) for pair in padding][1:3]
    return jax.lax.conv_general_dilated(
        input, filter, steps, borders, rhs_dilation=apart, dimension_numbers=names
    )


def _looked_up(params: Any, ids: Any, partition_strategy: str = "mod") -> Any:
    return jnp.take(params, jnp.asarray(ids), 0)


def _largest(
    value: Any, ksize: Any = 1, strides: Any = 1, padding: Any = "", data_format: Any = "NHWC"
) -> Any:
    window, steps = ((1, *_sizes(each, data_format), 1) for each in (ksize, strides))
    return jax.lax.reduce_window(value, -np.inf, jax.lax.max, window, steps, padding)


sigmoid, tanh = mathematics.sigmoid, mathematics.tanh
_IDS: Any = ("ids", arrays._outside, arrays._INDEX[2])
embedding_lookup = operation("GatherV2", _looked_up, name="embedding_lookup", check=_IDS)
relu = operation("Relu", F.relu, "features")
relu6 = operation("Relu6", F.relu6, "features")
elu = operation("Elu", F.elu, "features")
softplus = operation("Softplus", jax.nn.softplus, "features")
leaky_relu = operation("LeakyRelu", lambda features, alpha=0.2: F.leaky_relu(features, alpha))
softmax = operation("Softmax", lambda logits, axis=-1: F.softmax(logits, int(axis)))
log_softmax = operation("LogSoftmax", lambda logits, axis=-1: F.log_softmax(logits, int(axis)))
bias_add = operation("BiasAdd", _bias_add)
l2_loss = operation("L2Loss", lambda t: jnp.sum(t * t) / 2)
conv2d = operation("Conv2D", _convolved)
max_pool = operation("MaxPool", _largest)
_NAMES = "softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits_sg"
softmax_cross_entropy_with_logits_v2 = operation(
    "SoftmaxCrossEntropyWithLogits", _softmax_loss, name=_NAMES[0]
)
softmax_cross_entropy_with_logits = operation("SoftmaxCrossEntropyWithLogits", _fixed_labels, name=_NAMES[1])
sigmoid_cross_entropy_with_logits = operation("SigmoidCrossEntropy", _sigmoid_loss, name="logistic_loss")
_RANGE: Any = (
    "labels",
    _outside,
    "Received a label value of {1} which is outside the valid range of [0, {2}).",
)
sparse_softmax_cross_entropy_with_logits = operation(
    "SparseSoftmaxCrossEntropyWithLogits", _index_loss, check=_RANGE
)
_kept = operation("SelectV2", lambda condition, x: jnp.where(condition, x, jnp.zeros_like(x)))


def dropout(
    x: Any, keep_prob: Any = None, noise_shape: Any = None, seed: Any = None, name: Any = None,
    rate: Any = None,
) -> Tensor:  # fmt: skip
    """Each number becomes 0 with probability `rate` (1 - keep_prob); the others are divided by 1 - rate."""
    if rate is None and keep_prob is None:
        raise ValueError("You must provide a rate to dropout.")
    rate = 1 - keep_prob if rate is None else rate
    fixed = not isinstance(rate, Tensor)
    if fixed and not 0 <= rate < 1:
        raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate}")
    with get_default_graph().name_scope(name or "dropout"):
        x, rate = convert_to_tensor(x, name="x"), rate if fixed else arrays.reshape(rate, ())
        if fixed and rate == 0:
            return x
        shape = arrays.shape(x) if noise_shape is None else noise_shape
        return _kept(random_ops.random_uniform(shape, seed=seed, dtype=x.dtype) >= rate, x * (1 / (1 - rate)))
