"""The tutorials' programs as whole processes: under PyTorch, and under fnnet with empty and warm cache.

    python benchmarks/recorder_scripts.py [--rounds N] [NAME ...]

Each program of examples/torch_api is run from the start of Python to its exit; the best of the rounds counts,
and the rounds of the three take turns, so that they meet the same load. A step in the steady state is the
difference of a long and a short run divided by the difference of their steps. Ratios are fnnet / PyTorch.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = Path(__file__).resolve().parent.parent / "examples" / "torch_api"
STEPS = {"fizzbuzz": (50, 250), "lenet_pictures": (500, 2000)}
"""Short and long runs, in the words that the program takes; (100, 500) for the others that take steps."""
NOT_TIMED = ("two_layer_numpy", "cifar10_pictures")
"""The first has no PyTorch in it, the other downloads its pictures."""
STEPS_PER_WORD = {"fizzbuzz": 8, "lenet_pictures": 2 * 0.8 / 4}


def seconds(words: list[str], cache: str) -> float:
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *words],
        env={**os.environ, "JAX_COMPILATION_CACHE_DIR": cache},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
    return time.perf_counter() - begin


def measure(path: Path, rounds: int, with_torch: bool) -> str:
    takes_steps = "sys.argv" in path.read_text(encoding="utf-8")
    short, long = STEPS.get(path.stem, (100, 500))
    torch, ours = [str(path)], ["-m", "fnnet", "run", str(path)]
    best: dict[str, float] = {}

    def note(name: str, words: list[str], cache: str) -> None:
        best[name] = min(best.get(name, float("inf")), seconds(words, cache))

    few, many = ([str(short)], [str(long)]) if takes_steps else ([], [])
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as cache:
            note("empty", [*ours, *many], cache)
            note("warm", [*ours, *many], cache)
            if with_torch:
                note("torch", [*torch, *many], cache)
            if takes_steps:
                note("warm short", [*ours, *few], cache)
                if with_torch:
                    note("torch short", [*torch, *few], cache)
    theirs = best.get("torch", float("nan"))
    line = f"{path.stem:20}{theirs:9.2f}{best['empty']:9.2f}{best['warm']:9.2f}"
    line += f"{best['empty'] / theirs:9.2f}{best['warm'] / theirs:9.2f}"
    if takes_steps:
        scale = 1e3 / ((long - short) * STEPS_PER_WORD.get(path.stem, 1))
        step = (best["warm"] - best["warm short"]) * scale
        step_torch = (theirs - best.get("torch short", float("nan"))) * scale
        line += f"{step_torch:10.3f}{step:10.3f}{step / step_torch:8.2f}"
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("names", nargs="*", metavar="NAME")
    args = parser.parse_args()
    with_torch = importlib.util.find_spec("torch") is not None
    print(f"{'':20}{'whole process, seconds':>27}{'ratio':>18}{'ms a step':>20}")
    heads = ["torch", "empty", "warm", "empty", "warm"]
    print(
        f"{'program':20}"
        + "".join(f"{head:>9}" for head in heads)
        + f"{'torch':>10}{'fnnet':>10}{'ratio':>8}"
    )
    for path in sorted(PROGRAMS.glob("*.py")):
        if path.stem not in NOT_TIMED and (not args.names or path.stem in args.names):
            print(measure(path, args.rounds, with_torch), flush=True)


if __name__ == "__main__":
    main()
