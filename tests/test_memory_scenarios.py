"""Results lie in memory, share it and take `out=` as PyTorch's: recorded and, where it is installed, live."""

import json
from pathlib import Path

import pytest
from memory_scenarios import SCENARIOS, lines_of
from test_torch_api_programs import assert_same_text

import fnnet.torch

RECORDED = json.loads((Path(__file__).parent / "reference" / "memory.json").read_text(encoding="utf-8"))
RTOL = 2e-5  # single precision, to the digits that are printed


def compare(name, expected):
    said = lines_of(fnnet.torch, name)
    assert len(said) == len(expected)
    for line, want in zip(said, expected, strict=True):
        assert_same_text(line, want, RTOL)


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name):
    compare(name, RECORDED["scenarios"][name])


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_live(name):
    compare(name, lines_of(pytest.importorskip("torch"), name))
