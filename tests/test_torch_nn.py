"""torch.nn gives under fnnet.torch what it gives under PyTorch, recorded and, where installed, live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from nn_scenarios import SCENARIOS
from scenarios import compare, plain

import fnnet.torch

REFERENCE = json.loads((Path(__file__).parent / "reference" / "nn.json").read_text())["scenarios"]


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str) -> None:
    compare(plain(SCENARIOS[name](fnnet.torch)), REFERENCE[name], name)


@pytest.mark.torch
def test_the_record_is_of_this_pytorch() -> None:
    torch = pytest.importorskip("torch")
    for name in ("linear", "batch_norm_cumulative", "in_place", "loading", "initialisers"):
        compare(plain(SCENARIOS[name](torch)), REFERENCE[name], name)
