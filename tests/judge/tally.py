"""What came of one entry of PyTorch's test data, and the tolerances by which it was judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

SEED = 42


@dataclass
class Tally:
    """What came of one entry.

    Attributes:
        name: the entry's name and variant.
        total: how many samples were tried.
        within: how many agreed within the tolerance.
        as_near: how many more were at least as near to PyTorch's float64 result as PyTorch's float32 is.
        tolerance: (relative, absolute), where the entry overrides assert_close's.
        problems: what was wrong with each of the others.
    """

    name: str
    total: int = 0
    within: int = 0
    as_near: int = 0
    tolerance: tuple[float, float] | None = None
    problems: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not self.problems

    def line(self) -> str:
        """The row of the table."""
        notes = f"; {self.as_near} as near to float64 as PyTorch" if self.as_near else ""
        if self.tolerance:
            notes += "; tolerance rtol {:g}, atol {:g}".format(*self.tolerance)
        mark = "ok " if self.good else "BAD"
        return f"{mark} {self.within + self.as_near:3}/{self.total:<3} {self.name}{notes}"


def default_tolerance(dtype: Any) -> tuple[float, float]:
    """torch.testing.assert_close's."""
    from torch.testing._comparison import default_tolerances

    return default_tolerances(dtype)


def own_tolerance(entry: Any, dtype: Any) -> tuple[float, float] | None:
    """The widest tolerance that the entry's decorators give to a dtype on a CPU; None if they give none."""
    from torch.testing._internal.common_device_type import precisionOverride, toleranceOverride

    rtol, atol = default_tolerance(dtype)
    widest = (rtol, atol)
    for one in entry.decorators or ():
        if getattr(one, "device_type", None) not in (None, "cpu") or not getattr(one, "active_if", True):
            continue
        if getattr(one, "dtypes", None) and dtype not in one.dtypes:
            continue
        for decorator in getattr(one, "decorators", [one]):
            if isinstance(decorator, toleranceOverride) and dtype in decorator.d:
                given = decorator.d[dtype]
                widest = (max(widest[0], given.rtol), max(widest[1], given.atol))
            elif isinstance(decorator, precisionOverride) and dtype in decorator.d:
                widest = (widest[0], max(widest[1], decorator.d[dtype]))
    return None if widest == (rtol, atol) else widest


def describe(value: Any) -> str:
    """A value in a few words: tensors by dtype and shape."""
    import torch

    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, tuple | list):
        return "(" + ", ".join(describe(part) for part in value) + ")"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={describe(part)}" for name, part in value.items()) + "}"
    return repr(value)


def spread(samples: Iterable[Any], count: int) -> list[Any]:
    """Up to `count` samples, evenly chosen among all; all of them for 0."""
    chosen = list(samples)
    return chosen[:: max(1, -(-len(chosen) // count))] if count else chosen


def table(tallies: Iterator[Tally], show: Callable[[str], None], every_problem: bool) -> int:
    """Show a line for each entry and the totals; the number of entries that disagree."""
    entries = samples = near = bad = 0
    for tally in tallies:
        show(tally.line())
        for problem in tally.problems if every_problem else tally.problems[:1]:
            show("        " + problem)
        entries, samples, near = entries + 1, samples + tally.total, near + tally.as_near
        bad += not tally.good
    show(f"total: {entries} entries, {samples} samples, {near} as near to float64; {bad} entries disagree")
    return bad
