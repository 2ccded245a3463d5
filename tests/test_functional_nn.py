"""Functions of torch.nn.functional against recorded outputs and gradients of PyTorch, and live where it is
there.
"""

from __future__ import annotations

import inspect
import json
import sys
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import check, from_json

from fnnet import functional as F

REFERENCE = Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "functional_nn.json").read_text())["cases"]
ARRAYS = np.load(REFERENCE / "functional_nn.npz")


@pytest.mark.parametrize("name", RECORDED)
def test_equals_recorded(name):
    with jax.enable_x64(True), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # those of PyTorch, which the functions repeat
        check(from_json(RECORDED[name], ARRAYS))


@pytest.mark.torch
def test_arguments_are_torchs():
    torch = pytest.importorskip("torch")
    left_out = {"inplace", "_stacklevel", "out", "key", "dropout_key", "axis_name"}
    different = []

    def plain(default):
        return (
            getattr(jnp, str(default).removeprefix("torch.")) if isinstance(default, torch.dtype) else default
        )

    for name, operation in F.OPERATIONS.items():
        theirs = getattr(torch.nn.functional, name, None)
        if "nn.functional" not in operation.spellings or theirs is None:
            continue
        try:
            wanted = inspect.signature(theirs).parameters.values()
        except ValueError:
            continue  # written in C++, without a signature
        if any(p.kind is p.VAR_POSITIONAL for p in wanted):
            continue
        expected = [(p.name, plain(p.default)) for p in wanted if p.name not in left_out]
        ours = inspect.signature(operation.function).parameters.values()
        actual = [
            (p.name, p.default)
            for p in ours
            if p.name not in left_out or (p.name == "key" and p.kind is not p.KEYWORD_ONLY)
        ]
        if name == "multi_head_attention_forward" or name == "scaled_dot_product_attention":
            expected = [(p.name, p.default) for p in wanted]
        if actual != expected:
            different.append((name, actual, expected))
    assert not different
