"""The results of `reproduce` as one self-contained HTML page, with the curves as pictures."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path

import jax

import fnnet
from fnnet.parity import chart, text
from fnnet.parity.lessons.lesson import Result
from fnnet.parity.verdict import Row, Verdict

_STYLE = """
:root { color-scheme: light dark; --page: #fff; --text: #1b1f24; --muted: #59636e; --grid: #e3e7ec;
  --panel: #f6f8fa; --good: #11692f; --bad: #b3171f; --bad-panel: #ffe9e9;
  --point: #1b1f24; --s0: #0072b2; --s1: #d55e00; --s2: #00805c; --s3: #a8467c; }
@media (prefers-color-scheme: dark) { :root { --page: #101418; --text: #e6edf3; --muted: #9aa6b2;
  --grid: #2a323b; --panel: #1a2027; --good: #5ac97f; --bad: #ff8585; --bad-panel: #44191c;
  --point: #f2f5f8; --s0: #58b4ea; --s1: #f29b4b; --s2: #3fc79a; --s3: #e08fc0; } }
body { background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; margin: 0 auto;
  max-width: 66rem; padding: 1.5rem; }
h1 { margin: 0 0 .2rem; } h2 { margin: 2.4rem 0 .1rem; }
.about, .note, footer { color: var(--muted); font-size: .9rem; } .note { margin: .4rem 0; }
.sum { background: var(--panel); border-radius: .5rem; padding: .7rem 1rem; font-weight: 600; }
.sum.bad { background: var(--bad-panel); color: var(--bad); }
nav ul, .legend { list-style: none; padding: 0; display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; min-width: 54rem; table-layout: fixed;
  font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .28rem .7rem .28rem 0; border-bottom: 1px solid var(--grid);
  vertical-align: top; }
thead th { color: var(--muted); font-weight: 600; } tbody th { font-weight: 400; }
td, th { overflow-wrap: break-word; } th:first-child { width: 27%; } th:nth-child(4) { width: 23%; }
th:nth-child(5) { width: 5.2rem; } th:nth-child(6) { width: 6.4rem; }
.number { text-align: right; padding-right: 1.4rem; white-space: nowrap; } td.verdict { white-space: nowrap; }
td small, th small { display: block; color: var(--muted); }
.good { color: var(--good); } .BAD { color: var(--bad); font-weight: 700; }
tr.row-bad { background: var(--bad-panel); }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 29rem), 1fr));
  gap: 1rem 2rem; margin: 1.2rem 0; }
figure { margin: 0; } figcaption { font-weight: 600; }
.legend { margin: .2rem 0; font-size: .88rem; }
.legend svg { vertical-align: -2px; }
a { color: inherit; }
@media print { body { max-width: none; } figure, tr { break-inside: avoid; } }
"""


def _row(row: Row) -> str:
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    values = "".join(f"<td>{escape(value)}</td>" for value in text.values(row))
    style = {Verdict.BAD: "BAD", Verdict.MEASURED: ""}.get(row.verdict, "good")
    return (
        f"<tr{' class=row-bad' if row.bad else ''}>"
        f'<th scope="row">{escape(row.quantity)}{note}</th>{values}'
        f'<td class="number">{escape(text.error(row))}</td>'
        f'<td class="verdict {style}">{text.MARKS[row.verdict]} {escape(row.verdict.value)}</td></tr>'
    )


def _section(result: Result) -> str:
    lesson = result.lesson
    columns = ("quantity", "tutorial", "PyTorch", "fnnet", "error", "verdict")
    head = "".join(
        f'<th scope="col"{" class=number" if name == "error" else ""}>{name}</th>' for name in columns
    )
    figures = "".join(
        chart.figure(curve, f"{lesson.name}-{i}") for i, curve in enumerate(result.outcome.curves)
    )
    figures = f'<div class="figures">{figures}</div>' if figures else ""
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in result.outcome.notes)
    return (
        f'<section id="{escape(lesson.name)}"><h2>{escape(lesson.title)}</h2>'
        f'<p class="about">{escape(lesson.tutorial)} · examples/{escape(lesson.program)}.py · '
        f"{text.seconds(result.seconds)}</p>{notes}{figures}"
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>'
        + "".join(map(_row, result.outcome.rows))
        + "</tbody></table></div></section>"
    )


def page(results: Sequence[Result], spent: float) -> str:
    """The whole page."""
    rows = [row for result in results for row in result.outcome.rows]
    bad = any(row.bad for row in rows)
    contents = "".join(
        f'<li><a href="#{escape(r.lesson.name)}">{escape(r.lesson.title)}</a>'
        f"{' <span class=BAD>✗</span>' if r.bad else ''}</li>"
        for r in results
    )
    made = (
        f"fnnet {fnnet.__version__}, JAX {jax.__version__} on {jax.default_backend()}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>fnnet reproduce</title><style>{_STYLE}{chart.STYLE}</style></head><body>"
        "<header><h1>The lessons, reproduced</h1>"
        f'<p class="about">{escape(made)}</p>'
        f'<p class="sum{" bad" if bad else ""}">{escape(text.summary(rows, len(results), spent))}</p>'
        f'<p class="about">{escape(text.LEGEND)}</p></header>'
        f'<nav aria-label="Lessons"><ul>{contents}</ul></nav>'
        f"<main>{''.join(map(_section, results))}</main>"
        "<footer><p>The column PyTorch was recorded from PyTorch with the same seed.</p></footer>"
        "</body></html>\n"
    )


def write(path: Path, results: Sequence[Result], spent: float) -> None:
    """Write the page to `path`, whole or not at all."""
    content = page(results, spent)
    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
