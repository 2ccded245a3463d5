"""Under `fnnet run` modules and classes bear PyTorch's names, and files that name them are read."""

import subprocess
import sys
from pathlib import Path

import pytest

import fnnet.torch

HERE = Path(__file__).parent
PROGRAM = HERE / "presented_names.py"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What the program printed under `fnnet run`, and the model that it saved."""
    saved = tmp_path_factory.mktemp("names") / "model.pt"
    done = subprocess.run(
        [sys.executable, "-m", "fnnet", "run", str(PROGRAM), str(saved)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, saved


def test_names_are_those_of_pytorch(ran):
    recorded = (HERE / "reference" / "presented_names.txt").read_text(encoding="utf-8")
    assert ran[0].splitlines() == recorded.splitlines()


def test_a_model_saved_by_run_is_read_without_it(ran):
    model = fnnet.torch.load(ran[1], weights_only=False)
    assert type(model[0]) is fnnet.torch.nn.Linear
    assert fnnet.torch.nn.Linear.__module__.startswith("fnnet.torch")
    assert model(fnnet.torch.ones(4, 3))[0].shape == (4, 2)


@pytest.mark.torch
def test_a_model_saved_by_run_is_read_by_pytorch(ran):
    torch = pytest.importorskip("torch")
    model = torch.load(ran[1], weights_only=False)
    assert type(model[2]) is torch.nn.LSTM
    torch.manual_seed(0)
    assert torch.equal(model[0].weight, torch.nn.Linear(3, 2).weight)
