"""The process in which `fnnet compare` and `fnnet bench` run a script under fnnet.

python -m fnnet.parity.child_fnnet SEED OUT REPEAT SCRIPT [ARGUMENTS]
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from typing import Any


def main() -> int:
    """Run the script; write the seconds of importing and of each turn, and the first turn's counts."""
    seed, out, repeat, script = sys.argv[1:5]
    began = time.perf_counter()
    import fnnet.torch as torch
    from fnnet.__main__ import compilation_cache
    from fnnet.torch import script as runner

    compilation_cache()
    imported = time.perf_counter() - began
    seconds: list[float] = []
    stats: dict[str, Any] = {}
    status = 0
    for turn in range(int(repeat)):
        torch.manual_seed(int(seed))
        if not turn:
            torch.reset_stats()
        began = time.perf_counter()
        with contextlib.ExitStack() as stack:
            if turn:
                stack.enter_context(contextlib.redirect_stdout(stack.enter_context(open(os.devnull, "w"))))
            status = status or runner.run(script, sys.argv[5:])
        seconds.append(time.perf_counter() - began)
        stats = stats or dict(vars(torch.stats()))
        with open(out, "w") as file:
            json.dump({"import": imported, "seconds": seconds, "stats": stats}, file)
    return status


if __name__ == "__main__":
    sys.exit(main())
