"""The command `reproduce`: runs the lessons and shows, number by number, how they compare."""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fnnet.parity.lessons import LESSONS
from fnnet.parity.lessons.lesson import Result, Settings
from fnnet.parity.table import Table


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--lesson", action="append", metavar="NAME", choices=list(LESSONS), help="run this one (repeatable)"
    )
    parser.add_argument("--list", action="store_true", help="list the lessons and stop")
    parser.add_argument(
        "--seeds", type=_positive, metavar="N", help="seeds for results of unknown random numbers"
    )
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="write a page with plots as well")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the table")


def plain(value: Any) -> Any:
    """`value` as what JSON can hold: arrays as lists, numbers that are not finite as strings."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    array = np.asarray(value)
    if array.ndim:
        return plain(array.tolist())
    item = array.item() if array.dtype.kind in "biuf" else str(value)
    return str(item) if isinstance(item, float) and not math.isfinite(item) else item


def as_json(results: Sequence[Result], spent: float) -> str:
    """The results as JSON text."""
    lessons = []
    for result in results:
        about = asdict(result.lesson)
        del about["check"]
        rows = [
            {**vars(row), "fnnet": asdict(row.fnnet) if hasattr(row.fnnet, "quantile") else row.fnnet}
            for row in result.outcome.rows
        ]
        lessons.append(
            {**about, "seconds": result.seconds, "bad": result.bad, "error": result.error}
            | {"rows": rows, "notes": list(result.outcome.notes)}
        )
    whole = {"lessons": lessons, "bad": any(r.bad for r in results), "seconds": spent}
    return json.dumps(plain(whole), indent=1, allow_nan=False)


def run(args: argparse.Namespace) -> int:
    """Run the lessons asked for; 1 if any verdict is bad, else 0."""
    if args.list:
        width = max(map(len, LESSONS))
        for lesson in LESSONS.values():
            print(f"{lesson.name:<{width}}  {lesson.title} ({lesson.tutorial})")
        return 0
    if args.report is not None and not args.report.absolute().parent.is_dir():
        print(f"reproduce: --report: no folder {args.report.absolute().parent}", file=sys.stderr)
        return 2
    settings = Settings(seeds=args.seeds)
    names = list(dict.fromkeys(args.lesson or LESSONS))
    table = None if args.json else Table()
    results = []
    start = time.perf_counter()
    for name in names:
        if table is not None:
            table.start(LESSONS[name].title)
        results.append(LESSONS[name].run(settings))
        if table is not None:
            table.lesson(results[-1])
    spent = time.perf_counter() - start
    if table is None:
        print(as_json(results, spent))
    else:
        table.end(results, spent)
    for result in results:
        if result.error:
            print(f"\nlesson {result.lesson.name}:\n{result.error}", file=sys.stderr)
    if args.report is not None:
        from fnnet.parity import report

        report.write(args.report, results, spent)
        print(f"report: {args.report}", file=sys.stderr)
    return int(any(result.bad for result in results))
