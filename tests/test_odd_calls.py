"""Calls in unusual forms give, raise and warn of what PyTorch does; recorded."""

import json
from pathlib import Path

import pytest
from odd_calls import CALLS, outcome
from wrong_calls import key_words

import fnnet.torch

RECORDED = json.loads((Path(__file__).parent / "reference" / "odd_calls.json").read_text(encoding="utf-8"))


def close(one, other):
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(close, one, other))
    if type(one) in (int, float) and type(other) in (int, float):
        return abs(one - other) <= 1.3e-6 * abs(one) + 1e-5
    return one == other


def has_words(said, expected):
    wanted = key_words(expected)
    return len(wanted & key_words(said)) >= 0.7 * len(wanted)


def differs(told, expected):
    if "error" in expected:
        kind, said = told.get("error", ("", ""))
        if kind != expected["error"][0] or not has_words(said, expected["error"][1]):
            return True
    elif "error" in told or not close(told["result"], expected["result"]):
        return True
    if len(told["warnings"]) != len(expected["warnings"]):
        return True
    pairs = zip(told["warnings"], expected["warnings"], strict=True)
    return any(one[0] != other[0] or not has_words(one[1], other[1]) for one, other in pairs)


@pytest.mark.parametrize("group", CALLS)
def test_odd_calls(group):
    found = [(call, outcome(fnnet.torch, call), RECORDED[call]) for call in CALLS[group]]
    assert [one for one in found if differs(*one[1:])] == []


@pytest.mark.slow
@pytest.mark.torch
def test_live():
    torch = pytest.importorskip("torch")
    found = [(call, outcome(torch, call)) for calls in CALLS.values() for call in calls]
    assert [one for one in found if differs(one[1], RECORDED[one[0]])] == []
