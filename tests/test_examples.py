"""Every program in examples/ runs, and prints numbers that are finite."""

import re
import subprocess
import sys

import pytest

import fnnet
from fnnet.parity import files

NAMES = sorted(path.stem for path in files.examples().glob("*.py"))


def test_there_are_examples():
    assert {"tensors", "autograd", "logistic_regression", "dynamic_network"} <= set(NAMES)


SHORTENED = {"gpt_generate", "lenet_cifar10", "lenet_introduction"}
BY_LESSON = {"same_seed_as_pytorch"}  # compares whole runs with recorded ones: its lesson runs its functions


LONG = {"audio_spoken_tones", "bert_encode", "fizzbuzz", "gpt_generate", "lenet_cifar10"}
LONG |= {"lenet_introduction", "port_with_trace", "text_classifier", "two_layer_optimizers"}
ALIKE = {"two_layer_arrays", "two_layer_custom_derivative", "two_layer_custom_model", "two_layer_grad"}
ALIKE |= {"two_layer_numpy"}
"""At the ends of the JAX versions, two_layer_layers and two_layer_static_graph stand for these."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name in LONG | ALIKE))
        for name in sorted(set(NAMES) - BY_LESSON)
    ],
)
def test_example_runs(name, capsys, monkeypatch):
    # in this process: the suite's strict dtype promotion and its warnings as errors hold for the examples too
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    if name in SHORTENED:
        fit, draw = fnnet.fit, fnnet.data.synthetic_pictures

        def few_steps(*arguments, **options):
            return fit(*arguments, **({**options, "steps": 40} if "steps" in options else options))

        monkeypatch.setattr(fnnet, "fit", few_steps)
        monkeypatch.setattr(fnnet.data, "synthetic_pictures", lambda seed, count: draw(seed, min(count, 160)))
    files.program(name).main()
    printed = capsys.readouterr().out
    assert printed.strip()
    assert "nan" not in printed.lower().split()


@pytest.mark.slow
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
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    (program,) = [block for block in blocks("python") if "import torch\n" in block]
    (printed,) = [block for block in blocks("text") if block.startswith("0 ")]
    torch.set_num_threads(1)
    try:
        exec(compile(program, "README.md", "exec"), {"__name__": "__main__"})
    finally:
        torch.set_num_threads(threads)
    assert capsys.readouterr().out == printed
