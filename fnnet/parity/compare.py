"""`fnnet compare SCRIPT`: the numbers a script prints under PyTorch and under fnnet, side by side.

Where they differ, PyTorch runs the script once more with the last bits of its sums changed. What a training
run makes of that is what rounding may do to it; only what goes beyond is a difference.

Exit status: 0 if every line agrees up to rounding, 1 if one differs, 2 if there is nothing to compare, 3 if a
run failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fnnet.checkpoint.atomic import atomically
from fnnet.parity import text
from fnnet.parity.printed import RTOL, Line, Match, compare_lines
from fnnet.parity.two_sides import Side, run_fnnet, run_pytorch

FORMAT = "fnnet.compare"
KEPT = ("status", "output", "error", "wall", "import", "seconds")
SHOWN = 40
"""Rows that are printed of a longer comparison, unless all are asked for."""
STYLES = {Match.DIFFERENT: "31", Match.UNMATCHED: "31", Match.ROUNDING: "33"}
MARKS = {
    Match.SAME: "✓",
    Match.EQUAL: "✓",
    Match.ROUNDING: "≈",
    Match.DIFFERENT: "✗",
    Match.UNMATCHED: "✗",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    kept = "keep PyTorch's side here, or read it where PyTorch is not installed"
    parser.add_argument("--record", type=Path, metavar="FILE", help=kept)
    parser.add_argument("--seed", type=int, default=0, help="set before the script runs (default 0)")
    parser.add_argument("--rtol", type=float, default=RTOL, help="relative tolerance (default 1e-4)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each run (default 600)")
    parser.add_argument("--all", action="store_true", help="print every line, not only the telling ones")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument("script", help="the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")


def _installed() -> bool:
    return importlib.util.find_spec("torch") is not None


def _again(args: argparse.Namespace) -> str | None:
    """What PyTorch prints with its sums rounded otherwise; None if that run fails."""
    side = run_pytorch(Path(args.script), args.arguments, args.seed, 4 * args.timeout, perturbed=True)
    return None if side["status"] else side["output"]


def _keep(args: argparse.Namespace, side: Side) -> None:
    kept = {"format": FORMAT, **_about(args), "side": {name: side[name] for name in (*KEPT, "again")}}
    with atomically(args.record) as file:
        file.write(json.dumps(kept, indent=1).encode())


def _about(args: argparse.Namespace) -> dict[str, Any]:
    return {"script": Path(args.script).name, "arguments": args.arguments, "seed": args.seed}


def _theirs(args: argparse.Namespace) -> Side | str:
    """PyTorch's side: run, or read from the record; a string says why there is none."""
    if _installed():
        run_side = run_pytorch(Path(args.script), args.arguments, args.seed, args.timeout)
        if args.record is not None and run_side["status"] == 0:
            run_side["again"] = _again(args)
            _keep(args, run_side)
        return run_side
    if args.record is None:
        return "PyTorch is not installed: give --record FILE with its recorded side"
    try:
        kept = json.loads(args.record.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return f"--record: {args.record}: {error}"
    side: Any = kept.get("side") if isinstance(kept, dict) and kept.get("format") == FORMAT else None
    if not isinstance(side, dict) or not isinstance(side.get("output"), str):
        return f"--record: {args.record}: not a record of this command"
    if not isinstance(side.get("again"), str | None) or not isinstance(side.get("wall"), int | float):
        return f"--record: {args.record}: not a record of this command"
    if other := [name for name, value in _about(args).items() if kept.get(name) != value]:
        return f"--record: {args.record}: recorded with another {other[0]}: {kept.get(other[0])!r}"
    return {"status": 0, "error": "", **{name: side.get(name) for name in ("output", "again", "wall")}}


def run(args: argparse.Namespace) -> int:
    """Compare the two sides and print them."""
    if not Path(args.script).is_file():
        print(f"fnnet compare: no such file: {args.script}", file=sys.stderr)
        return 2
    theirs = _theirs(args)
    if isinstance(theirs, str):
        print(f"fnnet compare: {theirs}", file=sys.stderr)
        return 2
    ours = run_fnnet(Path(args.script), args.arguments, args.seed, args.timeout)
    rows = compare_lines(theirs["output"], ours["output"], args.rtol, theirs.get("again"))
    failed = [name for name, side in (("PyTorch", theirs), ("fnnet", ours)) if side["status"]]
    if not failed and not all(row.match.ok for row in rows) and "again" not in theirs and _installed():
        theirs["again"] = _again(args)
        rows = compare_lines(theirs["output"], ours["output"], args.rtol, theirs["again"])
    ok = bool(rows) and not failed and all(row.match.ok for row in rows)
    if args.json:
        lines = [row.to_dict(i + 1) for i, row in enumerate(rows)]
        found = {"ok": ok, "verdict": verdict(rows), "failed": failed, "lines": lines}
        print(json.dumps(found | {"pytorch": theirs, "fnnet": ours}, indent=1))
    elif theirs["output"] and ours["output"]:
        width = shutil.get_terminal_size((120, 24)).columns
        print("\n".join(show(rows, width, args.all, sys.stdout.isatty())))
        print(f"{verdict(rows)}\n{_costs(theirs, ours)}")
    for name, side in (("PyTorch", theirs), ("fnnet", ours)):
        if side["status"]:
            print(f"\nunder {name} the script ended with {side['status']}:\n{side['error']}", file=sys.stderr)
    if not rows and not failed:
        print("fnnet compare: the script prints nothing", file=sys.stderr)
        return 2
    return 3 if failed else 0 if ok else 1


def verdict(rows: Sequence[Line]) -> str:
    """How many lines agree, and the first that does not."""
    counts = {kind: sum(row.match is kind for row in rows) for kind in Match}
    alike = counts[Match.SAME] + counts[Match.EQUAL]
    words = [f"{text.count(len(rows), 'line')}: {alike} agree"]
    if counts[Match.ROUNDING]:
        words.append(f"{counts[Match.ROUNDING]} up to rounding")
    if bad := counts[Match.DIFFERENT] + counts[Match.UNMATCHED]:
        first = next(i for i, row in enumerate(rows) if not row.match.ok)
        words.append(f"{bad} differ, the first is line {first + 1}")
    return ", ".join(words)


def _costs(theirs: Side, ours: Side) -> str:
    stats = ours["stats"]
    seen = f"PyTorch {text.seconds(theirs['wall'])}, fnnet {text.seconds(ours['wall'])}"
    if not stats:
        return seen
    compiled = text.count(int(stats["compilations"]), "program")
    return (
        f"{seen}: {compiled} compiled in {text.seconds(stats['compile_seconds'])}, "
        f"{text.count(int(stats['cache_hits']), 'call')} of them again"
    )


def _chosen(rows: Sequence[Line], everything: bool) -> list[int]:
    """Which rows are shown: all of a short comparison; of a long one the ends, and what differs first."""
    if everything or len(rows) <= SHOWN:
        return list(range(len(rows)))
    bad = [i for i, row in enumerate(rows) if not row.match.ok]
    rounded = [i for i, row in enumerate(rows) if row.match is Match.ROUNDING]
    ends = [*range(5), *range(len(rows) - 5, len(rows))]
    near = [i for first in bad[:1] for i in range(max(first - 2, 0), min(first + 3, len(rows)))]
    return sorted({*ends, *near, *bad[:16], *rounded[:3]})


def show(rows: Sequence[Line], width: int, everything: bool = False, coloured: bool = False) -> list[str]:
    """The table, as wide as the terminal; a line that is too long is shown where it differs."""
    number = len(str(len(rows)))
    far = [
        "" if row.relative is None or row.match is Match.SAME else text.number(row.relative, 2)
        for row in rows
    ]
    wide = max(len("differ by"), *map(len, far))
    longest = max(text.display_width(line or "") for row in rows for line in (row.pytorch, row.fnnet))
    cell = max(12, min((width - number - wide - 9) // 2, max(longest, len("(no line)"))))

    def line(mark: str, at: str, left: str, right: str, gap: str, style: str) -> str:
        cells = [mark, text.pad(at, number, True), text.pad(left, cell), text.pad(right, cell), gap]
        shown = "  ".join(cells).rstrip()
        return f"\033[{style}m{shown}\033[0m" if coloured and style else shown

    lines = [line(" ", "", "PyTorch", "fnnet", "differ by", "1")]
    before = -1
    for i in _chosen(rows, everything):
        if i > before + 1:
            hidden = rows[before + 1 : i]
            bad = sum(not row.match.ok for row in hidden)
            rounded = sum(row.match is Match.ROUNDING for row in hidden)
            words = [f"{len(hidden) - bad - rounded} agree"]
            words += [f"{rounded} up to rounding"] * bool(rounded) + [f"{bad} differ"] * bool(bad)
            note = f"… {text.count(len(hidden), 'line')}: {', '.join(words)}"
            lines.append(f"\033[2m{note}\033[0m" if coloured else note)
        before = i
        row = rows[i]
        left, right = _windows(row.pytorch, row.fnnet, cell)
        lines.append(line(MARKS[row.match], str(i + 1), left, right, far[i], STYLES.get(row.match, "")))
    return lines


def _windows(left: str | None, right: str | None, width: int) -> tuple[str, str]:
    """Both lines cut to a width, from a little before the place where they part."""
    if left is None or right is None:
        return tuple("(no line)" if line is None else text.elide(line, width) for line in (left, right))  # type: ignore[return-value]
    pairs = zip(left, right, strict=False)
    part = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
    start = 0 if left == right or part < width - 8 else part - width // 3

    def cut(line: str) -> str:
        return text.elide("…" + line[start + 1 :] if start else line, width)

    return cut(left), cut(right)
