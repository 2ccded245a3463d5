"""Records odd_calls.json: what PyTorch gives, raises and warns of for the calls of tests/odd_calls/.

python tests/reference/record_odd_calls.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from odd_calls import CALLS, outcome  # noqa: E402

if __name__ == "__main__":
    recorded = {call: outcome(torch, call) for calls in CALLS.values() for call in calls}
    lines = ",\n".join(f"{json.dumps(call)}: {json.dumps(told)}" for call, told in recorded.items())
    (HERE / "odd_calls.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
