"""Record what the scenarios of tests/memory_scenarios.py say under PyTorch."""

import json
import sys
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from memory_scenarios import SCENARIOS, lines_of  # noqa: E402

if __name__ == "__main__":
    recorded = {"torch": torch.__version__, "scenarios": {name: lines_of(torch, name) for name in SCENARIOS}}
    (HERE / "memory.json").write_text(json.dumps(recorded, indent=1) + "\n", encoding="utf-8")
