"""torch.utils.tensorboard: the events that PyTorch's SummaryWriter wrote of the same calls."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("tensorboard")

import tensorboard_scenarios as scenarios

import fnnet.torch as torch
from fnnet.torch.utils.tensorboard import SummaryWriter
from fnnet.torch.utils.tensorboard.summary import half_to_int, int_to_half

RECORDED = json.loads(
    gzip.decompress((Path(__file__).parent / "reference" / "tensorboard.json.gz").read_bytes())
)


def same(ours, theirs, place=""):
    """Equal but for the last digits of numbers."""
    assert type(ours) is type(theirs) or isinstance(ours, int | float), place
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), place
        for key, value in ours.items():
            same(value, theirs[key], f"{place}/{key}")
    elif isinstance(ours, list):
        assert len(ours) == len(theirs), place
        for index, value in enumerate(ours):
            same(value, theirs[index], f"{place}/{index}")
    elif isinstance(ours, float):
        assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-12), place
    else:
        assert ours == theirs, place


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_files_are_those_of_torch(name, tmp_path):
    same(scenarios.run(torch, SummaryWriter, name, tmp_path), RECORDED["files"][name])


@pytest.mark.parametrize("name", scenarios.ERRORS)
def test_errors_are_those_of_torch(name, tmp_path):
    ours = scenarios.failure(torch, SummaryWriter, name, tmp_path)
    assert ours == RECORDED["errors"][name]


def test_a_writer_goes_on_after_it_was_closed(tmp_path):
    writer = SummaryWriter(tmp_path, purge_step=5, filename_suffix=".x")
    writer.add_scalar("a", 1, 6, scenarios.WHEN)
    writer.close()
    writer.close()
    writer.add_scalar("a", 2, 7, scenarios.WHEN)
    writer.flush()
    (events,) = scenarios.written(tmp_path).values()
    steps = [one.get("step") for one in events]
    assert steps.count("6") == steps.count("7") == 1
    assert steps.count("5") == 2
    assert {"status": "START"} in [one.get("sessionLog") for one in events]
    assert all(path.name.endswith(".x") for path in tmp_path.iterdir())
    writer.close()


def test_the_folder_has_the_time_and_the_comment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with SummaryWriter(comment="-tried") as writer:
        assert writer.get_logdir() == writer.log_dir
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-tried")


def test_figures_are_drawn(tmp_path):
    plt = pytest.importorskip("matplotlib.figure")
    figures = [plt.Figure(figsize=(0.4, 0.3), dpi=100) for _ in range(2)]
    with SummaryWriter(tmp_path) as writer:
        writer.add_figure("one", figures[0], 1, walltime=scenarios.WHEN)
        writer.add_figure("two", figures, 2, walltime=scenarios.WHEN)
    (events,) = scenarios.written(tmp_path).values()
    shown = [one["summary"]["value"][0]["image"] for one in events[-2:]]
    assert [(one["height"], one["width"], one["colorspace"]) for one in shown] == [(30, 40, 3), (30, 80, 3)]


def test_what_is_not_supported_says_so(tmp_path):
    with SummaryWriter(tmp_path) as writer:
        with pytest.raises(NotImplementedError, match=r"fnnet\.torch: SummaryWriter\.add_graph"):
            writer.add_graph(torch.nn.Linear(1, 1), torch.ones(1, 1))
        with pytest.raises(NotImplementedError, match="add_onnx_graph"):
            writer.add_onnx_graph("x")


PROGRAM = """
import {}
import torch
from torch.utils.tensorboard import SummaryWriter
with SummaryWriter("written") as writer:
    writer.add_scalar("loss", torch.ones(()) * 3, 1)
    writer.add_embedding(torch.zeros(2, 2))
print(SummaryWriter, type(sys.modules["tensorboard.compat.notf"]).__name__)
"""


@pytest.mark.parametrize("before", ["sys", "sys, tensorflow"])
def test_a_program_that_says_import_torch(before, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROGRAM.format(before))
    command = [sys.executable, "-m", "fnnet", "run", str(script)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "<class 'torch.utils.tensorboard.writer.SummaryWriter'> module\n", done.stderr
    found = scenarios.written(tmp_path / "written")
    assert [one["summary"] for one in found["."] if "summary" in one] == [
        {"value": [{"tag": "loss", "simpleValue": 3.0}]}
    ]


def test_films_need_moviepy(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "moviepy", None)
    with SummaryWriter(tmp_path) as writer:
        writer.add_video("film", torch.zeros(3, 2, 3, 4, 4))
    assert capsys.readouterr().out == "add_video needs package moviepy\n"


def test_halves_as_integers_and_back():
    assert half_to_int(0.5) == 0x3F000000
    assert int_to_half(half_to_int(0.5)) == 0.5
