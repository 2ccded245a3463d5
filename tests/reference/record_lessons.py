"""Records what PyTorch gives for the lessons tensors, autograd, logistic and dynamic: lessons.npz.

Run where PyTorch is installed: python tests/reference/record_lessons.py
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


def tensors() -> dict[str, torch.Tensor]:
    """Creation, arithmetic and reshaping, all drawn from one stream after seed 0."""
    torch.manual_seed(0)
    uniform = torch.rand(5, 3)
    like = torch.randn_like(uniform.new_ones(5, 3, dtype=torch.double), dtype=torch.float)
    y = torch.rand(5, 3)
    square = torch.randn(4, 4)
    one = torch.randn(1)
    wide = square.view(-1, 8)
    return {
        "rand": uniform,
        "randn_like": like,
        "add": torch.add(like, y),
        "add_": y.clone().add_(like),
        "corner": like[1:, 1:],
        "column": like[:, 1],
        "column_of_t": like.t()[:, 1],
        "view": wide,
        "transposed": wide.transpose(0, 1),
        "one": one,
        "one_plus_one": one + torch.ones_like(one),
        "one_double": (one + torch.ones_like(one)).to(torch.double),
    }


def autograd() -> dict[str, torch.Tensor]:
    """The gradients whose inputs are drawn, after seed 0 each."""
    torch.manual_seed(0)
    x = torch.rand(3).requires_grad_(True)
    y = x * 2
    while y.data.norm() < 1000:
        y = y * 2
    y.backward(torch.tensor([0.1, 1.0, 0.0001]))
    doubled = {"x": x.detach(), "y": y.detach(), "grad": x.grad}

    torch.manual_seed(0)
    linear = torch.nn.Linear(5, 3)
    data, target = torch.randn(2, 5).requires_grad_(True), torch.randn(2, 3)
    hidden = F.relu(linear(data))
    loss = F.mse_loss(hidden, target)
    optimizer = torch.optim.SGD(linear.parameters(), lr=1e-2)
    loss.backward()
    optimizer.step()
    small = {
        "softmax": F.softmax(hidden, dim=1).view(1, -1),
        "loss": loss,
        "grad_data": data.grad,
        "grad_weight": linear.weight.grad,
        "grad_bias": linear.bias.grad,
        "weight": linear.weight,
        "loss_after": F.mse_loss(F.relu(linear(data)), target),
    }
    return {f"doubled_{k}": v for k, v in doubled.items()} | {f"linear_{k}": v for k, v in small.items()}


def logistic() -> dict[str, torch.Tensor]:
    """Ten epochs of a log_softmax classifier on 320 points in mini-batches of 32, with either loss."""
    recorded = {}
    for name in ("nll", "mse"):
        torch.manual_seed(0)
        x = torch.randn(320, 10)
        teacher = torch.randn(10)
        labels = (x @ teacher > 0).long()
        linear = torch.nn.Linear(10, 2)
        optimizer = torch.optim.SGD(linear.parameters(), lr=0.1)
        losses = []
        for _ in range(10):
            for inputs, target in zip(x.split(32), labels.split(32), strict=True):
                out = F.log_softmax(linear(inputs), dim=1)
                if name == "nll":
                    loss = F.nll_loss(out, target)
                else:
                    loss = F.mse_loss(out, F.one_hot(target, 2).float() - 1)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
        out = F.log_softmax(linear(x), dim=1)
        recorded |= {
            f"{name}_losses": torch.tensor(losses, dtype=torch.float32),
            f"{name}_weight": linear.weight,
            f"{name}_bias": linear.bias,
            f"{name}_correct": (out.argmax(1) == labels).sum(),
        }
    return recorded


class DynamicNet(torch.nn.Module):
    """A network that applies its middle layer as often as it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.input_linear = torch.nn.Linear(1000, 100)
        self.middle_linear = torch.nn.Linear(100, 100)
        self.output_linear = torch.nn.Linear(100, 10)

    def forward(self, x: torch.Tensor, depth: int) -> torch.Tensor:
        h = self.input_linear(x).clamp(min=0)
        for _ in range(depth):
            h = self.middle_linear(h).clamp(min=0)
        return self.output_linear(h)


def dynamic() -> dict[str, torch.Tensor]:
    """500 steps, the depths drawn by Python's random after seed 0; in float32, and in float64 as the arbiter.

    "skip": zero_grad as it is today, which removes the gradients, so that a step leaves the middle layer as
    it is when it was not used. "zero": zero_grad as it was in the tutorial's time, which sets them to 0.
    """
    draw = random.Random(0)
    depths = [draw.randint(0, 3) for _ in range(500)]
    recorded = {"depths": torch.tensor(depths, dtype=torch.int32)}
    for unused in ("skip", "zero"):
        for dtype in (torch.float32, torch.float64):
            torch.manual_seed(0)
            x, y = torch.randn(64, 1000), torch.randn(64, 10)
            model = DynamicNet().to(dtype)
            x, y = x.to(dtype), y.to(dtype)
            optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
            losses = []
            for depth in depths:
                loss = F.mse_loss(model(x, depth), y, reduction="sum")
                losses.append(loss.detach())
                optimizer.zero_grad(set_to_none=unused == "skip")
                loss.backward()
                optimizer.step()
            name = f"{unused}_{str(dtype).removeprefix('torch.')}"
            recorded[f"losses_{name}"] = torch.stack(losses)
            recorded[f"middle_bias_{name}"] = model.middle_linear.bias
    return recorded


def main() -> None:
    """Record all of them."""
    arrays = {
        f"{section.__name__}/{name}": value.detach().numpy()
        for section in (tensors, autograd, logistic, dynamic)
        for name, value in section().items()
    }
    path = Path(__file__).with_name("lessons.npz")
    np.savez_compressed(path, torch_version=np.str_(torch.__version__), **arrays)
    print(f"{path}: {len(arrays)} arrays, {path.stat().st_size} bytes, torch {torch.__version__}")


if __name__ == "__main__":
    main()
