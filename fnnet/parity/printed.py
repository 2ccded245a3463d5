"""Two printed outputs side by side: which lines belong together, and whether their numbers agree."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from itertools import zip_longest
from typing import Any

from fnnet.parity.difference import FACTOR

RTOL = 1e-4
MOST_ALIGNED = 4000
"""Lines on either side that are aligned by their words; in longer outputs they are taken in order."""

_PLAIN = r"(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf|nan)"
NUMBER = re.compile(rf"(?<![\w.])[-+]?{_PLAIN}(?!\w)")
_UNIT = (
    r"(?:ns|us|µs|ms|s|secs?|seconds?|mins?|minutes?|hours?|h|(?:it|iters?|steps?|samples?|examples?|"
    r"images?|batch(?:es)?|tokens?)/(?:s|sec|second)|(?:s|ms|us|sec|seconds?)/\w+)"
)
TIMES = re.compile(
    rf"\d{{4}}-\d\d-\d\d[ T]?|\d{{1,2}}:\d\d(?::\d\d(?:\.\d+)?)?|0x[0-9a-fA-F]+|"
    rf"(?<![\w.]){_PLAIN}\s*{_UNIT}(?![\w/])|"
    rf"\b(?:time|elapsed|took|takes|duration|eta|throughput|speed)\b[^\d\n]{{0,12}}{_PLAIN}",
    re.IGNORECASE,
)
"""What is another number in every run: times, speeds, dates, addresses."""


class Match(StrEnum):
    """How two lines compare. The last two are failures."""

    SAME = "same"
    EQUAL = "equal"
    ROUNDING = "rounding"
    DIFFERENT = "DIFFERENT"
    UNMATCHED = "UNMATCHED"

    @property
    def ok(self) -> bool:
        """Whether the lines agree up to rounding."""
        return self not in (Match.DIFFERENT, Match.UNMATCHED)


@dataclass(frozen=True)
class Line:
    """A line of PyTorch's output and the one of ours that belongs to it; None where there is none.

    Attributes:
        pytorch, fnnet: the lines.
        match: how they compare.
        relative: the largest relative difference of their numbers; None if they are not compared.
        spread: the same, of PyTorch's own line in a run whose sums were rounded otherwise; None without one.
    """

    pytorch: str | None
    fnnet: str | None
    match: Match
    relative: float | None = None
    spread: float | None = None

    def to_dict(self, number: int) -> dict[str, Any]:
        """For JSON."""
        plain = {"line": number, "pytorch": self.pytorch, "fnnet": self.fnnet, "match": self.match.value}
        for name in ("relative", "spread"):
            value = getattr(self, name)
            plain[name] = value if value is None or math.isfinite(value) else str(value)
        return plain | {"ok": self.match.ok}


def lines_of(output: str) -> list[str]:
    """The lines as a terminal shows them in the end: what a carriage return overwrites is gone."""
    lines = output.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.rstrip("\r").rpartition("\r")[2] for line in lines]


def _words(line: str) -> str:
    """The line without its numbers and its spacing."""
    return " ".join(NUMBER.sub("#", TIMES.sub("@", line)).split())


def _numbers(line: str) -> list[str]:
    return NUMBER.findall(TIMES.sub(" ", line))


def aligned(theirs: Sequence[str], ours: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """The lines in pairs: those of the same words together, others in order, None where one is missing."""
    a, b = [_words(line) for line in theirs], [_words(line) for line in ours]
    alike = sum(x == y for x, y in zip(a, b, strict=False))
    if (len(a) == len(b) and 10 * alike >= 9 * len(a)) or max(len(a), len(b)) > MOST_ALIGNED:
        return list(zip_longest(theirs, ours))
    first = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    most = min(len(a), len(b)) - first
    last = next((i for i in range(most) if a[-1 - i] != b[-1 - i]), most)
    m, n = len(a) - last, len(b) - last
    pairs: list[tuple[str | None, str | None]] = list(zip(theirs[:first], ours[:first], strict=True))
    for _, i, j, k, o in SequenceMatcher(None, a[first:m], b[first:n], autojunk=False).get_opcodes():
        left, right = theirs[first + i : first + j], ours[first + k : first + o]
        if len(left) == len(right):
            pairs += zip(left, right, strict=True)
        else:
            pairs += [(line, None) for line in left]
            pairs += [(None, line) for line in right]
    return pairs + list(zip(theirs[m:], ours[n:], strict=True))


def _gap(left: str, right: str, rtol: float) -> tuple[float, bool]:
    """The relative difference of two numbers, and whether they agree.

    They also do if they differ by one in the last printed digit, where that is a tenth at most.
    """
    if left == right:
        return 0.0, True
    a, b = float(left), float(right)
    if not (math.isfinite(a) and math.isfinite(b)):
        same = a == b or (math.isnan(a) and math.isnan(b))
        return 0.0 if same else math.inf, same
    far = abs(a - b) / abs(a) if a else abs(b)
    if all(re.fullmatch(r"[-+]?\d+", word) for word in (left, right)):
        return far, a == b
    digit = max(_last_digit(left), _last_digit(right))
    return far, far <= rtol or (abs(a - b) <= 1.01 * digit and far <= 0.11)


def _last_digit(word: str) -> float:
    """What one in the last printed digit is worth."""
    mantissa, _, exponent = word.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - places)


def _compared(left: str, right: str, rtol: float) -> tuple[Match, float | None]:
    if left == right:
        return Match.SAME, 0.0 if _numbers(left) else None
    x, y = _numbers(left), _numbers(right)
    if len(x) != len(y) or _words(left) != _words(right):
        return Match.DIFFERENT, None
    gaps = [_gap(p, q, rtol) for p, q in zip(x, y, strict=True)]
    relative = max((far for far, _ in gaps), default=None)
    return (Match.EQUAL if all(good for _, good in gaps) else Match.DIFFERENT), relative


def compare_lines(theirs: str, ours: str, rtol: float = RTOL, again: str | None = None) -> list[Line]:
    """The printed lines side by side.

    Args:
        theirs, ours: what was printed.
        rtol: within which numbers agree.
        again: what PyTorch prints when its sums are rounded otherwise. A number that is no further from
            PyTorch's than `FACTOR` times what this run had differed by up to that line is `ROUNDING`; so are
            other words in a line that has other words in that run as well.
    """
    left = lines_of(theirs)
    second = lines_of(again) if again is not None else []
    spreads: dict[int, tuple[Match, float | None]] = {}
    if again is not None and len(second) == len(left):
        spreads = {i: _compared(x, y, 0.0) for i, (x, y) in enumerate(zip(left, second, strict=True))}
    rows, at, widest = [], 0, 0.0
    for a, b in aligned(left, lines_of(ours)):
        where = at if a is not None else None
        at += a is not None
        match, spread = spreads.get(where, (None, None)) if where is not None else (None, None)
        if spread is not None and math.isfinite(spread):
            widest = max(widest, spread)
        if a is None or b is None:
            rows.append(Line(a, b, Match.UNMATCHED))
            continue
        found, relative = _compared(a, b, rtol)
        if found is Match.DIFFERENT:
            near = relative is not None and relative <= FACTOR * widest
            if near or (relative is None and match is Match.DIFFERENT and spread is None):
                found = Match.ROUNDING
        rows.append(Line(a, b, found, relative, spread if spreads else None))
    return rows
