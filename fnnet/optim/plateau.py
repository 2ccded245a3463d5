"""Reduce the learning rate when a metric stops improving (torch.optim.lr_scheduler.ReduceLROnPlateau).

plateau = reduce_lr_on_plateau(0.1, patience=5)
state = plateau.init()
state = plateau.update(validation_loss, state)     # after each epoch; pure, works under jit and scan
updates, opt_state = sgd(lr=state.lr).update(...)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnnet.optim.arithmetic import scalar_dtype


class PlateauState(NamedTuple):
    """`lr` is the current learning rate; the others have PyTorch's names."""

    lr: jax.Array
    best: jax.Array
    num_bad_epochs: jax.Array
    cooldown_counter: jax.Array
    last_epoch: jax.Array


class Plateau(NamedTuple):
    """`init()` gives the first state, `update(metric, state)` the next."""

    init: Callable[[], PlateauState]
    update: Callable[[Any, PlateauState], PlateauState]


def require(factor: float, mode: str, threshold_mode: str) -> None:
    """Raise ValueError for a factor not below 1, or an unknown mode."""
    if factor >= 1.0:
        raise ValueError(f"Factor should be < 1.0. Got {factor}")
    if mode not in ("min", "max"):
        raise ValueError(f"mode {mode} is unknown!")
    if threshold_mode not in ("rel", "abs"):
        raise ValueError(f"threshold mode {threshold_mode} is unknown!")


def is_better(now: Any, best: Any, mode: str, threshold: float, threshold_mode: str) -> Any:
    """Whether a metric improves on the best one; never, if it is NaN."""
    sign = -1.0 if mode == "min" else 1.0
    bar = best * (1.0 + sign * threshold) if threshold_mode == "rel" else best + sign * threshold
    return now < bar if mode == "min" else now > bar


def after(
    better: Any, bad: Any, rest: Any, patience: int, cooldown: int, where: Callable[[Any, Any, Any], Any]
) -> tuple[Any, Any, Any]:
    """The bad epochs and the epochs of rest after one more epoch, and whether the rate is to go down.

    `where` chooses: `jnp.where` for arrays, a conditional expression for numbers.
    """
    resting = rest > 0
    bad = where(better | resting, 0, bad + 1)
    rest = where(resting, rest - 1, rest)
    tired = bad > patience
    return where(tired, 0, bad), where(tired, cooldown, rest), tired


def reduce_lr_on_plateau(
    lr: Any,
    mode: str = "min",
    factor: float = 0.1,
    patience: int = 10,
    threshold: float = 1e-4,
    threshold_mode: str = "rel",
    cooldown: int = 0,
    min_lr: float = 0,
    eps: float = 1e-8,
) -> Plateau:
    """Times `factor` after more than `patience` epochs without improvement, then `cooldown` epochs of rest.

    A NaN metric is no improvement. A change of lr by `eps` or less is not made.

    Raises:
        ValueError: a factor not below 1, an unknown mode.
    """
    require(factor, mode, threshold_mode)

    def init() -> PlateauState:
        zero = jnp.zeros((), jnp.int32)
        worst = jnp.asarray(math.inf if mode == "min" else -math.inf, scalar_dtype())
        return PlateauState(jnp.asarray(lr).astype(scalar_dtype()).reshape(()), worst, zero, zero, zero)

    def update(metric: Any, state: PlateauState) -> PlateauState:
        now = jnp.asarray(metric).astype(state.best.dtype).reshape(())
        better = is_better(now, state.best, mode, threshold, threshold_mode)
        counters = state.num_bad_epochs, state.cooldown_counter
        bad, rest, tired = after(better, *counters, patience, cooldown, jnp.where)
        lower = jnp.maximum(state.lr * factor, min_lr)
        changes = tired & (state.lr - lower > eps)
        return PlateauState(
            jnp.where(changes, lower, state.lr),
            jnp.where(better, now, state.best),
            bad,
            rest,
            state.last_epoch + 1,
        )

    return Plateau(init, update)
