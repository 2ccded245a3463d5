"""The reference pages are those that the docstrings give, and the twins that they name are PyTorch's."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path

import pytest
from judge.left_out import GRADIENTS_LEFT_OUT, MODULES, OPERATIONS, OPTIMIZERS, VALUES_LEFT_OUT, WIDER

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pages(maker):
    return maker.pages()


def test_committed_pages_are_fresh(pages):
    stale = [name for name, text in pages.items() if (DOCS / "reference" / name).read_text() != text]
    assert not stale, "run python docs/make_reference.py"


def test_what_differs_is_told(maker):
    def gain(x, key=None):
        """One line.

        Differs from PyTorch: it is
        louder.
        """

    assert maker.documented(gain) == ("One line.", "it is louder.")
    assert "Differs: it is louder." in maker.entry("gain", gain, ["torch.gain"])


def test_what_the_judge_leaves_out_is_told():
    told = (DOCS / "judge.md").read_text()
    every = {**OPERATIONS, **VALUES_LEFT_OUT, **GRADIENTS_LEFT_OUT, **WIDER, **MODULES, **OPTIMIZERS}
    assert not [name for name in every if f"`{name}`" not in told]


@pytest.mark.torch
def test_twins_are_there(pages):
    torch = pytest.importorskip("torch")
    importlib.import_module("torch.nn.attention.varlen")  # which torch does not import itself
    missing = []
    for twin in re.findall(r"`torch\.([\w.]+)`", "".join(pages.values())):
        found = torch
        for part in twin.split("."):
            found = getattr(found, part, None)
        if found is None:
            missing.append(twin)
    assert not missing
