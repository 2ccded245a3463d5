"""Scenarios print what they print under PyTorch: recorded and, where it is installed, live."""

import adapter_scenarios
import base_class_scenarios
import call_scenarios
import distribution_scenarios
import fx_pass_scenarios
import fx_scenarios
import library_scenarios
import memory_scenarios
import mixing_scenarios
import printing_scenarios
import profiler_scenarios
import program_scenarios
import pytest
import sparse_compressed_scenarios
import sparse_gradient_scenarios
import sparse_optimizer_scenarios
import sparse_scenarios
from printed import RTOL, assert_same_text

import fnnet.torch

MODULES = (
    adapter_scenarios,
    base_class_scenarios,
    call_scenarios,
    distribution_scenarios,
    fx_pass_scenarios,
    fx_scenarios,
    library_scenarios,
    memory_scenarios,
    mixing_scenarios,
    printing_scenarios,
    profiler_scenarios,
    program_scenarios,
    sparse_compressed_scenarios,
    sparse_gradient_scenarios,
    sparse_optimizer_scenarios,
    sparse_scenarios,
)
EVERY = [
    pytest.param(module.scenario, name, id=f"{module.__name__.removesuffix('_scenarios')}-{name}")
    for module in MODULES
    for name in module.scenario
]


def compare(scenarios, name, expected):
    lines = scenarios.lines(fnnet.torch, name)
    assert len(lines) == len(expected)
    for line, want in zip(lines, expected, strict=True):
        assert_same_text(line, want, RTOL)


@pytest.mark.parametrize(("scenarios", "name"), EVERY)
def test_recorded(scenarios, name):
    compare(scenarios, name, scenarios.read()[name])


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize(("scenarios", "name"), EVERY)
def test_live(scenarios, name):
    compare(scenarios, name, scenarios.lines(pytest.importorskip("torch"), name))
