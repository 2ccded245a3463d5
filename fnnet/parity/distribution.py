"""Whether the documented numbers of one run, drawn from unknown random numbers, could be a run of ours.

Many seeds are run, and each documented point is placed among theirs. A point is in range if it lies

- between the least and the greatest of the runs, or
- within the prediction interval of one more run, from the runs' logarithms: mean ± t·s·sqrt(1 + 1/n).

The second clause is there because a new run of the very same program leaves the range of n runs with
probability 2/(n + 1) at each point. Its t is taken at the level 1e-3, shared among the points of the curve,
so that a true curve is refused once in a thousand times at most as far as the logarithms are normal. Already
eight runs refuse the tables' neighbours: another initialisation or optimizer, a learning rate a third less.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from fnnet.parity.verdict import Distribution, Row, Verdict, relative_error

LEVEL = 1e-3
LEAST = 8
"""A spread estimated from fewer runs says nothing."""


def student_quantile(p: float, degrees: int) -> float:
    """The quantile p of Student's t, by the expansion in 1 / degrees of Abramowitz and Stegun, 26.7.5."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))


def prediction_interval(runs: np.ndarray, points: int) -> tuple[float, float]:
    """Where one more of these positive numbers lies, but for LEVEL / points of the times."""
    logs = np.log(runs)
    t = student_quantile(1 - LEVEL / (2 * points), logs.size - 1)
    half = t * logs.std(ddof=1) * math.sqrt(1 + 1 / logs.size)
    return math.exp(logs.mean() - half), math.exp(logs.mean() + half)


def place(
    quantities: Sequence[str],
    documented: Sequence[float],
    runs: Any,
    pytorch: Sequence[float] | np.ndarray | None = None,
    notes: Sequence[str] | None = None,
) -> list[Row]:
    """A row for each documented point of a curve.

    Args:
        quantities: what each point is.
        documented: the values printed, positive.
        runs: (n, points), one row a seed.
        pytorch: what PyTorch gave in the recorded run, to show.
        notes: remarks.

    Raises:
        ValueError: for fewer than LEAST runs, or shapes that do not fit.
    """
    runs = np.asarray(runs, np.float64)
    points = len(documented)
    if runs.ndim != 2 or runs.shape[1] != points or len(quantities) != points:
        raise ValueError(f"place: expected runs of shape (n, {points}), got {runs.shape}")
    if runs.shape[0] < LEAST:
        raise ValueError(f"place: expected at least {LEAST} runs, got {runs.shape[0]}")
    rows = []
    for i, value in enumerate(documented):
        ours = runs[:, i]
        finite = bool(np.isfinite(ours).all()) and bool((ours > 0).all())
        low, median, high = float(ours.min()), float(np.median(ours)), float(ours.max())
        quantile = float(np.mean(ours < value) + 0.5 * np.mean(ours == value))
        note = notes[i] if notes else ""
        good = finite and low <= value <= high
        if finite and not good:
            expected = prediction_interval(ours, points)
            good = expected[0] <= value <= expected[1]
            beyond = f"outside the {ours.size} runs, {'within' if good else 'and outside'} the interval "
            note = " ".join(
                filter(None, [note, f"{beyond}{expected[0]:.3g} .. {expected[1]:.3g} for one more"])
            )
        spread = Distribution(low, median, high, ours.size, quantile)
        verdict = Verdict.IN_DISTRIBUTION if good else Verdict.BAD
        shown = None if pytorch is None else float(pytorch[i])
        rows.append(Row(quantities[i], value, shown, spread, relative_error(median, value), verdict, note))
    return rows
