"""Record what graphs and tensors give under PyTorch: python tests/reference/record_recorder.py."""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from recorder_scenarios import SCENARIOS
from scenarios import plain

found = {name: plain(run(torch)) for name, run in SCENARIOS.items()}
target = Path(__file__).with_name("recorder.json")
target.write_text(json.dumps({"torch": torch.__version__, "scenarios": found}, indent=1) + "\n")
