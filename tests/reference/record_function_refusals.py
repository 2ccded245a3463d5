"""Record what PyTorch raises for the lines of tests/function_refusals.py."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from function_refusals import RECORDED, of_torch

if __name__ == "__main__":
    RECORDED.write_text(json.dumps(of_torch(), indent=1) + "\n", encoding="utf-8")
