"""Records the errors of PyTorch for the wrong calls of tests/wrong_calls.py into wrong_calls.json."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from wrong_calls import calls, outcome


def main() -> None:
    signal.alarm(300)
    errors = {call: outcome(torch, call)[:2] for call in calls()}
    for call, (kind, _) in errors.items():
        if not kind:
            raise SystemExit(f"PyTorch takes this call: {call}")
    text = json.dumps({call: [kind, said[:300]] for call, (kind, said) in errors.items()}, indent=0)
    (Path(__file__).parent / "wrong_calls.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
