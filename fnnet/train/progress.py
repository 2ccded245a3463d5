"""A progress bar for a run, drawn between the stretches of a compiled run or from within one."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

import jax
import numpy as np

Report = Callable[[int, int, float], None]
"""Called with (steps taken, steps of the run, the last loss)."""


class ProgressBar:
    """Draws `step/total`, the time left and the loss on one line of a stream.

    On a terminal the line is redrawn in place, at most every `interval` seconds; elsewhere a line is
    written at each tenth of the run.
    """

    def __init__(self, stream: TextIO | None = None, interval: float = 0.1, width: int = 30) -> None:
        self.stream = stream
        self.interval = interval
        self.width = width
        self._start: tuple[float, int] | None = None
        self._drawn = 0.0
        self._tenth = -1

    def __call__(self, step: int, total: int, loss: float) -> None:
        stream = self.stream or sys.stderr
        now = time.monotonic()
        if self._start is None:
            self._start = (now, step)
        last = step >= total
        tenth = 10 * step // max(total, 1)
        live = stream.isatty()
        if not last and (now - self._drawn < self.interval if live else tenth == self._tenth):
            return
        self._drawn, self._tenth = now, tenth
        filled = self.width * step // max(total, 1)
        began, first = self._start
        left = (now - began) * (total - step) / (step - first) if step > first else float("nan")
        bar = "#" * filled + "." * (self.width - filled)
        line = f"[{bar}] {step}/{total}  loss {loss:.6g}" + (f"  {left:.1f}s left" if left == left else "")
        stream.write(f"\r{line:<{self.width + 50}}" + ("\n" if last else "") if live else line + "\n")
        stream.flush()
        if last:
            self._start, self._tenth = None, -1


def as_report(progress: bool | Report) -> Report | None:
    """True is a bar on stderr, False none. Raises TypeError for what cannot be called."""
    if progress is True:
        return ProgressBar()
    if progress is False or progress is None:
        return None
    if not callable(progress):
        raise TypeError(f"progress: expected a bool or a function, got {type(progress).__name__}")
    return progress


def report_inside(report: Report, step: Any, total: int, loss: Any, every: int) -> None:
    """Report from within a compiled program, after each `every` steps and the last one."""

    def call(step: Any, loss: Any) -> None:
        report(int(step), total, float(np.mean(loss)))

    due = (step % every == 0) | (step == total)
    jax.lax.cond(due, lambda: jax.debug.callback(call, step, loss, ordered=False), lambda: None)
