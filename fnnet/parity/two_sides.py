"""Running a script under PyTorch and under fnnet, each in a process of its own, from the same seed.

The children seed torch before the script does: a script that sets no seed has the same one on both sides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent

Side = dict[str, Any]
"""status, output, error, wall (seconds of the process), import, seconds (of each turn), and fnnet's stats."""


def _text(printed: bytes) -> str:
    """What was printed; carriage returns stay, since they overwrite lines."""
    return printed.decode("utf-8", "replace").replace("\r\n", "\n")


def _child(words: list[str], timeout: float, out: Path, cache: str | None = None) -> Side:
    start = time.perf_counter()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    if cache is not None:
        environment["JAX_COMPILATION_CACHE_DIR"] = cache
    side: Side = {"status": 124, "output": "", "error": f"no end after {timeout:g} s"}
    try:
        done = subprocess.run(
            [sys.executable, *words],
            capture_output=True,
            timeout=timeout,
            env=environment,
            stdin=subprocess.DEVNULL,
        )
        side = {"status": done.returncode, "output": _text(done.stdout), "error": _text(done.stderr)}
    except subprocess.TimeoutExpired as stopped:
        side["output"] = _text(stopped.stdout or b"")
    side |= {"wall": time.perf_counter() - start, "import": None, "seconds": []}
    return side | (json.loads(out.read_text()) if out.is_file() else {})


def run_pytorch(
    script: Path, arguments: list[str], seed: int, timeout: float, repeat: int = 1, perturbed: bool = False
) -> Side:
    """The script under PyTorch, `repeat` times in one process; the first turn's output is kept."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "times.json"
        child = str(_HERE / "child_pytorch.py")
        words = [child, str(script.resolve().parent), str(seed), str(out), str(repeat), str(int(perturbed))]
        return _child([*words, str(script), *arguments], timeout, out)


def run_fnnet(
    script: Path, arguments: list[str], seed: int, timeout: float, repeat: int = 1, cache: str | None = None
) -> Side:
    """The script under fnnet; `stats` has the counts of the first turn.

    `cache`: where compiled programs are kept between processes; by default where the command line keeps them.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "times.json"
        words = ["-m", "fnnet.parity.child_fnnet", str(seed), str(out), str(repeat), str(script), *arguments]
        return {"stats": {}} | _child(words, timeout, out, cache)
