"""Records that come once are computed by NumPy; those of loops and of training are compiled."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch import executable, once


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    torch.synchronize()
    monkeypatch.setattr(once, "SIGHTINGS", once.Sightings())
    monkeypatch.setattr(executable, "SIGHTINGS", once.SIGHTINGS)
    torch.reset_stats()


def counts():
    torch.synchronize()
    seen = torch.stats()
    return seen.evaluations, seen.compilations


def test_what_grows_is_never_compiled_and_gives_what_xla_gives():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        torch.nn.Embedding(11, 8), torch.nn.Linear(8, 8), torch.nn.GELU(), torch.nn.LayerNorm(8)
    )
    ids = torch.tensor([[1, 2, 3]])
    seen = []
    with torch.no_grad():
        for _ in range(7):
            scores = torch.softmax(net(ids)[:, -1] @ net[0].weight.t(), -1)
            seen.append((ids, scores.numpy()))
            ids = torch.cat((ids, scores.argmax(-1, keepdim=True)), 1)
    assert isinstance(ids._value().get(), jax.Array)
    evaluations, compilations = counts()
    assert (evaluations >= 7, compilations) == (True, 0)
    torch.use_deterministic_algorithms(True)
    try:
        with torch.no_grad():
            given, scores = seen[-1]
            again = torch.softmax(net(given)[:, -1] @ net[0].weight.t(), -1).numpy()
    finally:
        torch.use_deterministic_algorithms(False)
    assert counts()[1] == 1
    np.testing.assert_allclose(scores, again, rtol=1.3e-6, atol=1e-6)


def test_a_loop_is_compiled_after_two_turns():
    x = torch.ones(3, 1, 7, 2) * 2  # a shape that no other test in this process trains
    for _ in range(5):
        (x * 3 + 1).tolist()
    assert counts() == (once.TURNS + 1, 1)  # the first turn makes x as well


def test_training_is_compiled_at_once():
    w = torch.ones(3, requires_grad=True)
    for _ in range(4):
        w.grad = None
        (w * w).sum().backward()
        w.grad.tolist()
    evaluations, compilations = counts()
    assert (evaluations, compilations <= 2) == (0, True)


def test_training_that_never_comes_again_is_evaluated():
    w = torch.ones(3, requires_grad=True)
    for n in range(once.UNMET + 3):
        w.grad = None
        (w * torch.arange(2 + n)[:, None]).exp().sum().backward()
        expected = (np.arange(2 + n)[:, None] * np.exp(np.arange(2 + n)[:, None] * np.ones(3))).sum(0)
        np.testing.assert_allclose(w.grad.numpy(), expected, rtol=1e-6)
    evaluations, compilations = counts()
    assert compilations >= once.UNMET
    assert evaluations >= 3


def test_heavy_work_is_compiled():
    x = torch.ones(1500, 1500)
    x.mm(x)[0, 0].item()
    assert counts() == (0, 1)


def test_what_has_no_rule_is_compiled_and_counted():
    torch.linalg.eigvalsh(torch.eye(3)).tolist()
    assert counts()[1] >= 1
    assert torch.stats().without_rule >= 1


def test_errors_that_depend_on_values_are_raised():
    x = torch.arange(4)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        torch.floor_divide(x, torch.zeros(4, dtype=torch.int64)).tolist()
    assert counts()[1] == 0
    assert torch.floor_divide(x, torch.full((4,), 2)).tolist() == [0, 0, 1, 1]


def test_results_do_not_share_memory_with_what_numpy_writes():
    x = torch.arange(64.0)
    y = x.reshape(8, 8) + 0
    z = x.reshape(8, 8)[:]
    z.tolist()
    x.numpy()[0] = 7
    assert y[0, 0].item() == 0
