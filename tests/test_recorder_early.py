"""Losses that are read after the step are computed by a program of their own, and are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch.autograd.early import READS


def losses_of(torch: Any, reads: list[bool]) -> list[float]:
    """The losses of a small network by SGD with momentum, those that are read."""
    draws = np.random.default_rng(0)
    x, y = (torch.tensor(draws.standard_normal(shape).astype(np.float32)) for shape in ((8, 5), (8, 2)))
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    read = []
    for wanted in reads:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        if wanted:
            read.append(loss.item())
    return read


def dispatches(reads: list[bool]) -> int:
    before = torch.stats().dispatches
    losses_of(torch, reads)
    return torch.stats().dispatches - before


def test_a_loss_that_is_read_after_the_step_is_computed_early() -> None:
    """The forward pass, and backward with the update: two dispatches a step."""
    dispatches([True] * 2 * READS)
    assert dispatches([True] * 30) - dispatches([True] * 20) == 20


def test_a_loop_that_does_not_read_its_losses_is_one_dispatch_a_step() -> None:
    dispatches([False] * 3 * READS)  # whatever loops of this kind did before
    assert dispatches([False] * 40) - dispatches([False] * 30) == 10


def test_a_loop_that_stops_reading_is_one_dispatch_a_step_again() -> None:
    read = [True] * 3 * READS
    assert dispatches(read + [False] * 40) - dispatches(read + [False] * 30) == 10


@pytest.mark.torch
def test_losses_are_pytorchs() -> None:
    pytorch = pytest.importorskip("torch")
    reads = [True] * 2 * READS + [False] * READS + [True, False, True] * READS
    np.testing.assert_allclose(losses_of(torch, reads), losses_of(pytorch, reads), rtol=1e-5)


def test_synchronize_waits() -> None:
    x = torch.randn(400, 400)
    for _ in range(20):
        x = x.mm(x) / 400
    torch.synchronize()
    assert x._value().array.is_ready()
