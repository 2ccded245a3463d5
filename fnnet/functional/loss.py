"""Losses of regression, of probabilities and of distributions."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.activation import logsigmoid
from fnnet.functional.distance import magnitude, raised_to
from fnnet.functional.operation import operation, warn
from fnnet.functional.reduced import chosen_reduction, reduced

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "gaussian_nll_loss",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "mse_loss",
    "poisson_nll_loss",
    "smooth_l1_loss",
]


def _compared(input: jax.Array, target: jax.Array) -> jax.Array:
    """The difference, with PyTorch's warning where it broadcasts."""
    if input.shape != target.shape:
        warn(
            f"Using a target size (torch.Size({list(target.shape)})) that is different to the input size "
            f"(torch.Size({list(input.shape)})). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
        )
    return input - target


def _weighted(name: str, losses: jax.Array, weight: jax.Array | None, reduction: str) -> jax.Array:
    """The reduction of losses times their weights; the mean is then over weights."""
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != losses.shape:
        raise ValueError(
            f"{name}: Weights and input must have the same size, got {weight.shape} and {losses.shape}"
        )
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)


@operation("nn.functional", grad_fn="MseLossBackward0", promote=("input", "target"))
def mse_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: jax.Array | None = None,
) -> jax.Array:
    """Squared differences; `weight`, of their shape, multiplies them, and the mean is then over weights."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return _weighted("mse_loss", jnp.square(_compared(input, target)), weight, reduction)


@operation("nn.functional", grad_fn="MeanBackward0", promote=("input", "target"))
def l1_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: jax.Array | None = None,
) -> jax.Array:
    """Absolute differences, whose derivative at 0 is 0; `weight` as in mse_loss."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    return _weighted("l1_loss", magnitude(_compared(input, target)), weight, reduction)


@operation("nn.functional", grad_fn="SmoothL1LossBackward0", promote=("input", "target"))
def smooth_l1_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> jax.Array:
    """d^2 / (2 beta) where |d| < beta, |d| - beta / 2 elsewhere, of the differences d."""
    if beta < 0:
        raise RuntimeError(f"smooth_l1_loss does not support negative values for beta, got {beta}")
    reduction = chosen_reduction(size_average, reduce, reduction)
    d = _compared(input, target)
    size = magnitude(d)
    near = size if beta == 0 else 0.5 * jnp.square(d) / beta
    return reduced(jnp.where(size < beta, near, size - 0.5 * beta), reduction)


@operation("nn.functional", grad_fn="HuberLossBackward0", promote=("input", "target"))
def huber_loss(
    input: jax.Array,
    target: jax.Array,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: jax.Array | None = None,
) -> jax.Array:
    """d^2 / 2 where |d| <= delta, delta (|d| - delta / 2) elsewhere, of the differences d."""
    if not isinstance(delta, int | float | jax.Array):
        raise TypeError(f"huber_loss: delta must be a float or int, got: {type(delta)}")
    if delta <= 0:
        raise RuntimeError(f"huber_loss does not support non-positive values for delta, got {delta}")
    reduction = chosen_reduction(None, None, reduction)
    d = _compared(input, target)
    size = magnitude(d)
    losses = jnp.where(size <= delta, 0.5 * jnp.square(d), delta * (size - 0.5 * delta))
    return _weighted("huber_loss", losses, weight, reduction)


@jax.custom_jvp
def _binary_cross_entropy(input: jax.Array, target: jax.Array) -> jax.Array:
    least = jnp.asarray(-100, input.dtype)
    positive, negative = jnp.maximum(jnp.log(input), least), jnp.maximum(jnp.log1p(-input), least)
    return (target - 1) * negative - target * positive


@_binary_cross_entropy.defjvp
def _binary_cross_entropy_jvp(
    primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    # PyTorch's derivative keeps the denominator above 1e-12, where that of the clamped logarithms would be 0.
    input, target = primals
    slope = (input - target) / jnp.maximum((1 - input) * input, jnp.asarray(1e-12, input.dtype))
    by_target = jnp.log1p(-input) - jnp.log(input)
    return _binary_cross_entropy(input, target), slope * tangents[0] + by_target * tangents[1]


def _check_same_size(name: str, input: jax.Array, target: jax.Array) -> None:
    if input.shape != target.shape:
        raise ValueError(
            f"{name}: Using a target size ({target.shape}) that is different to the input size "
            f"({input.shape}): "
            "expected the same size"
        )


@operation("nn.functional", grad_fn="BinaryCrossEntropyBackward0")
def binary_cross_entropy(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """-(target log(input) + (1 - target) log(1 - input)), logarithms not below -100.

    Raises ValueError for sizes that differ, RuntimeError for an input outside [0, 1] (where its values are
    known: not under jit, grad or vmap).
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _check_same_size("binary_cross_entropy", input, target)
    if not isinstance(input, jax.core.Tracer):
        known = np.asarray(input)
        if not ((known >= 0) & (known <= 1)).all():
            raise RuntimeError("binary_cross_entropy: all elements of input should be between 0 and 1")
    losses = _binary_cross_entropy(input, target)
    return reduced(losses if weight is None else losses * weight, reduction)


@operation("nn.functional", grad_fn="BinaryCrossEntropyWithLogitsBackward0")
def binary_cross_entropy_with_logits(
    input: jax.Array,
    target: jax.Array,
    weight: jax.Array | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: jax.Array | None = None,
) -> jax.Array:
    """Binary cross-entropy of sigmoid(input), without overflow; `pos_weight` multiplies the positive part."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: Target size ({target.shape}) must be the same as input size "
            f"({input.shape})"
        )
    log_sigmoid = logsigmoid(input)
    if pos_weight is not None:
        log_sigmoid = log_sigmoid * ((pos_weight - 1) * target + 1)
    losses = (1 - target) * input - log_sigmoid
    return reduced(losses if weight is None else losses * weight, reduction)


@operation("nn.functional", grad_fn="DivBackward0")
def kl_div(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> jax.Array:
    """target (log(target) - input), where input holds log-probabilities, and target too with `log_target`.

    `reduction` may also be "batchmean": the sum over the size of the first dimension. "mean" divides by all
    elements, with PyTorch's warning.
    """
    if reduction == "mean" and size_average is None and reduce is None:
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release.",
        )
    by_batch = reduction == "batchmean"
    reduction = chosen_reduction(size_average, reduce, "sum" if by_batch else reduction)
    if log_target:
        losses = jnp.exp(target) * (target - input)
    else:
        losses = jax.scipy.special.xlogy(target, target) - target * input
    total = reduced(losses, reduction)
    return total / input.shape[0] if by_batch and input.ndim else total


@operation("nn.functional", grad_fn="MeanBackward0", promote=("input", "target"))
def poisson_nll_loss(
    input: jax.Array,
    target: jax.Array,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> jax.Array:
    """Negative log-likelihood of Poisson counts; with `full` and Stirling's term for targets above 1."""
    reduction = chosen_reduction(size_average, reduce, reduction)
    if log_input:
        losses = jnp.exp(input) - target * input
    else:
        losses = input - target * jnp.log(input + eps)
    if full:
        above = target > 1
        safe = jnp.where(above, target, jnp.ones_like(target))
        stirling = safe * jnp.log(safe) - safe + 0.5 * jnp.log(2 * math.pi * safe)
        losses = losses + jnp.where(above, stirling, jnp.zeros_like(stirling))
    return reduced(losses, reduction)


def _one_size_apart(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether of two shapes of as many dimensions one has a single size that differs, which is 1."""
    return len(shape) == len(other) and [b for a, b in zip(shape, other, strict=True) if a != b] == [1]


@operation("nn.functional", grad_fn="MeanBackward0")
def gaussian_nll_loss(
    input: jax.Array,
    target: jax.Array,
    var: jax.Array | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> jax.Array:
    """(log(max(var, eps)) + (input - target)^2 / max(var, eps)) / 2; with `full` and the constant.

    `var` is a number or has the input's shape, of which one size may be 1, or the last left out. Raises
    ValueError for another shape and (where the values are known) for a negative variance.
    """
    reduction = chosen_reduction(None, None, reduction)
    if isinstance(var, float | int):
        if var < 0:
            raise ValueError(f"gaussian_nll_loss: var has negative entry/entries: {var}")
        var = jnp.full_like(input, var)
    if var.shape != input.shape:
        if input.shape[:-1] == var.shape:
            var = var[..., None]
        elif not _one_size_apart(input.shape, var.shape):
            raise ValueError(
                f"gaussian_nll_loss: var is of incorrect size: got {var.shape} for input of size "
                f"{input.shape}"
            )
    if not isinstance(var, jax.core.Tracer) and (np.asarray(var) < 0).any():
        raise ValueError("gaussian_nll_loss: var has negative entry/entries")
    var = raised_to(var, eps)
    losses = 0.5 * (jnp.log(var) + jnp.square(input - target) / var)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)
