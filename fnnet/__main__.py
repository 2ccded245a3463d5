"""The command line: `python -m fnnet COMMAND ...`, or `fnnet COMMAND ...`.

A command is a module with `add_arguments(parser)` and `run(args) -> exit status`; only the one asked for is
imported.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Command(NamedTuple):
    """What a command does, in a line, and the module that does it."""

    summary: str
    module: str


COMMANDS: dict[str, Command] = {
    "reproduce": Command("run the tutorials' lessons and compare every number", "fnnet.parity.reproduce"),
    "compare": Command("run a program under PyTorch and fnnet, numbers side by side", "fnnet.parity.compare"),
    "bench": Command("time a program under PyTorch and fnnet: cold, warm, steady", "fnnet.parity.bench"),
    "run": Command("run a PyTorch program on JAX, as it stands", "fnnet.parity.run"),
    "doctor": Command(
        "list the PyTorch names that a program uses, and which fnnet lacks", "fnnet.parity.doctor"
    ),
}


def compilation_cache() -> None:
    """Keep compiled programs between runs, in $JAX_COMPILATION_CACHE_DIR or in the user's cache folder."""
    import jax

    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        home = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
        folder = Path(os.environ.get("XDG_CACHE_HOME") or home) / "fnnet" / "compiled"
        jax.config.update("jax_compilation_cache_dir", str(folder))
    # by default only what takes a second to compile is kept; these programs take a tenth of it, but are many
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and words[:1] != ["run"]:  # a program has its own streams
            stream.reconfigure(errors="replace")  # a terminal that has no "✓" shows "?"
    listing = "\n".join(f"  {name:<12}{command.summary}" for name, command in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="fnnet",
        description="PyTorch's semantics as pure JAX functions.",
        epilog=f"commands:\n{listing}\n\n'fnnet COMMAND --help' tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the versions of fnnet and JAX")
    parser.add_argument("command", nargs="?", choices=list(COMMANDS), metavar="COMMAND")
    args = parser.parse_args(words[:1])
    if args.version:
        import jax

        import fnnet

        print(f"fnnet {fnnet.__version__}, jax {jax.__version__}, Python {sys.version.split()[0]}")
        return 0
    if args.command is None:
        parser.print_help()
        return 2
    command = COMMANDS[args.command]
    module = importlib.import_module(command.module)
    own = argparse.ArgumentParser(prog=f"fnnet {args.command}", description=command.summary)
    module.add_arguments(own)
    options = own.parse_args(words[1:])
    compilation_cache()
    try:
        return int(module.run(options))
    except BrokenPipeError:
        # the reader (head, less) went away: nothing more to say, and nothing to flush at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
