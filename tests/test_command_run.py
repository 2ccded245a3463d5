"""`fnnet run` runs a script as Python would, with `torch` found in fnnet; `fnnet doctor` reads one."""

import os
import subprocess
import sys

import pytest

from fnnet.__main__ import main
from fnnet.parity import files
from fnnet.torch.doctor import examine


def fnnet(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "fnnet", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


SCRIPT = """\
import importlib.util, logging, sys
logging.basicConfig(stream=sys.stdout, level=logging.INFO)
from dataclasses import dataclass
import torch.nn.functional as F
from torch import nn
import torch
import neighbour

@dataclass
class Row:
    x: int

print(sys.argv, __name__, __file__, neighbour.here, Row.__annotations__["x"] is int)
torch.ones(2).tolist()  # starts JAX, which logs what it looks for
print(torch.nn is nn, nn.functional is F, torch.__name__, importlib.util.find_spec("torch.nope"))
for missing in ("torch.nope", "torch.nn.nope"):
    try:
        __import__(missing)
    except ModuleNotFoundError as error:
        print(error)

def fail():
    torch.nope

try:
    fail()
except AttributeError as error:
    print(error)
if "exit" in sys.argv:
    sys.exit(7)
if "words" in sys.argv:
    sys.exit("words")
fail()
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "neighbour.py").write_text("here = 'beside the script'")
    return tmp_path


def test_run_passes_words_and_status_on(folder):
    done = fnnet("run", "script.py", "-h", "--stats", "--", "exit", cwd=folder)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['script.py', '-h', '--stats', '--', 'exit'] __main__ "
        f"{folder / 'script.py'} beside the script True",
        "True True torch None",
        "fnnet has no module 'torch.nope'",
        "fnnet has no module 'torch.nn.nope'",
        "module 'torch' has no attribute 'nope' in fnnet (fnnet.torch.nope)",
    ]
    assert done.returncode == 7


def test_traceback_starts_in_the_script(folder):
    done = fnnet("run", "--stats", "script.py", cwd=folder)
    lines = done.stderr.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1].startswith(f'  File "{folder / "script.py"}", line ')
    assert "in <module>" in lines[1]
    assert any(line.startswith("AttributeError: module 'torch' has no attribute 'nope'") for line in lines)
    assert any(line.split()[0] == "compilations" for line in lines)
    assert done.returncode == 1


def test_exit_with_words(folder):
    done = fnnet("run", "script.py", "words", cwd=folder)
    assert (done.returncode, done.stderr) == (1, "words\n")


def test_no_such_script(capsys):
    assert main(["run", "no such file.py"]) == 2
    assert "no such file" in capsys.readouterr().err


def names(source):
    return {use.name: use for use in examine(source)}


def test_doctor_follows_imports():
    found = names(
        "import torch.nn.functional as F\n"
        "from torch import nn, tensor as t\n"
        "import torch, numpy as np\n"
        "class Net(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return F.relu(x).clamp(min=0).mm(np.sum(x))\n"
        "t([1.0]); torch.nope(); torch.nn.Nope; torch.float32.is_complex\n"
        "t([1.0]); torch.nope()\n"
    )
    assert found["torch.nn.Module"].present
    assert found["torch.nn.functional.relu"].lines == (6,)
    assert found["torch.tensor"].lines == (2, 7, 8)
    assert found["Tensor.clamp"] == found["Tensor.clamp"].__class__("Tensor.clamp", (6,), True, False)
    assert found["torch.float32.is_complex"].present
    assert not found["torch.nope"].present
    assert found["torch.nope"].lines == (7, 8)
    assert not found["torch.nn.Nope"].present
    assert "Tensor.sum" not in found  # NumPy's


def test_doctor_marks_what_is_uncertain():
    found = names(
        "import torch\nfrom torch import nn\nnn = object()\nnn.nope\nx.storage_type\ny.to_sparse_bsr()\n"
    )
    assert not found["torch.nn.nope"].certain
    assert not found["Tensor.to_sparse_bsr"].certain
    assert found["torch.nn"].present


def test_doctor_star_and_late_imports():
    found = names(
        "def f():\n    return relu(torch.ones(2))\nfrom torch.nn.functional import *\nimport torch\n"
    )
    assert found["torch.nn.functional.relu"].lines == (2,)
    assert found["torch.ones"].lines == (2,)


def doctor(tmp_path, capsys, source):
    path = tmp_path / "script.py"
    path.write_bytes(source)
    status = main(["doctor", str(path)])
    return status, *capsys.readouterr()


def test_doctor_command(tmp_path, capsys):
    status, out, _ = doctor(tmp_path, capsys, b"import torch\ntorch.ones(2).add(1)\n")
    assert status == 0
    assert "uses 3 names of PyTorch; fnnet has 3 of them" in out
    status, out, _ = doctor(tmp_path, capsys, b"import torch\nprint(1)\ntorch.nope\nx.to_sparse_bsr\n")
    assert status == 1
    assert out.index("missing:\n  torch.nope  3\n") < out.index("possibly missing")
    status, out, _ = doctor(tmp_path, capsys, b"import torch.distributed.nope as d\nd.x\n")
    assert status == 1


@pytest.mark.parametrize(
    "source", [b'import torch\nprint "x"\n', b"\0", b"# coding: nope\n", b"x = '\xff'\n"]
)
def test_doctor_of_what_is_not_python_3(tmp_path, capsys, source):
    status, out, err = doctor(tmp_path, capsys, source)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "not Python 3" in err


def test_doctor_without_file(capsys):
    assert main(["doctor", "no such file.py"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_doctor_finds_every_name_of_the_example_programs():
    for path in sorted((files.examples() / "torch_api").glob("*.py")):
        lacking = [use for use in examine(path.read_bytes(), str(path)) if not use.present]
        # `x.max(dim=1).values`: a sparse tensor's method has the name of the result's field
        assert {use.name for use in lacking} <= {"Tensor.values"}, path.name


ODD = {
    "interrupt": "raise KeyboardInterrupt",
    "negative": "import sys; sys.exit(-1)",
    "closed": "import sys; print('a'); sys.stdout.close()",
    "names": "print(__annotations__, __cached__, type(__loader__).__name__, sorted(vars()))",
    "hook": "import sys\ndef hook(*shown): raise ValueError('in hook')\nsys.excepthook = hook\n1/0",
    "syntax": "x = 1\nif x\n",
    "other_encoding": "print('\udce9')",
    "surrogate": "print('\\ud800')",
}

PACKAGE = """\
import os, sys, json as torch
if __package__:
    from . import T
    print(T is torch, __spec__.name)
print(sys.argv[1:], os.path.basename(sys.argv[0]), os.path.basename(sys.path[0]), __name__)
"""
CALLS = [
    *[[f"{name}.py"] for name in ODD],
    ["-m", "package", "-m", "x"], ["package", "x"], ["-m", "nosuch"], ["."], ["-", "x"],
]  # fmt: skip
FORKS = """\
import os, sys
import fnnet.parity.run, fnnet.torch.script, fnnet.torch
from fnnet.__main__ import main

for number, words in enumerate(eval(sys.argv[1])):
    child = os.fork()
    if not child:
        for to, path in enumerate(("input", f"{number}.out", f"{number}.err")):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), to)
        sys.path[0] = os.getcwd()
        sys.exit(main(["run", *words]))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the programs share one start of JAX by forks")
def test_odd_programs_run_as_under_python(tmp_path):
    for name, text in ODD.items():
        (tmp_path / f"{name}.py").write_bytes(text.encode(errors="surrogateescape"))
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("import json as torch; T = torch\n")
    (package / "__main__.py").write_text(PACKAGE)
    (tmp_path / "input").write_text("import sys; print(sys.argv, __name__)\n")
    command = [sys.executable, "-c", FORKS, repr(CALLS)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    statuses = [int(line) for line in done.stdout.split()]
    assert len(statuses) == len(CALLS), done.stderr
    for number, words in enumerate(CALLS):
        with (tmp_path / "input").open() as stdin:
            plain = subprocess.run(
                [sys.executable, *words], cwd=tmp_path, stdin=stdin, capture_output=True, check=False
            )
        told = (tmp_path / f"{number}.err").read_bytes()
        told = told.replace(b"fnnet run:", sys.executable.encode() + b":")
        assert (tmp_path / f"{number}.out").read_bytes() == plain.stdout, words
        if words == ["."]:
            assert told.split(b" in ")[0] == plain.stderr.split(b" in ")[0]
            assert statuses[number] == 2
        else:
            assert (statuses[number], told) == (plain.returncode, plain.stderr), words


DOCTORED = """\
try:
    import torch
except ImportError:
    torch = None
F = torch.nn.functional
torch.nn.Mine = F.relu
torch.nope, F.nope, torch.float32.itemsize, torch.float32.nope, torch.nn.Mine
self.absent = torch.absent
"""


def test_doctor_follows_modules_and_what_the_script_sets():
    uses = {use.name: (use.present, use.certain) for use in examine(DOCTORED)}
    lacking = ("torch.nope", "torch.nn.functional.nope", "torch.float32.nope", "torch.absent")
    assert [uses[name] for name in lacking] == [(False, True)] * 4
    assert uses["torch.nn.functional.relu"] == uses["torch.float32.itemsize"] == (True, True)
    assert uses["torch.nn.Mine"] == (False, False)
    assert examine("import numpy as np\nnp.x; a.relu()") == []


def test_doctor_of_a_notebook(tmp_path, capsys):
    assert main(["doctor", str(tmp_path / "a.ipynb")]) == 2
    assert "a notebook" in capsys.readouterr().err
