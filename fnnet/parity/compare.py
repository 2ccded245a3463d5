"""`fnnet compare SCRIPT`: the numbers a script prints under PyTorch and under fnnet, side by side.

Exit status: 0 if every line agrees, 1 if one differs, 2 if there is nothing to compare, 3 if a run failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fnnet.checkpoint.atomic import atomically
from fnnet.parity import text
from fnnet.parity.difference import table

NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?|inf|nan)(?![\w])")
RTOL = 1e-4
FORMAT = "fnnet.compare"

# The child seeds torch before the script does: a script that sets no seed has the same one on both sides.
_PYTORCH = """
import json, runpy, sys, time
import torch
sys.path[0] = sys.argv.pop(1)
torch.manual_seed(int(sys.argv.pop(1)))
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_FNNET = """
import json, sys
import fnnet.torch
from fnnet.torch import script
out, seed = sys.argv[1], int(sys.argv[2])
fnnet.torch.manual_seed(seed)
fnnet.torch.reset_stats()
status = script.run(sys.argv[3], sys.argv[4:])
with open(out, "w") as file:
    json.dump(vars(fnnet.torch.stats()), file)
sys.exit(status)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    kept = "keep PyTorch's side here, or read it where PyTorch is not installed"
    parser.add_argument("--record", type=Path, metavar="FILE", help=kept)
    parser.add_argument("--seed", type=int, default=0, help="set before the script runs (default 0)")
    parser.add_argument("--rtol", type=float, default=RTOL, help="relative tolerance (default 1e-4)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each side (default 600)")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    parser.add_argument("script", help="the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")


def _child(code: str, words: list[str], timeout: float) -> dict[str, Any]:
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            timeout=timeout,
            encoding="utf-8",
            errors="replace",
            env=environment,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return {"status": 124, "output": "", "error": f"no end after {timeout:g} s", "seconds": timeout}
    spent = time.perf_counter() - start
    return {"status": done.returncode, "output": done.stdout, "error": done.stderr, "seconds": spent}


def run_pytorch(script: Path, arguments: list[str], seed: int, timeout: float) -> dict[str, Any]:
    """What the script prints under PyTorch, its status and seconds."""
    words = [str(script.resolve().parent), str(seed), str(script), *arguments]
    return _child(_PYTORCH, words, timeout)


def run_fnnet(script: Path, arguments: list[str], seed: int, timeout: float) -> dict[str, Any]:
    """What the script prints under fnnet, its status, seconds, and the counts of `fnnet.torch.stats()`."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "stats.json"
        side = _child(_FNNET, [str(out), str(seed), str(script), *arguments], timeout)
        side["stats"] = json.loads(out.read_text()) if out.is_file() else {}
    return side


def compare_lines(theirs: str, ours: str, rtol: float = RTOL) -> list[dict[str, Any]]:
    """The printed lines side by side, the largest relative difference of their numbers, whether they agree.

    A number also agrees if it differs by one in its last printed digit, where that is a tenth at most.
    """
    a, b = theirs.splitlines(), ours.splitlines()
    rows = []
    for i in range(max(len(a), len(b))):
        left, right = a[i] if i < len(a) else None, b[i] if i < len(b) else None
        row: dict[str, Any] = {"line": i + 1, "pytorch": left, "fnnet": right, "relative": None, "ok": False}
        if left is not None and right is not None:
            x, y = NUMBER.findall(left), NUMBER.findall(right)
            if len(x) == len(y) and NUMBER.sub("#", left).split() == NUMBER.sub("#", right).split():
                gaps = [_gap(p, q, rtol) for p, q in zip(x, y, strict=True)]
                row["relative"] = max((far for far, _ in gaps), default=None)
                row["ok"] = all(good for _, good in gaps)
        rows.append(row)
    return rows


def _gap(left: str, right: str, rtol: float) -> tuple[float, bool]:
    if left == right:
        return 0.0, True
    a, b = float(left), float(right)
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf, a == b or (math.isnan(a) and math.isnan(b))
    far = abs(a - b) / abs(a) if a else abs(b)
    whole = re.fullmatch(r"[-+]?\d+", left) and re.fullmatch(r"[-+]?\d+", right)
    if whole:
        return far, a == b
    digit = max(_last_digit(left), _last_digit(right))
    return far, far <= rtol or (abs(a - b) <= 1.01 * digit and far <= 0.11)


def _last_digit(word: str) -> float:
    """What one in the last printed digit is worth."""
    mantissa, _, exponent = word.lower().partition("e")
    places = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - places)


def _theirs(args: argparse.Namespace) -> dict[str, Any] | str:
    """PyTorch's side: run, or read from the record; a string says why there is none."""
    same = {"script": Path(args.script).name, "arguments": args.arguments, "seed": args.seed}
    if importlib.util.find_spec("torch") is not None:
        side = run_pytorch(Path(args.script), args.arguments, args.seed, args.timeout)
        if args.record is not None and side["status"] == 0:
            kept = {
                "format": FORMAT,
                **same,
                "side": {k: side[k] for k in ("status", "output", "error", "seconds")},
            }
            with atomically(args.record) as file:
                file.write(json.dumps(kept, indent=1).encode())
        return side
    if args.record is None:
        return "PyTorch is not installed: give --record FILE with its recorded side"
    try:
        kept = json.loads(args.record.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"--record: {args.record}: {error}"
    if not isinstance(kept, dict) or kept.get("format") != FORMAT or not isinstance(kept.get("side"), dict):
        return f"--record: {args.record}: not a record of this command"
    if other := [name for name, value in same.items() if kept.get(name) != value]:
        return f"--record: {args.record}: recorded with another {other[0]}: {kept.get(other[0])!r}"
    return {"status": 0, "error": "", **kept["side"]}


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
    rows = compare_lines(theirs["output"], ours["output"], args.rtol)
    failed = [name for name, side in (("PyTorch", theirs), ("fnnet", ours)) if side["status"]]
    ok = not failed and all(row["ok"] for row in rows)
    if args.json:
        sides = {"pytorch": theirs, "fnnet": ours}
        plain = [
            {**r, "relative": str(r["relative"]) if r["relative"] == math.inf else r["relative"]}
            for r in rows
        ]
        print(json.dumps({"ok": ok, "failed": failed, "lines": plain, **sides}, indent=1))
    else:
        _show(rows, theirs, ours)
    for name, side in (("PyTorch", theirs), ("fnnet", ours)):
        if side["status"]:
            print(f"\nunder {name} the script ended with {side['status']}:\n{side['error']}", file=sys.stderr)
    return 3 if failed else 0 if ok else 1


def _show(rows: list[dict[str, Any]], theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    def cell(value: str | None) -> str:
        return "(no line)" if value is None else text.elide(value, 50)

    cells = [
        [
            "✓" if row["ok"] else "✗",
            str(row["line"]),
            cell(row["pytorch"]),
            cell(row["fnnet"]),
            "" if row["relative"] is None else text.number(row["relative"], 2),
        ]
        for row in rows
    ]
    print(table(cells, ["", "line", "PyTorch", "fnnet", "relative"], 150))
    counts = ", ".join(f"{name} {value:g}" for name, value in ours["stats"].items())
    bad = sum(not row["ok"] for row in rows)
    print(f"{text.count(len(rows), 'line')}, {bad} differ; PyTorch {text.seconds(theirs['seconds'])}, "
          f"fnnet {text.seconds(ours['seconds'])}" + (f" ({counts})" if counts else ""))  # fmt: skip
