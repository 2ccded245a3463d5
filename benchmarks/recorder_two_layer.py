"""The two-layer network of the tutorials on fnnet.torch and on PyTorch, both in one process, and their ratio.

    python benchmarks/recorder_two_layer.py [STEPS]

Three programs, each reading its loss every step: gradients by hand, by autograd, with a custom Function. The
recorder's counters show that nothing is compiled again. Without PyTorch only fnnet is timed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import fnnet.torch

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6


def start(torch: Any, requires_grad: bool) -> tuple[Any, Any, Any, Any]:
    random = np.random.default_rng(0)
    shapes = [(N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT)]
    x, y, w1, w2 = (torch.tensor(random.standard_normal(shape).astype(np.float32)) for shape in shapes)
    w1.requires_grad_(requires_grad)
    w2.requires_grad_(requires_grad)
    return x, y, w1, w2


def by_hand(torch: Any) -> Callable[[], float]:
    x, y, w1, w2 = start(torch, False)

    def step() -> float:
        nonlocal w1, w2
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        y_pred = h_relu.mm(w2)
        loss = (y_pred - y).pow(2).sum().item()
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h_relu.t().mm(grad_y_pred)
        grad_h = grad_y_pred.mm(w2.t()).clone()
        grad_h[h < 0] = 0
        grad_w1 = x.t().mm(grad_h)
        w1 -= LEARNING_RATE * grad_w1
        w2 -= LEARNING_RATE * grad_w2
        return loss

    return step


def update(torch: Any, w1: Any, w2: Any) -> None:
    with torch.no_grad():
        w1 -= LEARNING_RATE * w1.grad
        w2 -= LEARNING_RATE * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()


def by_autograd(torch: Any) -> Callable[[], float]:
    x, y, w1, w2 = start(torch, True)

    def step() -> float:
        y_pred = x.mm(w1).clamp(min=0).mm(w2)
        loss = (y_pred - y).pow(2).sum()
        value = loss.item()
        loss.backward()
        update(torch, w1, w2)
        return value

    return step


def by_function(torch: Any) -> Callable[[], float]:
    x, y, w1, w2 = start(torch, True)

    class MyReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: Any) -> Any:
            ctx.save_for_backward(input)
            return input.clamp(min=0)

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            (input,) = ctx.saved_tensors
            grad_input = grad_output.clone()
            grad_input[input < 0] = 0
            return grad_input

    def step() -> float:
        y_pred = MyReLU.apply(x.mm(w1)).mm(w2)
        loss = (y_pred - y).pow(2).sum()
        value = loss.item()
        loss.backward()
        update(torch, w1, w2)
        return value

    return step


def seconds(step: Callable[[], float], steps: int) -> float:
    begin = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) / steps


def main(steps: int = 300) -> None:
    try:
        import torch
    except ImportError:
        torch = None  # type: ignore[assignment]
    else:
        torch.set_num_threads(2)
    print(f"{'program':14}{'fnnet us':>10}{'torch us':>10}{'ratio':>8}{'compiled':>10}{'dispatches':>12}")
    for program in (by_hand, by_autograd, by_function):
        ours = program(fnnet.torch)
        losses = [ours() for _ in range(10)]
        theirs = None if torch is None else program(torch)
        if theirs is not None:
            np.testing.assert_allclose(losses, [theirs() for _ in range(10)], rtol=1e-4)
        before = fnnet.torch.stats()
        best, best_torch = np.inf, np.inf
        rounds = 5
        for _ in range(rounds):  # in turns, so that both meet the same load of the machine
            best = min(best, seconds(ours, steps))
            if theirs is not None:
                best_torch = min(best_torch, seconds(theirs, steps))
        after = fnnet.torch.stats()
        print(
            f"{program.__name__:14}{best * 1e6:10.0f}{best_torch * 1e6:10.0f}{best / best_torch:8.2f}"
            f"{after.compilations - before.compilations:10d}"
            f"{(after.dispatches - before.dispatches) / (rounds * steps):12.2f}"
        )


if __name__ == "__main__":
    main(*[int(argument) for argument in sys.argv[1:]])
