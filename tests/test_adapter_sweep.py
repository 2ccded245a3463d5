"""op_db put to fnnet.torch: a few entries by every variant. All of it is `python tests/judge adapter`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judge import adapter
from judge.adapter_left_out import ADAPTER, ADAPTER_DIFFERENCES
from judge.operations import every_entry, full_label

import fnnet.torch

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
pytestmark = [pytest.mark.torch, pytest.mark.slow]


def _problems(names, variants, values):
    tallies = list(adapter.run(adapter.entries(names), variants, 1, values))
    assert len(tallies) >= len(names)
    assert all(tally.total for tally in tallies)
    return [f"{tally.name}: {problem}" for tally in tallies for problem in tally.problems]


def test_entries_agree():
    assert not _problems(["sum", "transpose"], ["function", "method", "layouts"], False)


def test_what_must_be_refused_is():
    names = ["scatter", "narrow", "masked_fill", "cov", "linalg.cross", "signal.windows.hann", "clamp_min"]
    assert not _problems(names, ["errors"], False)


def test_in_place_and_out():
    assert not _problems(["logical_not", "linspace", "cholesky_inverse"], ["inplace", "out"], False)


def test_a_wrong_operation_is_found(monkeypatch):
    monkeypatch.setattr(fnnet.torch, "exp", fnnet.torch.expm1)
    found = _problems(["exp"], ["function"], True)
    assert any(re.match(r"exp: .*values", one) for one in found)


def test_every_known_difference_is_one_of_an_entry():
    names = {entry.name for entry in every_entry()} | {full_label(entry) for entry in every_entry()} | {"*"}
    names |= {name.partition(".")[0] + ".*" for name in names if "." in name}
    assert set(ADAPTER) <= names
    assert {name.partition(": ")[0] for name in ADAPTER_DIFFERENCES} <= names
