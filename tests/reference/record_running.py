"""Record running products and logarithms of running sums, and their derivatives: running.json.

python tests/reference/record_running.py
"""

import json
import math
from pathlib import Path

import torch

LINES = [
    [1.0, 2.0, 3.0, 4.0, 5.0],
    [1.0, 0.0, 3.0, 4.0, 5.0],
    [0.0, 0.0, 1.0, 2.0, 3.0],
    [1.0, 2.0, 0.0, 3.0, 0.0],
    [-0.0, 1.0, 2.0, 3.0, 4.0],
    [-1.0, 2.0, -3.0, 4.0, 0.0],
]
WEIGHTS, SECOND = torch.arange(1.0, 6.0), torch.tensor([0.5, -1.0, 2.0, 0.25, 1.5])


def of_products(lines: list[list[float]]) -> list[list[list[float]]]:
    x = torch.tensor(lines, requires_grad=True)
    y = x.cumprod(1)
    (first,) = torch.autograd.grad(y, x, WEIGHTS.expand_as(y), create_graph=True)
    (second,) = torch.autograd.grad(first, x, SECOND.expand_as(y))
    return [one.tolist() for one in (y, first, second)]


k = torch.arange(400)
walk = ((k * 37 % 101).float() / 7 - (k * 53 % 211).float() / 3).requires_grad_()
sums = walk.logcumsumexp(0)
sums.backward(torch.cos(k.float()))
assert walk.grad is not None
assert math.isfinite(sums[-1].item())
recorded = {
    "lines": LINES,
    "weights": WEIGHTS.tolist(),
    "second": SECOND.tolist(),
    "with and without zeros": of_products(LINES),
    "without zeros": of_products(LINES[:1]),
    "walk": walk.tolist(),
    "logcumsumexp": sums.tolist(),
    "weights of the walk": torch.cos(k.float()).tolist(),
    "gradient of the walk": walk.grad.tolist(),
}
Path(__file__).with_name("running.json").write_text(json.dumps(recorded) + "\n")
