"""Records what PyTorch says to expressions that mix its tensors with NumPy's arrays."""

from __future__ import annotations

import json
import warnings
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

SCALARS = ("np.float64(2)", "np.int64(3)")
ARRAYS = ("np.array(2.)", "np.array([1., 2.])")
TENSORS = ("t", "g", "i")
BINARY = ("-", "/", "<", "==")
EXPRESSIONS = [
    f"{a} {op} {b}"
    for number, tensor, op in product(SCALARS + ARRAYS, TENSORS, BINARY)
    for a, b in ((number, tensor), (tensor, number))
] + [
    "np.sin(t)", "np.add(t, 1)", "np.exp(g)", "np.stack([t, t])", "np.array(i)", "np.dot(t, t)", "np.sqrt(t)",
    "np.abs(t)", "np.where(t > 0, 1, 2)", "np.isnan(t)", "np.ones((2, 2)) @ t", "t != np.ones(2)",
    "np.multiply(t, np.ones(2))", "np.asarray(t, dtype=np.float64)", "torch.full((2,), np.float32(3))",
    "torch.full((2,), np.int32(3))", "torch.full((2,), np.float64(3))", "t.__array_priority__",
]  # fmt: skip


def said(torch: Any, expression: str) -> str:
    """The value and its type, or the type of the error."""
    names = {
        "np": np,
        "torch": torch,
        "t": torch.tensor([1.0, 0.5]),
        "g": torch.tensor([1.0, 0.5], requires_grad=True),
        "i": torch.tensor([1, 3]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = eval(expression, names)
        except (TypeError, RuntimeError) as error:
            return type(error).__name__
    return f"{type(made).__name__} {getattr(made, 'dtype', '')} {made}"


if __name__ == "__main__":
    import torch

    recorded = {expression: said(torch, expression) for expression in EXPRESSIONS}
    Path(__file__).with_name("numpy_interplay.json").write_text(json.dumps(recorded, indent=0) + "\n")
