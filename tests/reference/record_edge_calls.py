"""Record pooling of nothing, and logcumsumexp at infinities, as PyTorch has them: edge_calls.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

LINES = [
    "-inf -inf 1",
    "1 inf 2",
    "-inf 1 2",
    "inf inf 1",
    "1 -inf 2",
    "-inf -inf",
    "1 nan 2",
    "-50 60 3 -90 2 5",
]


def pooled(name: str, x: torch.Tensor) -> torch.Tensor:
    more: list[Any] = [2, 2] if name.startswith(("lp", "fractional")) else [2]
    if name.startswith("max_unpool"):
        more = [torch.zeros(x.shape, dtype=torch.int64), 2]
    return getattr(F, name)(x, *more)


def outcome(name: str, shape: list[int]) -> Any:
    try:
        return list(pooled(name, torch.zeros(shape)).shape)
    except RuntimeError:
        return "RuntimeError"


def shapes(n: int) -> list[list[int]]:
    full = [4] * n
    return [[2, 0, *full], [0, 3, *full], [0, *full], [3, *full[1:], 0], [2, 3, 0, *full[1:]]]


def summed(line: str) -> dict[str, list[float]]:
    x = torch.tensor([float(one) for one in line.split()], requires_grad=True)
    y = torch.logcumsumexp(x, 0)
    (gradient,) = torch.autograd.grad(y, x, torch.arange(1.0, len(x) + 1))
    return {"value": y.tolist(), "gradient": gradient.tolist()}


def main() -> None:
    kinds = ("max_pool", "avg_pool", "lp_pool", "adaptive_avg_pool", "adaptive_max_pool", "max_unpool")
    names = [f"{kind}{n}d" for kind in kinds for n in (1, 2, 3)]
    names += ["fractional_max_pool2d", "fractional_max_pool3d"]
    recorded = {
        "pooling": [[name, shape, outcome(name, shape)] for name in names for shape in shapes(int(name[-2]))],
        "logcumsumexp": {line: summed(line) for line in LINES},
    }
    Path(__file__).with_name("edge_calls.json").write_text(json.dumps(recorded, indent=0) + "\n")


if __name__ == "__main__":
    main()
