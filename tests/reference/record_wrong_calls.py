"""Records PyTorch's errors for tests/wrong_calls/*.txt, and its warnings for tests/warned_calls.py."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import warned_calls
from wrong_calls import calls, outcome


def main() -> None:
    signal.alarm(300)
    warned = {call: [one[:2] for one in warned_calls.warned(torch, call)] for call in warned_calls.CALLS}
    errors = {call: outcome(torch, call)[:2] for call in calls()}
    for call, (kind, _) in errors.items():
        if not kind:
            raise SystemExit(f"PyTorch takes this call: {call}")
    here = Path(__file__).parent
    (here / "warned_calls.json").write_text(json.dumps(warned, indent=0) + "\n", encoding="utf-8")
    text = json.dumps({call: [kind, said[:300]] for call, (kind, said) in errors.items()}, indent=0)
    (here / "wrong_calls.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
