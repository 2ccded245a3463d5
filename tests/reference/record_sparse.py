"""Record what the scenarios of sparse tensors say under PyTorch."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

import sparse_compressed_scenarios
import sparse_gradient_scenarios
import sparse_optimizer_scenarios
import sparse_scenarios

if __name__ == "__main__":
    sparse_scenarios.scenario.record(torch)
    sparse_gradient_scenarios.scenario.record(torch)
    sparse_optimizer_scenarios.scenario.record(torch)
    sparse_compressed_scenarios.scenario.record(torch)
