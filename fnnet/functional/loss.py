"""Losses of regression, of probabilities and of distributions."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp

from fnnet.functional.operation import operation
from fnnet.functional.reduced import chosen_reduction, reduced

__all__ = ["mse_loss"]


def _warn_if_broadcast(input: jax.Array, target: jax.Array) -> None:
    if input.shape != target.shape:
        warnings.warn(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}). "
            "This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=3,
        )


@operation("nn.functional", grad_fn="MseLossBackward0", promote=("input", "target"))
def mse_loss(
    input: jax.Array,
    target: jax.Array,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: jax.Array | None = None,
) -> jax.Array:
    """Squared differences; `weight`, of the input's shape, multiplies them, and the mean is then over
    weights.
    """
    reduction = chosen_reduction(size_average, reduce, reduction)
    _warn_if_broadcast(input, target)
    losses = jnp.square(input - target)
    if weight is None:
        return reduced(losses, reduction)
    if weight.shape != losses.shape:
        raise ValueError(
            f"mse_loss: Weights and input must have the same size, got {weight.shape} and {losses.shape}"
        )
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)
