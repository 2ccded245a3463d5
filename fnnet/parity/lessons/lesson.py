"""What a lesson is, and what running one gives.

A lesson checks a program of `examples/` against what a tutorial documents. Its file holds one function:

    def check(settings: Settings) -> Outcome:
        program = files.program("logistic_regression")           # the example itself, as a module
        recorded = np.load(files.reference("lessons.npz"))       # what PyTorch gave
        result = program.train(...)
        return Outcome(rows=[equal("loss, last epoch", recorded["loss"], result.loss)])

and `fnnet/parity/lessons/__init__.py` one line that names it.
"""

from __future__ import annotations

import importlib
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from fnnet.parity.verdict import Row, Verdict


@dataclass(frozen=True)
class Settings:
    """What the user asks of every lesson.

    Attributes:
        seeds: how many seeds to run where a lesson looks at a distribution; None leaves it to the lesson.
    """

    seeds: int | None = None

    def seed_count(self, default: int) -> int:
        """How many seeds to run, `default` unless the user says."""
        return default if self.seeds is None else self.seeds


@dataclass(frozen=True)
class Line:
    """A run's numbers, drawn as a line (or, as a curve's documented values, as points)."""

    label: str
    x: Sequence[float] | np.ndarray
    y: Sequence[float] | np.ndarray


@dataclass(frozen=True)
class Band:
    """Quantiles over seeds at each x, drawn as a shaded band with its median."""

    label: str
    x: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray
    median: Sequence[float] | np.ndarray
    high: Sequence[float] | np.ndarray

    @staticmethod
    def of_runs(label: str, x: Sequence[float] | np.ndarray, runs: Any) -> Band:
        """The band from the least to the greatest of `runs` (seeds, len(x))."""
        runs = np.asarray(runs)
        return Band(label, x, runs.min(0), np.median(runs, 0), runs.max(0))


@dataclass(frozen=True)
class Curve:
    """A plot of the report: the documented points, PyTorch's and fnnet's runs, the band over seeds."""

    title: str
    x_label: str
    y_label: str
    documented: Line | None = None
    lines: Sequence[Line] = ()
    bands: Sequence[Band] = ()
    log_y: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a lesson found: its rows, plots for the report, and remarks printed below the rows."""

    rows: Sequence[Row]
    curves: Sequence[Curve] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Result:
    """A lesson that was run: its outcome and how long it took, or the error that ended it."""

    lesson: Lesson
    outcome: Outcome
    seconds: float
    error: str = field(default="", compare=False)

    @property
    def bad(self) -> bool:
        """Whether any verdict is bad."""
        return any(row.bad for row in self.outcome.rows)


@dataclass(frozen=True)
class Lesson:
    """A lesson by name.

    Attributes:
        name: as `--lesson` takes it.
        title: one line.
        tutorial: which part of which tutorial it reproduces.
        program: the name of its program in `examples/`, without ".py".
        check: "module:function", imported only when the lesson is run.
    """

    name: str
    title: str
    tutorial: str
    program: str
    check: str

    def run(self, settings: Settings) -> Result:
        """Run the check. An exception in it, or in importing it, is a bad verdict with its message."""
        start = time.perf_counter()
        error = ""
        try:
            module, _, function = self.check.partition(":")
            check = getattr(importlib.import_module(module), function)
            # PyTorch multiplies float32 in full; JAX does so on a CPU, elsewhere only if it is told to.
            with jax.default_matmul_precision("highest"):
                outcome = check(settings)
            if not outcome.rows:
                raise RuntimeError(f"lesson {self.name}: the check returned no rows")
        except Exception as failure:
            error = traceback.format_exc()
            what = f"{type(failure).__name__}: {failure}".splitlines()[0]
            outcome = Outcome(rows=[Row("the lesson", None, None, "raised", None, Verdict.BAD, what)])
        return Result(self, outcome, time.perf_counter() - start, error)
