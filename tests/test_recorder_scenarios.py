"""The scenarios give under fnnet.torch what they give under PyTorch, recorded and, where installed, live."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from recorder_scenarios import SCENARIOS, plain

import fnnet.torch

REFERENCE = json.loads((Path(__file__).parent / "reference" / "recorder.json").read_text())["scenarios"]


def compare(actual: Any, expected: Any, where: str) -> None:
    if isinstance(expected, dict):
        assert isinstance(actual, dict), where
        assert actual.keys() == expected.keys(), where
        for name, one in expected.items():
            compare(actual[name], one, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{where}: {actual} != {expected}"
        assert len(actual) == len(expected), f"{where}: {actual} != {expected}"
        for i, (one, two) in enumerate(zip(actual, expected, strict=True)):
            compare(one, two, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert math.isclose(actual, expected, rel_tol=1.3e-6, abs_tol=1e-5), (
            f"{where}: {actual} != {expected}"
        )
    else:
        assert type(actual) is type(expected), f"{where}: {actual} != {expected}"
        assert actual == expected, f"{where}: {actual} != {expected}"


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str) -> None:
    compare(plain(SCENARIOS[name](fnnet.torch)), REFERENCE[name], name)


@pytest.mark.torch
@pytest.mark.parametrize("name", SCENARIOS)
def test_live(name: str) -> None:
    torch = pytest.importorskip("torch")
    compare(plain(SCENARIOS[name](fnnet.torch)), plain(SCENARIOS[name](torch)), name)
