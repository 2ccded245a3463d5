"""The command `run`: a PyTorch program on JAX, as it stands."""

from __future__ import annotations

import argparse
import signal
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; every word after the script is the script's own."""
    parser.add_argument(
        "--stats", action="store_true", help="print the recorder's counters at the end (to stderr)"
    )
    parser.add_argument("-m", action="store_true", dest="module", help="SCRIPT is a module's name")
    parser.add_argument(
        "script", metavar="SCRIPT", help='a Python file that imports torch, a folder with __main__.py, or "-"'
    )
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGS", help="passed to the script")


def run(args: argparse.Namespace) -> int:
    """Run the script; returns its exit status. Raises KeyboardInterrupt, already shown, if it was."""
    from fnnet.torch import script, statistics

    status = script.run(args.script, args.arguments, args.module)
    if args.stats:
        print(statistics.stats(), file=sys.stderr)
    if status == -signal.SIGINT:
        sys.excepthook = lambda *shown: None
        raise KeyboardInterrupt  # the process ends by the signal, which a shell's loop sees
    return status
