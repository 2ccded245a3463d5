"""Record what the rarer parts of torch.nn give under PyTorch: python tests/reference/<this file>."""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from nn_utils_scenarios import SCENARIOS
from scenarios import plain

found = {name: plain(run(torch)) for name, run in SCENARIOS.items()}
target = Path(__file__).with_name("nn_completion.json")
target.write_text(json.dumps({"torch": torch.__version__, "scenarios": found}) + "\n")
