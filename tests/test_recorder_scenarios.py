"""The scenarios give under fnnet.torch what they give under PyTorch, recorded and, where installed, live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorder_scenarios import SCENARIOS
from scenarios import compare, plain

import fnnet.torch

REFERENCE = json.loads((Path(__file__).parent / "reference" / "recorder.json").read_text())["scenarios"]


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str) -> None:
    compare(plain(SCENARIOS[name](fnnet.torch)), REFERENCE[name], name)


@pytest.mark.torch
@pytest.mark.parametrize("name", SCENARIOS)
def test_live(name: str) -> None:
    torch = pytest.importorskip("torch")
    compare(plain(SCENARIOS[name](fnnet.torch)), plain(SCENARIOS[name](torch)), name)
