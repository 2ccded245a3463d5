"""`tf.nn`: activations, losses, and what else networks are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.tensorflow import arrays, mathematics, random_ops
from fnnet.tensorflow.apply import apply, elementwise
from fnnet.tensorflow.graph import Tensor, convert_to_tensor, get_default_graph
from fnnet.tensorflow.mismatch import Mismatch, sizes

sigmoid, tanh = mathematics.sigmoid, mathematics.tanh


def _activation(type: str, function: Callable[..., Any]) -> Callable[..., Tensor]:
    return elementwise(type, function, type, "features")


relu = _activation("Relu", F.relu)
relu6 = _activation("Relu6", F.relu6)
elu = _activation("Elu", F.elu)
selu = _activation("Selu", F.selu)
softplus = _activation("Softplus", jax.nn.softplus)
softsign = _activation("Softsign", F.softsign)
swish = silu = _activation("swish", F.silu)


def leaky_relu(features: Any, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """max(x, alpha x)."""
    return apply("LeakyRelu", lambda x: F.leaky_relu(x, alpha), [("features", features)], name)


def _over_axis(type: str, function: Callable[..., Any]) -> Callable[..., Tensor]:
    def normalised(
        logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
    ) -> Tensor:
        at = dim if axis is None else axis
        return apply(type, lambda x: function(x, -1 if at is None else at), [("logits", logits)], name)

    normalised.__doc__ = f"TensorFlow's {type} along `axis`, the last unless given."
    return normalised


softmax = _over_axis("Softmax", F.softmax)
log_softmax = _over_axis("LogSoftmax", F.log_softmax)


def bias_add(value: Any, bias: Any, data_format: str | None = None, name: str | None = None) -> Tensor:
    """A bias of one axis added to the last axis (to axis 1 with "NCHW")."""
    first = data_format is not None and data_format.startswith("NC")

    def added(x: jax.Array, bias: jax.Array) -> jax.Array:
        return x + (bias.reshape(-1, *(1,) * (x.ndim - 2)) if first else bias)

    return apply("BiasAdd", added, [("value", value), ("bias", bias)], name)


def xw_plus_b(x: Any, weights: Any, biases: Any, name: str | None = None) -> Tensor:
    """x @ weights + biases."""
    with get_default_graph().name_scope(name or "xw_plus_b") as scope:
        return bias_add(mathematics.matmul(x, weights), biases, name=scope)


def l2_loss(t: Any, name: str | None = None) -> Tensor:
    """Half the sum of squares."""
    return apply("L2Loss", lambda t: jnp.sum(t * t) / 2, [("t", t)], name)


@jax.custom_jvp
def _cross_entropy(logits: jax.Array, labels: jax.Array) -> jax.Array:
    return -jnp.sum(labels * jax.nn.log_softmax(logits, -1), -1)


@_cross_entropy.defjvp
def _cross_entropy_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    """TensorFlow's derivative by the logits is softmax - labels, whatever the labels sum to."""
    (logits, labels), (by_logits, by_labels) = primals, tangents
    slope = jnp.sum((jax.nn.softmax(logits, -1) - labels) * by_logits, -1)
    return _cross_entropy(logits, labels), slope - jnp.sum(jax.nn.log_softmax(logits, -1) * by_labels, -1)


def softmax_cross_entropy_with_logits_v2(
    labels: Any, logits: Any, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """- sum(labels * log_softmax(logits)) along the last axis. Gradients flow to both."""
    given_axis = axis if dim is None else dim
    at = -1 if given_axis is None else given_axis

    def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
        if logits.shape != labels.shape:
            both = f"logits_size={sizes(logits)} labels_size={sizes(labels)}"
            words = f"logits and labels must be broadcastable: {both}"
            raise Mismatch(words, words)
        return _cross_entropy(jnp.moveaxis(logits, at, -1), jnp.moveaxis(labels, at, -1))

    with get_default_graph().name_scope(name or "softmax_cross_entropy_with_logits"):
        given = [("logits", logits), ("labels", labels)]
        return apply("SoftmaxCrossEntropyWithLogits", loss, given, "Reshape_2")


def softmax_cross_entropy_with_logits(
    _sentinel: Any = None,
    labels: Any = None,
    logits: Any = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Tensor:
    """The same, with no gradient to the labels."""
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "Only call `softmax_cross_entropy_with_logits` with named arguments (labels=..., logits=..., ...)"
        )
    with get_default_graph().name_scope(name or "softmax_cross_entropy_with_logits_sg") as scope:
        fixed = arrays.stop_gradient(labels, name="labels_stop_gradient")
        return softmax_cross_entropy_with_logits_v2(fixed, logits, axis if axis is not None else dim, scope)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """- log_softmax(logits) at the integer labels."""
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "Only call `sparse_softmax_cross_entropy_with_logits` with named arguments (labels=..., "
            "logits=..., ...)"
        )
    with get_default_graph().name_scope(name or "SparseSoftmaxCrossEntropyWithLogits"):
        labels, logits = convert_to_tensor(labels), convert_to_tensor(logits)
        ranks = labels.shape.ndims, logits.shape.ndims
        if None not in ranks and ranks[0] != ranks[1] - 1:
            raise ValueError(
                "`labels.shape.rank` must equal `logits.shape.rank - 1`. Received: "
                f"labels.shape={labels.shape} of rank {ranks[0]} and logits.shape={logits.shape} of rank "
                f"{ranks[1]}"
            )

        def loss(logits: jax.Array, labels: jax.Array) -> jax.Array:
            # a label out of range gives NaN, as TensorFlow's kernels on a GPU do
            found = jnp.take_along_axis(
                jax.nn.log_softmax(logits, -1), labels[..., None], -1, mode="fill", fill_value=jnp.nan
            )
            return -found[..., 0]

        given = [("features", logits), ("labels", labels)]
        return apply(
            "SparseSoftmaxCrossEntropyWithLogits",
            loss,
            given,
            "SparseSoftmaxCrossEntropyWithLogits",
            same=False,
        )


def sigmoid_cross_entropy_with_logits(
    _sentinel: Any = None, labels: Any = None, logits: Any = None, name: str | None = None
) -> Tensor:
    """max(x, 0) - x z + log(1 + exp(-|x|)) for logits x and labels z."""
    if _sentinel is not None or labels is None or logits is None:
        raise ValueError(
            "Only call `sigmoid_cross_entropy_with_logits` with named arguments (labels=..., logits=..., ...)"
        )

    def loss(x: jax.Array, z: jax.Array) -> jax.Array:
        if x.shape != z.shape:
            words = f"`logits` and `labels` must have the same shape, received ({x.shape} vs {z.shape})."
            raise Mismatch(words, words)
        return F.relu(x) - x * z + jnp.log1p(jnp.exp(-F.abs(x)))

    given = [("logits", logits), ("labels", labels)]
    return apply("SigmoidCrossEntropy", loss, given, name or "logistic_loss")


def dropout(
    x: Any,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: Any = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Each number becomes 0 with probability `rate` (1 - keep_prob); the others are divided by 1 - rate."""
    if rate is None and keep_prob is None:
        raise ValueError("You must provide a rate to dropout.")
    if rate is None:
        rate = 1 - keep_prob
    if isinstance(rate, int | float) and not 0 <= rate < 1:
        raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate}")
    graph = get_default_graph()
    with graph.name_scope(name or "dropout"):
        x = convert_to_tensor(x, name="x")
        if isinstance(rate, int | float) and rate == 0:
            return x
        if isinstance(rate, int | float):
            scale: Any = np.asarray(1 / (1 - rate), x.dtype.as_numpy_dtype)
        else:
            rate = convert_to_tensor(rate, x.dtype)
            scale = 1 / (1 - rate)
        larger = mathematics.multiply(x, scale)
        drawn = random_ops.random_uniform(
            arrays.shape(x) if noise_shape is None else noise_shape, seed=seed, dtype=x.dtype
        )
        kept = mathematics.greater_equal(drawn, rate)

        def chosen(x: jax.Array, kept: jax.Array) -> jax.Array:
            return jnp.where(kept, x, jnp.zeros_like(x))

        result = apply("SelectV2", chosen, [("t", larger)], "SelectV2", checked=[("condition", kept)])
        result.set_shape(x.shape)
        return result


def moments(
    x: Any, axes: Any, shift: Any = None, name: str | None = None, keep_dims: Any = None, keepdims: Any = None
) -> tuple[Tensor, Tensor]:
    """The mean and the variance (divided by n) over axes."""
    keep = bool(keep_dims or keepdims)
    with get_default_graph().name_scope(name or "moments"):
        mean = mathematics.reduce_mean(x, axes, keepdims=True, name="mean")
        distance = mathematics.squared_difference(x, arrays.stop_gradient(mean))
        variance = mathematics.reduce_mean(distance, axes, keepdims=True, name="variance")
        return (mean, variance) if keep else (arrays.squeeze(mean, axes), arrays.squeeze(variance, axes))


def l2_normalize(
    x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None
) -> Tensor:
    """x divided by its length along `axis`."""
    over = dim if axis is None else axis
    axes = tuple(over) if isinstance(over, list) else over

    def normalised(x: jax.Array) -> jax.Array:
        squares = jnp.sum(x * x, axes, keepdims=True)
        return x * jax.lax.rsqrt(jnp.maximum(squares, np.asarray(epsilon, x.dtype)))

    return apply("L2Normalize", normalised, [("x", x)], name or "l2_normalize")


def embedding_lookup(params: Any, ids: Any, name: str | None = None, **_: Any) -> Tensor:
    """The rows of `params` at `ids`."""
    return arrays.gather(params, ids, name=name or "embedding_lookup")


def in_top_k(predictions: Any, targets: Any, k: int, name: str | None = None) -> Tensor:
    """Whether the target is among the k largest of its row; equals of the k-th count."""

    def found(scores: jax.Array, targets: jax.Array) -> jax.Array:
        own = jnp.take_along_axis(scores, targets[:, None], 1)
        return jnp.sum(scores > own, 1) < k

    given = [("predictions", predictions), ("targets", targets)]
    return apply("InTopKV2", found, given, name or "in_top_k", same=False, differentiable=False)


def _spatial(value: Any, data_format: str) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    sizes = list(value)
    if len(sizes) == 2:
        return sizes[0], sizes[1]
    return (sizes[2], sizes[3]) if data_format == "NCHW" else (sizes[1], sizes[2])


def conv2d(
    input: Any,
    filter: Any = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Any = None,
) -> Tensor:
    """Convolution of (batch, height, width, channels) with (height, width, in, out)."""
    steps, apart = _spatial(strides, data_format), _spatial(dilations, data_format)

    def convolved(x: jax.Array, w: jax.Array) -> jax.Array:
        return jax.lax.conv_general_dilated(
            x, w, steps, padding, rhs_dilation=apart, dimension_numbers=(data_format, "HWIO", data_format)
        )

    return apply(
        "Conv2D", convolved, [("input", input), ("filter", filter if filters is None else filters)], name
    )


def _pool(type: str, compute: Callable[..., jax.Array]) -> Callable[..., Tensor]:
    def pool(
        value: Any,
        ksize: Any,
        strides: Any,
        padding: str,
        data_format: str = "NHWC",
        name: str | None = None,
        input: Any = None,
    ) -> Tensor:
        size, step = _spatial(ksize, data_format), _spatial(strides, data_format)
        around = (lambda pair: (1, 1, *pair)) if data_format == "NCHW" else (lambda pair: (1, *pair, 1))
        pooled = lambda x: compute(x, around(size), around(step), padding)  # noqa: E731
        return apply(type, pooled, [("input", input if value is None else value)], name)

    pool.__doc__ = f"TensorFlow's {type} over windows; padding SAME or VALID."
    return pool


def _largest(x: jax.Array, size: Any, step: Any, padding: str) -> jax.Array:
    return jax.lax.reduce_window(x, -np.inf, jax.lax.max, size, step, padding)


def _average(x: jax.Array, size: Any, step: Any, padding: str) -> jax.Array:
    total = jax.lax.reduce_window(x, 0.0, jax.lax.add, size, step, padding)
    return total / jax.lax.reduce_window(jnp.ones_like(x), 0.0, jax.lax.add, size, step, padding)


max_pool = _pool("MaxPool", _largest)
avg_pool = _pool("AvgPool", _average)
