"""PyTorch's own test data put to fnnet: a table by entry, and what is left out.

    python tests/judge op [NAME ...] [--dtype float32] [--samples 5]
    python tests/judge module [NAME ...]
    python tests/judge optim [NAME ...]
    python tests/judge adapter [NAME ... or FIRST..LAST] [--variants function,inplace,out] [--samples 4]

`op` is op_db against fnnet.functional (values and gradients), `module` module_db against fnnet.layers
(outputs, gradients of inputs and parameters, buffers, training and evaluation), `optim` optim_db against
fnnet.optim, `adapter` op_db against fnnet.torch. The exit status is 1 if anything disagrees. PyTorch is
needed.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

KINDS = {"op": "operations", "module": "modules", "optim": "optimizers"}
TRANSFORMS = ("transforms", "layer_transforms")
ADAPTER = "adapter"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python tests/judge", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("kind", nargs="?", choices=[*KINDS, *TRANSFORMS, ADAPTER, "all"], default="all")
    parser.add_argument("names", nargs="*", help="entries; all if none is given")
    parser.add_argument("--dtype", action="append", help="float32 and float64 if not given")
    parser.add_argument("--samples", type=int, default=0, help="of each entry; 0, the default, is all")
    parser.add_argument("--variants", default="", help="of adapter: a,b,...; all if not given")
    parser.add_argument("--unread", action="store_true", help="of adapter: compare no values, which is quick")
    parser.add_argument("--part", default="0/1", help="i/n: every n-th entry from the i-th")
    options = parser.parse_args()

    import jax

    jax.config.update("jax_numpy_dtype_promotion", "strict")
    from judge.tally import table

    part, parts = map(int, options.part.split("/"))
    bad = 0
    if options.kind == ADAPTER:
        from judge import adapter

        variants = [one for one in options.variants.split(",") if one]
        chosen = list(adapter.entries(options.names))[part::parts]
        tallies = adapter.run(chosen, variants, options.samples or 4, not options.unread)
        bad = table(tallies, lambda line: print(line, flush=True), True)
        if not variants:
            for key in adapter.agreed(chosen):
                print(f"known to differ, and agrees: {key}")
        return 1 if bad else 0
    for kind in KINDS if options.kind == "all" else [options.kind]:
        judge = importlib.import_module(f"judge.{KINDS.get(kind, kind)}")
        for dtype in options.dtype or ["float32", "float64"]:
            print(f"\n{kind} in {dtype}")
            chosen = list(judge.entries(options.names))[part::parts]
            tallies = (judge.run(entry, options.samples, dtype) for entry in chosen)
            bad += table(tallies, lambda line: print(line, flush=True), bool(options.names))
        if not options.names:
            for name, reason in judge.exclusions().items():
                print(f"left out: {name}: {reason}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
