"""Fourier transforms, equations, special functions and their like against PyTorch's recorded samples."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import quickly

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import compare, from_json, outcome
from judge.operations import process_of

REFERENCE = Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "array_operations.json").read_text())["cases"]
LONG = ("linalg.", "matrix_exp")
"""Longer to compile than all others together."""
GROUPS = ("fft.", "special.", "signal.", *LONG, "")


def _group(name: str) -> str:
    return next(group for group in GROUPS if name.startswith(group))


@pytest.mark.parametrize(
    "group", ["fft.", "special.", "signal.", "", *(pytest.param(one, marks=pytest.mark.slow) for one in LONG)]
)
def test_equals_recorded(group):
    with np.load(REFERENCE / "array_operations.npz") as arrays:
        cases = {name: from_json(one, arrays) for name, one in RECORDED.items() if _group(name) == group}
    assert len(cases) >= (1 if group == "matrix_exp" else 10)

    def every() -> dict:
        made = {}
        for name, case in cases.items():
            made[name] = outcome(case, process_of(name), compiled=False)
        return made

    with jax.enable_x64(True):  # one program for all, since compiling is the cost
        made = quickly.jit(every)()
    for name, case in cases.items():
        try:
            compare(case, *made[name])
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None
