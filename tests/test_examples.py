"""Every program in examples/ runs, and prints numbers that are finite."""

import subprocess
import sys

import pytest

from fnnet.parity import files

NAMES = sorted(path.stem for path in files.examples().glob("*.py"))


def test_there_are_examples():
    assert {"tensors", "autograd", "logistic_regression", "dynamic_network"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_example_runs(name, capsys, monkeypatch):
    # in this process: the suite's strict dtype promotion and its warnings as errors hold for the examples too
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    files.program(name).main()
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "nan" not in printed.lower().split()


def test_example_runs_as_a_program():
    path = files.examples() / "autograd.py"
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "102.4" in done.stdout or "1.024e+02" in done.stdout
    assert "4.5" in done.stdout
