"""PyTorch's own test data as judge of fnnet: a sample of some entries; `slow`: of all."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judge import layer_transforms, modules, operations, transforms
from judge.left_out import (
    GRADIENTS_LEFT_OUT,
    LAYER_TRANSFORMS,
    MODULES,
    OPERATIONS,
    OPTIMIZERS,
    TRANSFORMS,
    VALUES_LEFT_OUT,
    WIDER,
)
from judge.tally import Tally, table

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest")
pytestmark = pytest.mark.torch

PARTS = 8
SHARE = [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, PARTS))]


def _agree(tallies: list[Tally]) -> None:
    problems = [f"{tally.name}: {problem}" for tally in tallies for problem in tally.problems]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("part", SHARE)
def test_operations(part):
    _agree([operations.run(entry, 1) for entry in list(operations.entries())[part::PARTS]])


@pytest.mark.parametrize("part", SHARE)
def test_layers(part):
    _agree([modules.run(entry, 1) for entry in list(modules.entries())[part::PARTS]])


@pytest.mark.slow
def test_transformations():
    """Second derivatives, jit, vmap, scan and lowering for CUDA, of a few."""
    names = ["nn.functional.conv1d", "logcumsumexp", "nn.functional.adaptive_avg_pool1d"]
    _agree([transforms.run(entry, 1) for entry in transforms.entries(names)])
    _agree([layer_transforms.run(entry, 1) for entry in layer_transforms.entries(["GroupNorm"])])


def test_what_is_left_out_is_there():
    """An exclusion that names no entry says nothing."""
    from torch.testing._internal.common_modules import module_db
    from torch.testing._internal.common_optimizers import optim_db

    every = operations.every_entry()
    names = {entry.name for entry in every} | {operations.full_label(entry) for entry in every}
    names |= {name.partition(".")[0] + ".*" for name in names if "." in name}
    assert {*OPERATIONS, *VALUES_LEFT_OUT, *GRADIENTS_LEFT_OUT, *WIDER, *TRANSFORMS} <= names
    assert {*MODULES, *LAYER_TRANSFORMS} <= {entry.name for entry in module_db}
    assert set(OPTIMIZERS) <= {entry.optim_cls.__name__ for entry in optim_db}


def test_a_wrong_function_is_found(monkeypatch):
    from fnnet import functional as F
    from fnnet import layers

    monkeypatch.setattr(F, "hardswish", F.silu)
    monkeypatch.setattr(layers, "Hardswish", layers.SiLU)
    shown: list[str] = []
    found = [operations.run(next(operations.entries(["nn.functional.hardswish"])), 2)]
    found.append(modules.run(next(modules.entries(["Hardswish"])), 2))
    assert table(iter(found), shown.append, every_problem=False) == 2
    assert shown[0].startswith("BAD   0/2")
    assert "differs by up to" in shown[1]
