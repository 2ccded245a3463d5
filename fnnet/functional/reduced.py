"""The last step of a loss: a mean, a sum, or neither."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnnet.functional.operation import warn


def chosen_reduction(size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction that the arguments ask for, the two old ones with PyTorch's warning.

    Raises ValueError for a word that is none of "mean", "sum" and "none".
    """
    if size_average is not None or reduce is not None:
        size_average = True if size_average is None else size_average
        reduce = True if reduce is None else reduce
        reduction = ("mean" if size_average else "sum") if reduce else "none"
        warn(
            f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.",
        )
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction; expected 'mean', 'sum' or 'none'")
    return reduction


def reduced(losses: jax.Array, reduction: str) -> jax.Array:
    """The mean, the sum or the losses themselves. The mean of nothing is NaN, as in PyTorch."""
    if reduction == "mean":
        return jnp.mean(losses)
    return jnp.sum(losses) if reduction == "sum" else losses
