"""Losses with margins: of ranking, of embeddings, and of classifiers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.activation import logsigmoid
from fnnet.functional.classification import check_classes
from fnnet.functional.distance import pairwise_distance
from fnnet.functional.dtypes import to_floating
from fnnet.functional.operation import operation
from fnnet.functional.reduced import chosen_reduction, reduced

__all__ = [
    "cosine_embedding_loss",
    "hinge_embedding_loss",
    "margin_ranking_loss",
    "multi_margin_loss",
    "multilabel_margin_loss",
    "multilabel_soft_margin_loss",
    "soft_margin_loss",
    "triplet_margin_loss",
    "triplet_margin_with_distance_loss",
]


def _not_below_zero(x: jax.Array) -> jax.Array:
    """max(x, 0) with PyTorch's derivative of clamp: 1 at 0."""
    return jnp.where(x < 0, jnp.zeros_like(x), x)


def _above_zero(x: jax.Array) -> jax.Array:
    """max(x, 0) with derivative 0 at 0."""
    return jnp.where(x > 0, x, jnp.zeros_like(x))


@operation("nn.functional", grad_fn="MeanBackward0", promote=("input1", "input2", "target"))
def margin_ranking_loss(
    input1: jax.Array,
    input2: jax.Array,
    target: jax.Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """max(0, -target (input1 - input2) + margin), target 1 or -1. Raises RuntimeError for unequal
    dimensions.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape}"
        )
    if jnp.issubdtype(target.dtype, jnp.integer):  # JAX may be set to mix no kinds
        target = target.astype(input1.dtype)
    product = to_floating(-target * (input1 - input2))
    return reduced(_not_below_zero(product + margin), reduction)


@operation("nn.functional", grad_fn="MeanBackward0")
def hinge_embedding_loss(
    input: jax.Array,
    target: jax.Array,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Input where target is 1, max(0, margin - input) where it is -1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    zero = jnp.zeros((), input.dtype)
    far = jnp.where(target != 1, _not_below_zero(margin - input), zero)
    return reduced(far + jnp.where(target != -1, input, zero), reduction)


@operation("nn.functional", grad_fn="MeanBackward0")
def cosine_embedding_loss(
    input1: jax.Array,
    input2: jax.Array,
    target: jax.Array,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """1 - cos where target is 1, max(0, cos - margin) where it is -1; inputs (N, D) or (D,), target (N,) or
    ().
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if target.ndim > 1 or not input1.ndim == input2.ndim == target.ndim + 1:
        raise RuntimeError(
            f"cosine_embedding_loss: {target.ndim}D target tensor expects {target.ndim + 1}D input "
            "tensors, but "
            f"found inputs with sizes {list(input1.shape)} and {list(input2.shape)}."
        )
    input1, input2 = to_floating(input1), to_floating(input2)
    dots = jnp.sum(input1 * input2, axis=-1)
    squares = [jnp.sum(x * x, axis=-1) + 1e-12 for x in (input1, input2)]
    cosine = dots / jnp.sqrt(squares[0] * squares[1])
    zero = jnp.zeros((), cosine.dtype)
    near = jnp.where(target == 1, 1 - cosine, zero)
    return reduced(near + jnp.where(target == -1, _not_below_zero(cosine - margin), zero), reduction)


@operation("nn.functional", grad_fn="SoftMarginLossBackward0")
def soft_margin_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """log(1 + exp(-target input))."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return reduced(jnp.log1p(jnp.exp(-target * input)), reduction)


@operation("nn.functional", grad_fn="MeanBackward0")
def multilabel_soft_margin_loss(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Mean over the classes of binary cross-entropies with logits; input and target (..., C)."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    target = target.astype(input.dtype)
    losses = -(target * logsigmoid(input) + (1 - target) * logsigmoid(-input))
    if weight is not None:
        losses = losses * weight
    return reduced(losses.sum(axis=-1) / input.shape[-1], reduction)


def _check_rows(name: str, input: jax.Array) -> None:
    if input.ndim > 2 or (input.ndim and input.shape[-1] == 0):
        raise RuntimeError(
            f"{name}: Expected non-empty vector or matrix with optional 0-dim batch size, but got: "
            f"{list(input.shape)}"
        )


@operation("nn.functional", grad_fn="MultiMarginLossBackward0")
def multi_margin_loss(
    input: jax.Array,
    target: jax.Array,
    p: int = 1,
    margin: float = 1.0,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Mean over the other classes of max(0, margin - input[target] + input)^p; input (N, C) or (C,).

    `weight` (C,) multiplies by the target's. Raises ValueError for p other than 1 and 2, IndexError for a
    class out of bounds (NaN inside jit).
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: only p == 1 and p == 2 supported, got {p}")
    _check_rows("multi_margin_loss", input)
    scores = jnp.atleast_2d(input)
    classes = scores.shape[-1]
    labels = target.reshape(-1)
    if labels.shape != scores.shape[:1]:
        raise RuntimeError(
            f"multi_margin_loss: inconsistent target size, expected {scores.shape[0]} but got "
            f"{list(target.shape)}"
        )
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"multi_margin_loss: weight must be one-dimensional, got {list(weight.shape)}")
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"multi_margin_loss: inconsistent weight size, expected {classes} but got {list(weight.shape)}"
        )
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise RuntimeError(
            "multi_margin_loss: expected scalar type Long (an integer dtype) for target but found "
            f"{target.dtype}"
        )
    check_classes("multi_margin_loss", target, classes)
    at_target = jnp.take_along_axis(scores, labels[:, None], axis=1, mode="fill", fill_value=jnp.nan)
    losses = _above_zero(margin - at_target + scores) ** p
    if weight is not None:
        losses = losses * weight[labels][:, None]
    others = jnp.arange(classes) != labels[:, None]
    rows = jnp.where(others, losses, jnp.zeros_like(losses)).sum(axis=1) / classes
    return reduced(rows if input.ndim == 2 else rows[0], reduction)


@operation("nn.functional", grad_fn="MultilabelMarginLossBackward0")
def multilabel_margin_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Sum over labels and other classes of max(0, 1 - (input[label] - input[other])) / C; input (N, C) or
    (C,).

    A row of the target lists the labels and ends with -1. Raises IndexError for a class out of bounds.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _check_rows("multilabel_margin_loss", input)
    if input.shape != target.shape:
        raise RuntimeError(
            f"multilabel_margin_loss: inconsistent target size: {list(target.shape)} for input of size: "
            f"{list(input.shape)}"
        )
    scores, labels = jnp.atleast_2d(input), jnp.atleast_2d(target)
    classes = scores.shape[-1]
    check_classes("multilabel_margin_loss", target, classes, ignore_index=-1)
    listed = jnp.cumsum(labels < 0, axis=1) == 0
    index = jnp.where(listed, labels, 0)
    wanted = (listed[..., None] & (index[..., None] == jnp.arange(classes))).any(axis=1)
    at_labels = jnp.take_along_axis(scores, index, axis=1)
    losses = _above_zero(1 - at_labels[..., None] + scores[:, None, :])
    counted = listed[..., None] & ~wanted[:, None, :]
    rows = jnp.where(counted, losses, jnp.zeros_like(losses)).sum(axis=(1, 2)) / classes
    return reduced(rows if input.ndim == 2 else rows[0], reduction)


def _triplet(
    distance: Callable[[jax.Array, jax.Array], jax.Array],
    anchor: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    margin: float,
    swap: bool,
    reduction: str,
) -> jax.Array:
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            "dimensions, but "
            f"got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative {negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = jnp.minimum(far, distance(positive, negative))
    return reduced(_not_below_zero(margin + near - far), reduction)


@operation("nn.functional", grad_fn="MeanBackward0")
def triplet_margin_loss(
    anchor: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """max(0, margin + |anchor - positive| - |anchor - negative|) with p-norms along the last dimension.

    With `swap` the second distance is the smaller of anchor's and positive's to negative.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)

    def distance(x: jax.Array, y: jax.Array) -> jax.Array:
        return pairwise_distance(x, y, p, eps)

    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


@operation("nn.functional", grad_fn="MeanBackward0")
def triplet_margin_with_distance_loss(
    anchor: jax.Array,
    positive: jax.Array,
    negative: jax.Array,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> jax.Array:
    """As triplet_margin_loss, by any distance (pairwise_distance unless given)."""
    reduction = chosen_reduction(None, None, reduction)
    distance = distance_function or pairwise_distance
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)
