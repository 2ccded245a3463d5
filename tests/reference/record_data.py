"""Records what PyTorch gives in the scenarios of tests/data_scenarios.py."""

import json
import sys
import warnings
from pathlib import Path

import torch
import torch.utils.data.distributed

sys.path.insert(0, str(Path(__file__).parent.parent))
from data_scenarios import SCENARIOS

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    found = {"torch": torch.__version__, "scenarios": {name: run(torch) for name, run in SCENARIOS.items()}}
    Path(__file__).with_name("data.json").write_text(json.dumps(found) + "\n")
