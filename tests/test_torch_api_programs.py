"""The programs of examples/torch_api print through fnnet what they print under PyTorch."""

import importlib.util
import json
import subprocess
import sys
from functools import cache

import pytest
from printed import assert_same_text

from fnnet.parity import files

PROGRAMS = files.examples() / "torch_api"
RECORDED = json.loads(files.reference("torch_api.json").read_text(encoding="utf-8"))["programs"]
RTOL = 1e-5
# steps of training pass a rounding on and enlarge it
TRAINED = {
    "dynamic_net": 1e-4,
    "two_layer_tensors": 1e-4,
    "two_layer_autograd": 1e-4,
    "two_layer_function": 1e-4,
}

NEEDS = {"cifar10_pictures": ("PIL", "matplotlib")}

DRIVER = """
import contextlib, io, json, sys
from pathlib import Path
from fnnet.__main__ import compilation_cache
from fnnet.torch import script
compilation_cache()
printed = {}
for path, words in json.loads(sys.argv[1]):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        status = script.run(path, words)
    printed[Path(path).stem] = [status, text.getvalue()]
print(json.dumps(printed))
"""


def lacking(name):
    """The packages that a program needs and that are not installed."""
    return [package for package in NEEDS.get(name, ()) if importlib.util.find_spec(package) is None]


LONG = {"cifar10_pictures", "lenet_pictures", "policy_gradient", "variational_autoencoder"}
"""What is mostly XLA's compiling of larger networks."""


@cache
def printed(names):
    """What the programs printed, all run by one process as `python -m fnnet run` runs them."""
    todo = [(str(PROGRAMS / f"{name}.py"), RECORDED[name]["arguments"]) for name in names]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(todo)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: (*one, done.stderr) for name, one in json.loads(done.stdout.splitlines()[-1]).items()}


def test_every_program_is_recorded():
    assert set(RECORDED) == {path.stem for path in PROGRAMS.glob("*.py")}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in RECORDED]
)
def test_prints_what_pytorch_prints(name):
    if lacking(name):
        pytest.skip(f"needs {lacking(name)}")
    together = tuple(one for one in RECORDED if (one in LONG) == (name in LONG) and not lacking(one))
    status, text, errors = printed(together)[name]
    assert status == 0, errors
    assert_same_text(text, RECORDED[name]["printed"], TRAINED.get(name, RTOL))


def test_the_command_line_prints_the_same():
    one = RECORDED["two_layer_module"]
    done = subprocess.run(
        [sys.executable, "-m", "fnnet", "run", str(PROGRAMS / "two_layer_module.py"), *one["arguments"]],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_same_text(done.stdout, one["printed"], RTOL)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("a 1.0001\n", "a 1.0003\n"),
        ("a 3\n", "a 4\n"),
        ("b 1.0\n", "a 1.0\n"),
        ("loss 628.30000001\n", "loss 628.40000001\n"),
        ("x\n", "x\ny\n"),
        ("[1., 2.]", "[1.,  2.]"),
    ],
)
def test_the_comparison_sees_differences(printed, expected):
    with pytest.raises(AssertionError):
        assert_same_text(printed, expected, RTOL)
