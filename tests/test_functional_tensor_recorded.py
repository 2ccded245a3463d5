"""The tensor operations against recorded outputs and gradients of PyTorch."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from functional_cases import check, from_json

REFERENCE = Path(__file__).parent / "reference"
RECORDED = json.loads((REFERENCE / "tensor_operations.json").read_text())["cases"]
ARRAYS = np.load(REFERENCE / "tensor_operations.npz")


@pytest.mark.parametrize("name", RECORDED)
def test_equals_recorded(name: str) -> None:
    with jax.enable_x64(True):
        check(from_json(RECORDED[name], ARRAYS))
