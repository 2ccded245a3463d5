"""Losses of classifiers: negative log-likelihood and cross-entropy."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.activation import log_softmax
from fnnet.functional.dtypes import is_integral
from fnnet.functional.linear import linear
from fnnet.functional.operation import operation
from fnnet.functional.reduced import chosen_reduction, reduced

__all__ = ["cross_entropy", "linear_cross_entropy", "nll_loss"]


def _check_weight(name: str, weight: jax.Array | None, classes: int, dtype: Any) -> None:
    if weight is not None and weight.dtype != dtype:
        raise RuntimeError(
            f"{name}: expected scalar type {dtype} (the input's) of weight but found {weight.dtype}"
        )
    if weight is not None and weight.shape != (classes,):
        raise RuntimeError(
            f"{name}: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight tensor of shape: {list(weight.shape)}"
        )


def check_classes(name: str, target: jax.Array, classes: int, ignore_index: int | None = None) -> None:
    """Raise IndexError for a class outside 0 .. classes - 1, where the values are known."""
    if isinstance(target, jax.core.Tracer) or target.size == 0:
        return
    known = np.asarray(target)
    outside = (known < 0) | (known >= classes)
    if ignore_index is not None:
        outside &= known != ignore_index
    if outside.any():
        raise IndexError(f"{name}: Target {known[outside][0]} is out of bounds: expected 0 to {classes - 1}")


def _class_losses(
    name: str,
    log_probabilities: jax.Array,
    target: jax.Array,
    weight: jax.Array | None,
    ignore_index: int,
    smoothing: float,
) -> tuple[jax.Array, jax.Array]:
    """Losses and weights of the shape of the target; log_probabilities (N, C, d...) or (C,)."""
    dim = 1 if log_probabilities.ndim > 1 else 0
    classes = log_probabilities.shape[dim]
    expected = log_probabilities.shape[:dim] + log_probabilities.shape[dim + 1 :]
    if target.shape != expected:
        if target.ndim and expected and target.shape[0] != expected[0]:
            raise ValueError(
                f"{name}: Expected input batch_size ({expected[0]}) to match target batch_size "
                f"({target.shape[0]})."
            )
        raise RuntimeError(
            f"{name}: Expected target size {list(expected)}, got {list(target.shape)} for input of size "
            f"{list(log_probabilities.shape)}"
        )
    if not jnp.issubdtype(target.dtype, jnp.integer):
        raise RuntimeError(
            f"{name}: expected scalar type Long (an integer dtype) for a target of class indices, "
            f"but got {target.dtype}"
        )
    check_classes(name, target, classes, ignore_index)
    counted = target != ignore_index
    index = jnp.where(counted, target, 0)
    weights = jnp.ones(target.shape, log_probabilities.dtype)
    if weight is not None:
        weights = weight[index]
    weights = jnp.where(counted, weights, 0)
    # A class out of bounds can be found only while tracing has not begun; inside jit its loss is NaN.
    at_target = jnp.take_along_axis(
        log_probabilities, jnp.expand_dims(index, dim), axis=dim, mode="fill", fill_value=jnp.nan
    ).squeeze(dim)
    losses = jnp.where(counted, -at_target * weights, 0)
    if smoothing:
        scaled = log_probabilities
        if weight is not None:
            scaled = scaled * weight.reshape(-1, *[1] * (log_probabilities.ndim - dim - 1))
        spread = jnp.where(counted, -scaled.sum(axis=dim), 0)
        losses = losses * (1 - smoothing) + spread * (smoothing / classes)
    return losses, weights


@operation("nn.functional", grad_fn="NllLossBackward0")
def nll_loss(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Minus the log-probability of the target class: input (N, C, d...) or (C,), target (N, d...) or ().

    The mean is weighted by the classes' weights; targets equal to `ignore_index` count in neither sum.
    Raises IndexError for a class out of bounds (inside jit, where it cannot be seen, the loss is NaN),
    RuntimeError or ValueError for shapes and dtypes that do not fit.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if input.ndim == 0:
        raise ValueError("nll_loss: Expected 1 or more dimensions (got 0)")
    _check_weight("nll_loss", weight, input.shape[1 if input.ndim > 1 else 0], input.dtype)
    losses, weights = _class_losses("nll_loss", input, target, weight, ignore_index, 0.0)
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


@operation("nn.functional", grad_fn="NllLossBackward0")
def cross_entropy(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> jax.Array:
    """Cross-entropy between logits and classes: input (N, C, d...) or (C,).

    The target holds class indices, shape (N, d...) or (), or probabilities, the shape and dtype of the input.
    Means, weights, `ignore_index` and errors as nll_loss; the mean over probabilities divides by the number
    of rows. With `label_smoothing` a target is mixed with the uniform distribution.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}"
        )
    if input.ndim == 0:
        raise RuntimeError("cross_entropy: input tensor should be 1D or more, got 0D")
    dim = 1 if input.ndim > 1 else 0
    classes = input.shape[dim]
    _check_weight("cross_entropy", weight, classes, input.dtype)
    log_probabilities = log_softmax(input, dim)
    if target.shape != input.shape or (target.ndim == 0 and jnp.issubdtype(target.dtype, jnp.integer)):
        losses, weights = _class_losses(
            "cross_entropy", log_probabilities, target, weight, ignore_index, label_smoothing
        )
        return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)
    if not jnp.issubdtype(target.dtype, jnp.floating):
        raise RuntimeError(
            "cross_entropy: Expected floating point type for target with class probabilities, got "
            f"{target.dtype}"
        )
    if ignore_index >= 0:
        raise RuntimeError(
            f"cross_entropy: ignore_index is not supported for floating point target, got {ignore_index}"
        )
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    scaled = log_probabilities * target
    if weight is not None:
        scaled = scaled * weight.reshape(-1, *[1] * (input.ndim - dim - 1))
    losses = -scaled.sum(axis=dim)
    if reduction == "mean":
        return losses.sum() / max(input.size // classes, 1) if input.size else losses.sum() / 0.0
    return reduced(losses, reduction)


@operation("nn.functional", grad_fn="NllLossBackward0")
def linear_cross_entropy(
    input: jax.Array,
    linear_weight: jax.Array,
    target: jax.Array,
    *,
    linear_bias: jax.Array | None = None,
    weight: jax.Array | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> jax.Array:
    """Cross-entropy of linear(input, linear_weight, linear_bias), whose further dimensions (C, d...) follow
    C.

    input is (N, in) or (in,), linear_weight (C, d..., in), linear_bias (C, d...). `options`, which in
    PyTorch say how the work is cut up, have no effect.
    """
    if input.ndim not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.ndim}")
    if linear_weight.ndim < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.ndim}")
    classes, *further, features = linear_weight.shape
    if ignore_index is not None and not is_integral(target):
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    if further and input.ndim == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires "
            f"batched input, (N, {features}), got unbatched input with shape {tuple(input.shape)}"
        )
    if linear_bias is not None and linear_bias.shape != (classes, *further):
        raise RuntimeError(f"expected linear_bias shape {(classes, *further)}, got {linear_bias.shape}")
    flat_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = linear(input, linear_weight.reshape(-1, features), flat_bias)
    logits = logits.reshape(*input.shape[:-1], classes, *further)
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(
        logits,
        target,
        weight,
        ignore_index=ignored,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
