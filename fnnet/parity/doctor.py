"""The command `doctor`: what a program needs of PyTorch or TensorFlow, without running it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from fnnet.torch.doctor import Use, examine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("script", metavar="SCRIPT", help="a Python file that imports torch")


def _listed(uses: Iterable[Use]) -> str:
    rows = list(uses)
    width = max((len(use.name) for use in rows), default=0)
    return "\n".join(f"  {use.name:<{width}}  {', '.join(map(str, use.lines))}" for use in rows)


def _packages(uses: Iterable[Use]) -> list[str]:
    """The packages that the names belong to, as people write them."""
    roots = {use.name.partition(".")[0] for use in uses}
    return [
        word
        for word, own in (("PyTorch", {"torch", "torchvision", "Tensor"}), ("TensorFlow", {"tensorflow"}))
        if roots & own
    ]


def run(args: argparse.Namespace) -> int:
    """Print the names with the lines that use them; 1 if fnnet lacks one, 2 if the script cannot be read."""
    if args.script.endswith(".ipynb"):
        print(
            f"fnnet doctor: {args.script}: a notebook; give the program that `jupyter nbconvert --to script` "
            "makes of it",
            file=sys.stderr,
        )
        return 2
    try:
        uses = examine(Path(args.script).read_bytes(), args.script)
    except OSError as error:
        print(f"fnnet doctor: {args.script}: {error.strerror}", file=sys.stderr)
        return 2
    except SyntaxError as error:
        place = args.script if error.lineno is None else f"{args.script}:{error.lineno}"
        print(f"fnnet doctor: {place}: not Python 3: {error.msg}", file=sys.stderr)
        return 2
    present = [use for use in uses if use.present]
    missing = [use for use in uses if not use.present and use.certain]
    possible = [use for use in uses if not use.present and not use.certain]
    of = " and ".join(_packages(uses)) or "PyTorch"
    print(f"{args.script} uses {len(uses)} names of {of}; fnnet has {len(present)} of them")
    if present:
        print(f"present:\n{_listed(present)}")
    if missing:
        print(f"missing:\n{_listed(missing)}")
    if possible:
        print(f"possibly missing (where the object is what the name suggests):\n{_listed(possible)}")
    return 1 if missing else 0
