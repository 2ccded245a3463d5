"""What the lessons on training share: the recording, programs followed, tables among many runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

import jax
import numpy as np
import optax

from fnnet.checkpoint import flat
from fnnet.parity import agreement, files
from fnnet.parity.distribution import LEAST, place
from fnnet.parity.lessons.lesson import Band, Curve, Line, Settings
from fnnet.parity.verdict import Row

STEPS = 500
"""Of every run of a two-layer network."""


@lru_cache(maxsize=1)
def recording() -> dict[str, np.ndarray]:
    """PyTorch's recorded runs."""
    with np.load(files.reference("training_runs.npz")) as held:
        return {name: held[name] for name in held.files}


def follow_updates(
    program: ModuleType, x: Any, y: Any, params: Any, compiled: bool = True, steps: int = STEPS
) -> agreement.Followed:
    """Follow a program that has `gradients` and `update`."""

    def advance(state: Any) -> tuple[Any, dict[str, Any]]:
        x, y, params = state
        loss, grads = program.gradients(params, x, y)
        params = program.update(params, grads)
        return (x, y, params), {"loss": loss, **flat(params), **flat(grads, "grad:")}

    return agreement.follow(advance, (x, y, params), steps, compiled)


def follow_optimizer(
    loss: Callable[..., Any], optimizer: Any, x: Any, y: Any, params: Any
) -> agreement.Followed:
    """Follow a program that has a loss and an optax transformation."""

    def advance(state: Any) -> tuple[Any, dict[str, Any]]:
        x, y, params, own = state
        value, grads = jax.value_and_grad(loss)(params, x, y)
        updates, own = optimizer.update(grads, own, params)
        params = optax.apply_updates(params, updates)
        return (x, y, params, own), {"loss": value, **flat(params), **flat(grads, "grad:")}

    return agreement.follow(advance, (x, y, params, optimizer.init(params)), STEPS)


def table(
    title: str,
    steps: Sequence[int],
    printed: Sequence[float],
    runs: np.ndarray,
    pytorch: np.ndarray,
    ours: np.ndarray,
    label: str,
) -> tuple[list[Row], Curve]:
    """The rows and the plot of a printed table.

    Args:
        title: of the plot.
        steps: at which `printed` was printed.
        printed: the losses.
        runs: those of many seeds, (seeds, 500).
        pytorch, ours: those of seed 0, (500,).
        label: what the runs are.
    """
    at = list(steps)
    rows = place([f"loss, step {step}" for step in at], printed, runs[:, at], pytorch[at])
    every = np.arange(runs.shape[1])
    curve = Curve(
        title,
        "step",
        "loss",
        Line("printed in the tutorial", at, list(printed)),
        [Line("PyTorch, seed 0 (recorded)", every, pytorch), Line("fnnet, seed 0", every, ours)],
        [Band.of_runs(label, every, runs)],
        log_y=True,
    )
    return rows, curve


def seed_count(settings: Settings, default: int) -> int:
    """How many seeds to run: what the user says, or `default`; not fewer than a distribution needs."""
    return max(LEAST, settings.seed_count(default))
