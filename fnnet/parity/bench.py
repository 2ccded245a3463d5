"""`fnnet bench SCRIPT`: how long a script takes under PyTorch and under fnnet, cold, warm and steady.

- cold: a process that has never compiled anything;
- warm: a new process that finds the compiled programs of the one before on the disk;
- steady: the script once more in the same process, everything compiled: the fastest of the later turns.

Imports are counted apart. PyTorch has no cold start: its first turn stands in both rows. Exit status: 0, 2 if
the script is not there, 3 if a run failed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

from fnnet.parity import text
from fnnet.parity.difference import table
from fnnet.parity.two_sides import Side, run_fnnet, run_pytorch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--turns", type=int, default=3, help="turns in one process, at least 2 (default 3)")
    parser.add_argument("--seed", type=int, default=0, help="set before each turn (default 0)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds for each process (default 600)")
    parser.add_argument("--json", action="store_true", help="print the times as JSON")
    parser.add_argument("script", help="the script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="its arguments")


def _times(first: Side, warm: Side, turns: Side) -> dict[str, float]:
    """Seconds by what they were spent on."""
    return {
        "import": turns["import"],
        "cold": first["seconds"][0],
        "warm": warm["seconds"][0],
        "steady": min(turns["seconds"][1:]),
    }


def run(args: argparse.Namespace) -> int:
    """Run the processes one after the other, and print the table."""
    script, turns = Path(args.script), max(args.turns, 2)
    if not script.is_file():
        print(f"fnnet bench: no such file: {script}", file=sys.stderr)
        return 2
    given = script, args.arguments, args.seed, args.timeout
    with tempfile.TemporaryDirectory() as cache:
        cold = run_fnnet(*given, 1, cache)
        ours = cold if cold["status"] else run_fnnet(*given, turns, cache)
    sides = {"fnnet": ours}
    if not ours["status"] and importlib.util.find_spec("torch") is not None:
        sides["PyTorch"] = run_pytorch(*given, turns)
    for name, side in sides.items():
        if side["status"]:
            print(f"under {name} the script ended with {side['status']}:\n{side['error']}", file=sys.stderr)
            return 3
    found = {"fnnet": _times(cold, ours, ours)}
    if "PyTorch" in sides:
        found["PyTorch"] = _times(sides["PyTorch"], sides["PyTorch"], sides["PyTorch"])
    if args.json:
        print(json.dumps({"seconds": found, "stats": cold["stats"]}, indent=1))
        return 0
    rows = []
    for kind in ("import", "cold", "warm", "steady"):
        mine, theirs = found["fnnet"][kind], found.get("PyTorch", {}).get(kind)
        ratio = "" if theirs is None else f"{mine / theirs:.2f}"
        rows.append([kind, "" if theirs is None else _seconds(theirs), _seconds(mine), ratio])
    print(table(rows, ["", "PyTorch", "fnnet", "fnnet / PyTorch"]))
    compiled = text.count(int(cold["stats"]["compilations"]), "program")
    print(f"cold: {compiled} compiled in {text.seconds(cold['stats']['compile_seconds'])}")
    return 0


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 10 else f"{value:.1f} s"
