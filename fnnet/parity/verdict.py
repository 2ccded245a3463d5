"""What a comparison found: rows of documented, PyTorch's and fnnet's values with an error and a verdict.

Each function here makes one kind of comparison and returns its `Row`:

- `exact`: a deterministic result, equal to the last bit of its dtype;
- `equal`: the same computation from the same numbers, equal within a tolerance;
- `in_distribution`: a result of one run with unknown random numbers, among those of many seeds;
- `holds`: a condition, true or false;
- `measured`: a number with nothing to compare it with (a time, a count).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

TOLERANCES: dict[str, tuple[float, float]] = {
    "float64": (1e-7, 1e-7),
    "float32": (1.3e-6, 1e-5),
    "float16": (1e-3, 1e-5),
    "bfloat16": (1.6e-2, 1e-5),
}
"""(rtol, atol) per dtype: the defaults of torch.testing.assert_close."""


class Verdict(StrEnum):
    """How a comparison ended. `BAD` alone is a failure."""

    EXACT = "exact"
    EQUAL = "equal"
    IN_DISTRIBUTION = "in range"
    MEASURED = "measured"
    BAD = "BAD"


@dataclass(frozen=True)
class Distribution:
    """What many seeds gave: extremes, median, and the part of the seeds below the documented value."""

    low: float
    median: float
    high: float
    seeds: int
    quantile: float


@dataclass(frozen=True)
class Row:
    """One quantity of a lesson.

    Attributes:
        quantity: what is compared.
        documented: what the tutorial prints; None where it prints nothing.
        pytorch: what PyTorch gave in the recorded run; None where there is none.
        fnnet: what fnnet gave, a value or the `Distribution` over seeds.
        error: the largest relative error (the absolute one where the expected value is 0), if it makes sense.
        verdict: how it ended.
        note: a short remark.
    """

    quantity: str
    documented: Any
    pytorch: Any
    fnnet: Any
    error: float | None
    verdict: Verdict
    note: str = ""

    @property
    def bad(self) -> bool:
        """Whether the comparison failed."""
        return self.verdict is Verdict.BAD


def relative_error(seen: Any, expected: Any) -> float:
    """The largest |seen - expected| / |expected|, absolute where that is 0; inf if shapes or NaN differ."""
    a, b = np.asarray(seen), np.asarray(expected)
    if a.shape != b.shape:
        return math.inf
    a, b = a.astype(np.float64), b.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    with np.errstate(all="ignore"):
        error = np.where(same, 0.0, np.abs(a - b) / np.where(b == 0, 1.0, np.abs(b)))
    return float(np.max(np.nan_to_num(error, nan=math.inf, posinf=math.inf)))


def _same(seen: Any, expected: Any) -> bool:
    """Equality to the last bit; floating numbers are compared in the dtype of what was seen."""
    a, b = np.asarray(seen), np.asarray(expected)
    words = "USO"
    if a.dtype.kind in words or b.dtype.kind in words:
        return a.dtype.kind == b.dtype.kind and np.array_equal(a, b)
    if a.dtype.kind in "biu":
        return np.array_equal(a, b)
    return np.array_equal(a, b.astype(a.dtype), equal_nan=True)


def exact(quantity: str, documented: Any, fnnet: Any, pytorch: Any = None, note: str = "") -> Row:
    """A deterministic result: equal to what is documented (and to PyTorch's, if given) to the last bit.

    Give `documented=None` where the tutorial prints nothing and only PyTorch's recorded value counts.
    """
    expected = [value for value in (documented, pytorch) if value is not None]
    if not expected:
        raise ValueError(f"exact: {quantity}: nothing to compare with")
    good = all(_same(fnnet, value) for value in expected)
    numeric = all(np.asarray(value).dtype.kind in "biuf" for value in (fnnet, *expected))
    error = max(relative_error(fnnet, _as_seen(fnnet, value)) for value in expected) if numeric else None
    return Row(quantity, documented, pytorch, fnnet, error, Verdict.EXACT if good else Verdict.BAD, note)


def _as_seen(seen: Any, expected: Any) -> np.ndarray:
    dtype = np.asarray(seen).dtype
    return np.asarray(expected, dtype=dtype if dtype.kind == "f" else None)


def equal(
    quantity: str,
    pytorch: Any,
    fnnet: Any,
    documented: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    note: str = "",
) -> Row:
    """The same computation from the same numbers: equal to PyTorch's within the tolerance of the dtype.

    `rtol` and `atol` replace the dtype's own (`TOLERANCES`); the note says why.
    """
    seen, expected = np.asarray(fnnet), np.asarray(pytorch)
    own = TOLERANCES.get(str(seen.dtype), (0.0, 0.0))
    rtol, atol = own[0] if rtol is None else rtol, own[1] if atol is None else atol
    good = seen.shape == expected.shape and np.allclose(
        seen.astype(np.float64), expected.astype(np.float64), rtol=rtol, atol=atol, equal_nan=True
    )
    verdict = Verdict.EQUAL if good else Verdict.BAD
    return Row(quantity, documented, pytorch, fnnet, relative_error(seen, expected), verdict, note)


def in_distribution(
    quantity: str, documented: float, values: Sequence[float] | Any, pytorch: Any = None, note: str = ""
) -> Row:
    """The result of one run with unknown random numbers: within what the runs in `values` (one a seed) gave.

    The error is the relative distance from the median.
    """
    runs = np.asarray(values, np.float64).ravel()
    if not runs.size:
        raise ValueError(f"in_distribution: {quantity}: no runs")
    low, median, high = float(runs.min()), float(np.median(runs)), float(runs.max())
    quantile = float(np.mean(runs < documented) + 0.5 * np.mean(runs == documented))
    spread = Distribution(low, median, high, int(runs.size), quantile)
    good = bool(np.isfinite(runs).all()) and low <= documented <= high
    verdict = Verdict.IN_DISTRIBUTION if good else Verdict.BAD
    return Row(quantity, documented, pytorch, spread, relative_error(median, documented), verdict, note)


def holds(quantity: str, condition: bool, fnnet: Any, documented: Any = None, note: str = "") -> Row:
    """A condition that the result must meet; `fnnet` and `documented` are what to show."""
    verdict = Verdict.EXACT if condition else Verdict.BAD
    return Row(quantity, documented, None, fnnet, None, verdict, note)


def measured(quantity: str, fnnet: Any, pytorch: Any = None, note: str = "") -> Row:
    """A number with nothing to compare it with."""
    return Row(quantity, None, pytorch, fnnet, None, Verdict.MEASURED, note)
