"""Record what the scenarios of tests/fx_scenarios.py say under PyTorch."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from fx_scenarios import scenario

if __name__ == "__main__":
    scenario.record(torch)
