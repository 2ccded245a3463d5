"""Connectionist temporal classification (Graves et al., 2006)."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.operation import operation
from fnnet.functional.reduced import chosen_reduction

__all__ = ["ctc_loss"]


def _log_sum_exp(terms: list[jax.Array]) -> jax.Array:
    """log of the sum of exp, whose derivative is 0 where all terms are -inf."""
    largest = lax.stop_gradient(jnp.maximum(jnp.maximum(terms[0], terms[1]), terms[2]))
    nothing = jnp.isneginf(largest)
    base = jnp.where(nothing, jnp.zeros_like(largest), largest)
    total = sum(jnp.exp(jnp.where(nothing, -jnp.inf, term - base)) for term in terms)
    safe = jnp.where(nothing, jnp.ones_like(largest), total)
    return jnp.where(nothing, -jnp.inf, jnp.log(safe) + base)


def _padded_targets(targets: jax.Array, lengths: jax.Array) -> jax.Array:
    """Targets (N, S) from those that are laid end to end."""
    starts = jnp.cumsum(lengths) - lengths
    places = starts[:, None] + jnp.arange(max(targets.shape[0], 1))
    return targets[jnp.clip(places, 0, max(targets.shape[0] - 1, 0))]


def _check_targets(shape: tuple[int, ...], counts: np.ndarray) -> None:
    """Raise RuntimeError where targets end to end have another length, or padded ones a smaller one."""
    if len(shape) == 1 and shape[0] != counts.sum():
        raise RuntimeError(
            f"ctc_loss: Expected tensor to have size {counts.sum()} at dimension 0, but got size {shape[0]} "
            "for argument 'targets'"
        )
    if len(shape) == 2 and counts.size and shape[1] < counts.max():
        raise RuntimeError(
            f"ctc_loss: Expected tensor to have size at least {counts.max()} at dimension 1, but got size "
            f"{shape[1]} for argument 'targets'"
        )


@operation("nn.functional", grad_fn="CtcLossBackward0")
def ctc_loss(
    log_probs: jax.Array,
    targets: jax.Array,
    input_lengths: jax.Array | Sequence[int],
    target_lengths: jax.Array | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> jax.Array:
    """Minus the log-probability of the targets: log_probs (T, N, C) or (T, C), targets (N, S), (S,) or end
    to end.

    "mean" divides each loss by its target's length and takes the mean over the batch. The gradient is
    PyTorch's, which supposes that log_probs come from log_softmax. Raises RuntimeError for lengths and
    blanks out of range.
    """
    reduction = chosen_reduction(None, None, reduction)
    single = log_probs.ndim == 2
    if single:
        log_probs = log_probs[:, None]
    if log_probs.ndim != 3:
        raise IndexError(
            "ctc_loss: Dimension out of range (expected to be in range of [-1, 0], but got 1): log_probs has "
            f"{log_probs.ndim} dimensions"
        )
    steps, batch, classes = log_probs.shape
    if log_probs.size == 0:
        raise RuntimeError("log_probs tensor must not be empty")
    if not 0 <= blank < classes:
        raise RuntimeError(f"ctc_loss: blank must be in label range 0 to {classes - 1}, got {blank}")
    frames, counts = (jnp.asarray(lengths).reshape(-1) for lengths in (input_lengths, target_lengths))
    for name, lengths in (("input_lengths", frames), ("target_lengths", counts)):
        if lengths.shape != (batch,):
            raise RuntimeError(f"ctc_loss: {name} must be of size batch_size {batch}, got {lengths.shape}")
    if not isinstance(frames, jax.core.Tracer) and (np.asarray(frames) > steps).any():
        raise RuntimeError(f"ctc_loss: Expected input_lengths to have value at most {steps}, got {frames}")
    if not isinstance(counts, jax.core.Tracer):
        _check_targets(targets.shape, np.asarray(counts))
    if targets.ndim == 1:
        targets = targets[None] if single else _padded_targets(targets, counts)
    length = targets.shape[1]
    # Blanks between, before and after the targets.
    labels = jnp.full((batch, 2 * length + 1), blank, targets.dtype).at[:, 1::2].set(targets)
    place = jnp.arange(2 * length + 1)
    two_back = jnp.pad(labels, [(0, 0), (2, 0)], constant_values=blank)[:, :-2]
    skips = (labels != blank) & (labels != two_back) & (place >= 2)
    emitted = jnp.take_along_axis(log_probs, jnp.broadcast_to(labels, (steps, *labels.shape)), axis=2)
    infinite = jnp.asarray(-jnp.inf, log_probs.dtype)
    starts = (place == 0) | ((place == 1) & (counts[:, None] > 0))

    def shifted(alpha: jax.Array, by: int) -> jax.Array:
        return jnp.pad(alpha, [(0, 0), (by, 0)], constant_values=-jnp.inf)[:, : alpha.shape[1]]

    def step(alpha: jax.Array, now: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        t, log_p = now
        jump = jnp.where(skips, shifted(alpha, 2), infinite)
        moved = _log_sum_exp([alpha, shifted(alpha, 1), jump]) + log_p
        return jnp.where((t < frames)[:, None], moved, alpha), None

    first = jnp.where(starts, emitted[0], infinite) if steps else jnp.full(labels.shape, infinite)
    alpha, _ = lax.scan(step, first, (jnp.arange(1, steps), emitted[1:]))
    last = 2 * counts[:, None]
    ends = jnp.where((place == last) | (place == last - 1), alpha, infinite)
    largest = lax.stop_gradient(ends.max(axis=1))
    base = jnp.where(jnp.isneginf(largest), jnp.zeros_like(largest), largest)
    likelihood = jnp.exp(ends - base[:, None]).sum(axis=1)
    impossible = likelihood == 0
    losses = -(jnp.log(jnp.where(impossible, jnp.ones_like(likelihood), likelihood)) + base)
    # A term of value 0 whose derivative is that of log_softmax's normalisation, which PyTorch includes.
    mass = jnp.where((jnp.arange(steps)[:, None] < frames)[..., None], jnp.exp(log_probs), 0).sum(axis=(0, 2))
    losses = losses + (mass - lax.stop_gradient(mass))
    # An infinite loss has the derivative NaN, as in PyTorch: minus infinity times the 0 that makes it.
    beyond = -jnp.log(jnp.where(impossible, 0 * mass, jnp.ones_like(mass)))
    beyond = jnp.zeros_like(losses) if zero_infinity else beyond
    losses = jnp.where(impossible, beyond, losses)
    if reduction == "mean":
        return (losses / jnp.maximum(counts, 1).astype(losses.dtype)).mean()
    if reduction == "sum":
        return losses.sum()
    return losses[0] if single else losses
