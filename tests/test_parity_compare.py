"""fnnet compare: lines of numbers, the record of PyTorch's side, exit statuses."""

import argparse
import importlib.util
import json

import pytest

from fnnet.parity import compare


def arguments(*words):
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    return parser.parse_args(list(map(str, words)))


@pytest.mark.parametrize(
    ("theirs", "ours", "ok"),
    [
        ("loss 0.12345", "loss 0.12345", True),
        ("loss 0.12345", "loss 0.12346", True),
        ("loss 0.12345", "loss 0.12365", False),
        ("loss 1.0e-07", "loss 1.1e-07", True),
        ("loss 1.0e-07", "loss 1.5e-07", False),
        ("step 10 loss 1.5", "step 11 loss 1.5", False),
        ("nan", "nan", True),
        ("nan", "1.0", False),
        ("tensor([1., -2.5])", "tensor([1., 2.5])", False),
        ("a 1.0", "b 1.0", False),
        ("1.0\n2.0", "1.0", False),
    ],
)
def test_lines(theirs, ours, ok):
    assert all(row["ok"] for row in compare.compare_lines(theirs, ours)) == ok


def test_sides_and_statuses(tmp_path, monkeypatch, capsys):
    script = tmp_path / "s.py"
    script.write_text("print(0.5)")
    kept = tmp_path / "kept.json"
    side = {"status": 0, "output": "0.5\n", "error": "", "seconds": 1.0}
    monkeypatch.setattr(compare, "run_pytorch", lambda *args: dict(side))
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "stats": {"compilations": 3}})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    assert compare.run(arguments("--record", kept, script)) == 0
    assert "compilations 3" in capsys.readouterr().out
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert compare.run(arguments("--record", kept, "--json", script)) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert compare.run(arguments("--record", kept, "--seed", 1, script)) == 2
    assert compare.run(arguments(script)) == 2
    assert compare.run(arguments(tmp_path / "none.py")) == 2
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "output": "0.6\n", "stats": {}})
    assert compare.run(arguments("--record", kept, script)) == 1
    monkeypatch.setattr(compare, "run_fnnet", lambda *args: {**side, "status": 1, "stats": {}})
    assert compare.run(arguments("--record", kept, script)) == 3


@pytest.mark.torch
def test_live(tmp_path, capsys):
    pytest.importorskip("torch")
    script = tmp_path / "s.py"
    script.write_text("import sys, torch\nx = torch.randn(3)\nprint(sys.argv[1], (x * x).sum().item())\n")
    assert compare.run(arguments("--json", script, "word")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lines"][0]["pytorch"].startswith("word ")
    assert found["fnnet"]["stats"]
