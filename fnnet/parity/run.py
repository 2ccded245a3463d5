"""The command `run`: a PyTorch program on JAX, as it stands."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; every word after the script is the script's own."""
    parser.add_argument(
        "--stats", action="store_true", help="print the recorder's counters at the end (to stderr)"
    )
    parser.add_argument("script", metavar="SCRIPT", help="a Python file that imports torch")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="passed to the script")


def run(args: argparse.Namespace) -> int:
    """Run the script; returns its exit status."""
    from fnnet.torch import script, statistics

    status = script.run(args.script, args.arguments)
    if args.stats:
        print(statistics.stats(), file=sys.stderr)
    return status
