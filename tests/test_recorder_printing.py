"""Tensors print PyTorch's text, to the character."""

import json
from pathlib import Path

import numpy as np
import pytest
from reference.record_printing import CASES, sample

from fnnet.torch import printing

RECORDED = json.loads((Path(__file__).parent / "reference" / "printing.json").read_text())["texts"]


@pytest.fixture(autouse=True)
def default_options():
    yield
    printing.set_printoptions(profile="default")


def text_of(values: np.ndarray) -> str:
    return printing.render(
        values, dtype=f"torch.{values.dtype}", default_dtypes=("torch.float32", "torch.complex64")
    )


@pytest.mark.parametrize("seed", range(CASES))
def test_recorded_text(seed):
    values, options = sample(seed)
    printing.set_printoptions(**options)
    assert text_of(values) == RECORDED[seed]


@pytest.mark.torch
def test_live_text():
    torch = pytest.importorskip("torch")
    try:
        for seed in range(CASES, CASES + 400):
            values, options = sample(seed)
            torch.set_printoptions(**options)
            printing.set_printoptions(**options)
            assert text_of(values) == repr(torch.from_numpy(values.copy())), seed
    finally:
        torch.set_printoptions(profile="default")


def test_suffixes_break_the_line_where_pytorch_does():
    # As torch 2.13 prints full((2, 2), 27.) * 1 and a (1, 1, 2, 6) tensor after max_pool2d.
    defaults = ("torch.float32", "torch.complex64")
    square = np.full((2, 2), 27.0, np.float32)
    assert printing.render(
        square, dtype="torch.float32", default_dtypes=defaults, grad_fn="MulBackward0"
    ) == ("tensor([[27., 27.],\n        [27., 27.]], grad_fn=<MulBackward0>)")
    pooled = np.full((1, 1, 1, 6), 1.5)
    assert printing.render(
        pooled, dtype="torch.float64", default_dtypes=defaults, grad_fn="MaxPool2DWithIndicesBackward0"
    ) == (
        "tensor([[[[1.5000, 1.5000, 1.5000, 1.5000, 1.5000, 1.5000]]]],\n"
        "       dtype=torch.float64, grad_fn=<MaxPool2DWithIndicesBackward0>)"
    )


def test_options_hold_within_the_block():
    before = printing.get_printoptions()
    with printing.printoptions(precision=2, sci_mode=True):
        assert printing.get_printoptions()["precision"] == 2
        assert printing.get_printoptions()["sci_mode"] is True
    assert printing.get_printoptions() == before
