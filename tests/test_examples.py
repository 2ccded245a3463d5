"""Every program in examples/ runs, and prints numbers that are finite."""

import re
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


README = files.examples().parent / "README.md"


def blocks(language):
    """The README's code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.S)


@pytest.mark.skipif(not README.is_file(), reason="an installed wheel has no README")
def test_readme_example_prints_what_it_says(capsys):
    (program,) = [block for block in blocks("python") if "import fnnet" in block]
    (printed,) = [block for block in blocks("text") if block.startswith("0 ")]
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == printed


@pytest.mark.torch
@pytest.mark.skipif(not README.is_file(), reason="an installed wheel has no README")
def test_readme_example_in_pytorch_prints_the_same(capsys):
    pytest.importorskip("torch")
    (program,) = [block for block in blocks("python") if "import torch\n" in block]
    (printed,) = [block for block in blocks("text") if block.startswith("0 ")]
    exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == printed
