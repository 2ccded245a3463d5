"""The rarer parts of torch.nn give under fnnet.torch what they give under PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nn_utils_scenarios import SCENARIOS
from scenarios import compare, plain

import fnnet.torch

REFERENCE = json.loads((Path(__file__).parent / "reference" / "nn_completion.json").read_text())["scenarios"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str) -> None:
    compare(plain(SCENARIOS[name](fnnet.torch)), REFERENCE[name], name)
