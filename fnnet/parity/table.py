"""The table of `reproduce` for a terminal: one block a lesson, so that it can be printed as lessons end."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TextIO

from fnnet.parity import text
from fnnet.parity.lessons.lesson import Result
from fnnet.parity.verdict import Row, Verdict

_HEADINGS = ("quantity", "tutorial", "PyTorch", "fnnet", "error", "verdict")
_WEIGHTS = (8, 5, 5, 7)  # the shares of the first four columns in what the last two leave
_ERROR, _VERDICT = 7, 10
_GAP = 2

_STYLES = {"bold": "1", "dim": "2", "red": "1;31", "green": "32", "yellow": "33"}
_COLOURS = {
    Verdict.EXACT: "green",
    Verdict.EQUAL: "green",
    Verdict.IN_DISTRIBUTION: "green",
    Verdict.MEASURED: "dim",
    Verdict.BAD: "red",
}


class Table:
    """The table as it is drawn on `out`.

    Args:
        out: where to; colour and the progress line are used only if it is a terminal.
        width: columns; by default the terminal's, at most 140; 120 elsewhere.
    """

    def __init__(self, out: TextIO | None = None, width: int | None = None) -> None:
        self.out = sys.stdout if out is None else out
        self.live = self.out.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and "NO_COLOR" not in os.environ
        if width is None:
            width = min(shutil.get_terminal_size().columns, 140) if self.live else 120
        self.width = max(width, 60)
        rest = self.width - 2 - _ERROR - _VERDICT - _GAP * (len(_HEADINGS) - 1)
        shares = [rest * weight // sum(_WEIGHTS) for weight in _WEIGHTS]
        shares[0] += rest - sum(shares)
        self._columns = [*shares, _ERROR, _VERDICT]

    def _style(self, line: str, name: str) -> str:
        return f"\x1b[{_STYLES[name]}m{line}\x1b[0m" if self.colour and line.strip() else line

    def _write(self, line: str = "") -> None:
        self.out.write(line.rstrip() + "\n")
        self.out.flush()

    def _cells(self, cells: Sequence[list[str]], styles: dict[int, str]) -> None:
        for i in range(max(len(cell) for cell in cells)):
            line = []
            for column, (cell, width) in enumerate(zip(cells, self._columns, strict=True)):
                padded = text.pad(cell[i] if i < len(cell) else "", width, right=_HEADINGS[column] == "error")
                line.append(self._style(padded, styles[column]) if column in styles else padded)
            self._write("  " + (" " * _GAP).join(line))

    def start(self, title: str) -> None:
        """Show, on a terminal, what is running now."""
        if self.live:
            self.out.write(f"\r{text.elide(f'  … {title}', self.width)}\x1b[K")
            self.out.flush()

    def lesson(self, result: Result) -> None:
        """Draw one lesson's block."""
        if self.live:
            self.out.write("\r\x1b[K")
        lesson = result.lesson
        right = text.seconds(result.seconds)
        title = text.elide(lesson.title, self.width - len(right) - 4)
        rule = "─" * (self.width - text.display_width(title) - len(right) - 2)
        self._write(f"{self._style(title, 'bold')} {self._style(f'{rule} {right}', 'dim')}")
        self._write(
            self._style(
                text.elide(f"  {lesson.name}: {lesson.tutorial} · examples/{lesson.program}.py", self.width),
                "dim",
            )
        )
        headings = [[text.elide(h, w)] for h, w in zip(_HEADINGS, self._columns, strict=True)]
        self._cells(headings, dict.fromkeys(range(len(_HEADINGS)), "dim"))
        for row in result.outcome.rows:
            self._row(row)
        for note in result.outcome.notes:
            for line in text.wrap(note, self.width - 2, lines=8):
                self._write(self._style("  " + line, "dim"))
        self._write()

    def _row(self, row: Row) -> None:
        values = [row.quantity, *text.values(row)]
        cells = [text.wrap(v, w, lines=3) or [""] for v, w in zip(values, self._columns, strict=False)]
        cells += [[text.error(row)], [f"{text.MARKS[row.verdict]} {row.verdict.value}"]]
        self._cells(cells, {5: _COLOURS[row.verdict], **({4: "red"} if row.bad else {})})
        for line in text.wrap(row.note, self.width - 4, lines=3) if row.note else []:
            self._write(self._style("    " + line, "red" if row.bad else "dim"))

    def end(self, results: Sequence[Result], spent: float) -> None:
        """Draw the legend and the summary line."""
        rows = [row for result in results for row in result.outcome.rows]
        for line in text.wrap(text.LEGEND, self.width, lines=8):
            self._write(self._style(line, "dim"))
        bad = any(row.bad for row in rows)
        self._write(self._style(text.summary(rows, len(results), spent), "red" if bad else "bold"))
