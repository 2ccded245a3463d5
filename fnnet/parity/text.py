"""Values, errors and verdicts as short text, the same in the table and in the report."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnnet.parity.verdict import Distribution, Row, Verdict


def display_width(text: str) -> int:
    """How many columns a terminal needs for `text`: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def elide(text: str, width: int) -> str:
    """`text` in at most `width` columns, with "…" where it was cut."""
    if display_width(text) <= width:
        return text
    kept = ""
    for c in text:
        if display_width(kept + c) > width - 1:
            break
        kept += c
    return kept.rstrip() + "…"


def wrap(text: str, width: int, lines: int = 3) -> list[str]:
    """`text` broken at spaces into at most `lines` lines of at most `width` columns; the last one elided."""
    broken: list[str] = []
    words = text.split(" ")
    while words:
        line = words.pop(0)
        while words and display_width(f"{line} {words[0]}") <= width:
            line += " " + words.pop(0)
        if len(broken) == lines - 1 and words:
            return [*broken, elide(f"{line} {words[0]}…", width)]
        broken.append(elide(line, width))
    return broken


def pad(text: str, width: int, right: bool = False) -> str:
    """`text` filled with spaces to `width` columns, aligned left or right."""
    fill = " " * max(width - display_width(text), 0)
    return fill + text if right else text + fill


def number(value: float, digits: int = 6) -> str:
    """A number with `digits` significant digits."""
    text = f"{value:.{digits}g}"
    mantissa, sign, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if sign else text


def show(value: Any, digits: int = 6) -> str:
    """Any value of a row: a number, a string, a small array, a sequence, a distribution; None as ""."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, Distribution):
        return f"{number(value.median, 4)} ({number(value.low, 3)} to {number(value.high, 3)})"
    if isinstance(value, tuple):
        return "(" + ", ".join(show(item, digits) for item in value) + (",)" if len(value) == 1 else ")")
    if isinstance(value, Sequence) and np.asarray(value).dtype.kind not in "biuf":
        return "[" + ", ".join(show(item, digits) for item in value) + "]"
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        # an extension dtype such as bfloat16, or an object that is shown as it prints itself
        if array.dtype.kind != "V":
            return str(value)
        array = array.astype(np.float32)
    if array.ndim == 0:
        return number(float(array), digits) if array.dtype.kind == "f" else str(array.item())
    return _array(array, digits)


def _array(array: np.ndarray, digits: int) -> str:
    """Up to six numbers, or the shape and the first two, "5x3: 0.1 0.2 …"; "5x3: all 2" if they are equal."""
    shape = "x".join(map(str, array.shape))
    if array.size > 3 and np.all(array == array.flat[0]):
        return f"{shape}: all {show(array.flat[0], digits)}"
    if array.ndim == 1 and array.size <= 6:
        return "[" + " ".join(show(item, digits) for item in array) + "]"
    first = " ".join(show(item, digits if digits > 6 else 4) for item in array.ravel()[:2])
    return f"{shape}: {first}" + (" …" if array.size > 2 else "")


def values(row: Row) -> tuple[str, str, str]:
    """What was documented, PyTorch's and fnnet's value; with more digits where the verdict is bad."""
    digits = 9 if row.bad else 6
    return show(row.documented, digits), show(row.pytorch, digits), show(row.fnnet, digits)


def error(row: Row) -> str:
    """A row's error; for a distribution, the quantile at which the documented value stands."""
    if isinstance(row.fnnet, Distribution):
        return f"at {100 * row.fnnet.quantile:.0f}%"
    if row.error is None:
        return ""
    if row.error == 0 or not math.isfinite(row.error):
        return number(row.error)
    mantissa, exponent = f"{row.error:.1e}".split("e")
    return f"{mantissa}e{int(exponent)}"


MARKS: dict[Verdict, str] = {
    Verdict.EXACT: "✓",
    Verdict.EQUAL: "✓",
    Verdict.IN_DISTRIBUTION: "✓",
    Verdict.MEASURED: "·",
    Verdict.BAD: "✗",
}


def count(number: int, noun: str) -> str:
    """ "1 lesson", "2 lessons"."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def seconds(value: float) -> str:
    """A time."""
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def summary(rows: Sequence[Row], lessons: int, spent: float) -> str:
    """One line: how many comparisons ended how, and how long they took."""
    counts = ", ".join(
        f"{sum(row.verdict is verdict for row in rows)} {verdict.value}"
        for verdict in Verdict
        if verdict is Verdict.BAD or any(row.verdict is verdict for row in rows)
    )
    return f"{count(lessons, 'lesson')}, {count(len(rows), 'comparison')}: {counts} in {seconds(spent)}"


LEGEND = (
    "exact: equal to the last digit. equal: within the tolerance of the dtype. in range: the documented "
    "value of a run with unknown random numbers lies within what fnnet's seeds give, at the quantile shown; "
    "fnnet's column is their median (least to greatest)."
)
