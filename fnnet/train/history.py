"""What a run leaves: losses and metrics of every step, evaluations, and the last state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class History:
    """What was recorded; with seeds, every array has a leading axis of seeds.

    Attributes:
        losses: the loss of every step, before its update: (steps,), NumPy.
        metrics: every metric by name, likewise.
        evaluated_at: the numbers of steps after which there was an evaluation.
        evaluations: what the evaluations gave, by name; the axis of evaluations stands where steps stand
            above.
    """

    losses: np.ndarray
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    evaluated_at: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    evaluations: dict[str, np.ndarray] = field(default_factory=dict)

    def running_means(self, every: int) -> np.ndarray:
        """The means of each `every` losses in turn: what a loop prints that sums the losses and starts anew.

        Computed in float64, as such a loop does with `loss.item()`. Steps after the last full window are left
        out. Raises ValueError if `every` is less than 1.
        """
        if every < 1:
            raise ValueError(f"running_means: every: expected at least 1, got {every}")
        windows = self.losses.shape[-1] // every
        cut = self.losses[..., : windows * every].astype(np.float64)
        return cut.reshape(*cut.shape[:-1], windows, every).mean(axis=-1)


@dataclass
class FitResult:
    """What `fit` returns.

    Attributes:
        params: the parameters after the last step.
        opt_state: the optimizer's state.
        buffers: the buffers; None if there are none.
        history: what was recorded.
        steps: how many steps the run has taken, those before a resumption included.
        seconds: time of this call, compilation included.
        loop: the program that was used, "scan" or "step".
    """

    params: Any
    opt_state: Any
    buffers: Any
    history: History
    steps: int
    seconds: float
    loop: str

    @property
    def losses(self) -> np.ndarray:
        """The loss of every step."""
        return self.history.losses


class NonFiniteError(FloatingPointError):
    """Training met a loss or parameters that are not finite, and stopped.

    Attributes:
        step: the number of the step, from 0, whose loss it was; for parameters, the number of steps taken.
        value: the loss (with seeds, of every seed); None for parameters.
        result: the run up to the last parameters whose loss was finite; None with keep_last_finite=False.
    """

    def __init__(self, message: str, step: int, value: Any, result: FitResult | None) -> None:
        super().__init__(message)
        self.step = step
        self.value = value
        self.result = result
