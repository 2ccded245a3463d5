"""Adaptive softmax: frequent classes in a head, rare ones in clusters, each with a softmax of its own.

Class c of cluster i has probability head[shortlist + i] * cluster_i[c - cutoffs[i]] (Grave et al., "Efficient
softmax approximation for GPUs", 2017). `cutoffs` end with the number of classes; cutoffs[0] is the size of
the shortlist. Every cluster is computed for every row: which rows need it is known only to their values.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.operation import operation

__all__ = ["adaptive_log_prob", "adaptive_log_softmax", "adaptive_predict"]


def _clusters(tails: Sequence[jax.Array], cutoffs: Sequence[int]) -> list[tuple[int, jax.Array, int, int]]:
    """Number, scores, first class and end of each cluster."""
    return [(i, tail, cutoffs[i], cutoffs[i + 1]) for i, tail in enumerate(tails)]


@operation(grad_fn="AddBackward0")
def adaptive_log_softmax(
    head: jax.Array, tails: Sequence[jax.Array], target: jax.Array, cutoffs: Sequence[int]
) -> jax.Array:
    """The log-probabilities (N,) of the targets, from the scores of the head and of the clusters.

    Args:
        head: (N, cutoffs[0] + number of clusters).
        tails: for each cluster (N, its number of classes).
        target: integers (N,). Raises RuntimeError (where the values are known) for one out of range.
        cutoffs: where the clusters begin, then the number of classes.
    """
    classes = cutoffs[-1]
    if not isinstance(target, jax.core.Tracer) and target.size:
        low, high = int(np.asarray(target).min()), int(np.asarray(target).max())
        if low < 0 or high >= classes:
            raise RuntimeError(
                f"adaptive_log_softmax: Target values should be in [0, {classes - 1}], but values in range "
                f"[{low}, {high}] were found. "
            )
    place, local = target, jnp.zeros(target.shape, head.dtype)
    for i, tail, first, end in _clusters(tails, cutoffs):
        inside = (target >= first) & (target < end)
        # Rows of other clusters are set to zero, so that no inf among them reaches a derivative.
        scores = jax.nn.log_softmax(jnp.where(inside[:, None], tail, jnp.zeros_like(tail)), axis=1)
        column = jnp.clip(target - first, 0, end - first - 1)
        own = jnp.take_along_axis(scores, column[:, None], axis=1)[:, 0]
        local = jnp.where(inside, own, local)
        place = jnp.where(inside, jnp.asarray(cutoffs[0] + i, target.dtype), place)
    chosen = jnp.take_along_axis(jax.nn.log_softmax(head, axis=1), place[:, None], axis=1)[:, 0]
    return local + chosen


@operation(grad_fn="CopySlices")
def adaptive_log_prob(head: jax.Array, tails: Sequence[jax.Array], cutoffs: Sequence[int]) -> jax.Array:
    """The log-probabilities (N, classes) of all classes; arguments as for adaptive_log_softmax."""
    scores = jax.nn.log_softmax(head, axis=1)
    first = cutoffs[0]
    rare = [jax.nn.log_softmax(tail, axis=1) + scores[:, first + i, None] for i, tail in enumerate(tails)]
    return jnp.concatenate([scores[:, :first], *rare], axis=1)


@operation()
def adaptive_predict(head: jax.Array, tails: Sequence[jax.Array], cutoffs: Sequence[int]) -> jax.Array:
    """The most probable class of each row (N,): the head's choice where it lies in the shortlist."""
    chosen = jnp.argmax(head, axis=1)
    anywhere = jnp.argmax(adaptive_log_prob(head, tails, cutoffs), axis=1)
    return jnp.where(chosen < cutoffs[0], chosen, anywhere)
