"""Records that come once are computed by NumPy; those of loops and of training are compiled."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch import executable, once, pieces
from fnnet.torch.record import RECORD


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


def test_pieces_of_long_records_are_evaluated_until_they_are_seen_often():
    x = torch.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    plans = list(RECORD.plans)
    often = [once.SIGHTINGS.evaluates("a", plans, True) for _ in range(once.SIGHTS + 1)]
    assert often == [True] * once.SIGHTS + [False]
    assert once.SIGHTINGS.evaluates("b", plans, True)
    assert not once.SIGHTINGS.evaluates("b", plans)  # a whole record that trains is compiled
    with once.everything_compiled():
        assert not once.SIGHTINGS.evaluates("c", plans, True)


def test_a_long_record_that_is_cut_gives_what_xla_gives(monkeypatch):
    monkeypatch.setattr(executable, "_CHOICE", pieces.Choice())
    monkeypatch.setattr(pieces, "UNUSED_LIMIT", -1)
    x = torch.linspace(-1, 1, 5)
    y = x.clone().requires_grad_()
    z = y
    for n in range(24):
        z = (z * (1 + n / 10)).sin() if n % 7 else z.cumsum(0).tanh() + n
    z.sum().backward()
    gradient = y.grad.tolist()
    assert counts()[0] > 1
    with jax.enable_x64(True):
        expected = jax.grad(lambda a: _walk(a).sum())(np.asarray(x._value().get(), np.float64))
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-6)


def _walk(x):
    for n in range(24):
        x = jax.numpy.sin(x * (1 + n / 10)) if n % 7 else jax.numpy.tanh(x.cumsum()) + n
    return x


def test_what_is_pending_is_computed_beside_jaxs_tracing() -> None:
    pending, filled = torch.tensor([5.0, 6.0]) * 3, torch.ones(3)

    def read(x: Any) -> Any:
        made = torch.tensor([1.0, 2.0])
        filled.sum()
        return x + sum(pending.tolist()) + (made * 1.5).sum().item()

    for _ in range(3):  # numbers are kept on the device when they come again
        assert jax.jit(lambda x: read(x))(0.0) == 37.5
    assert (pending.tolist(), filled.tolist(), (filled * 1.5).tolist()) == ([15, 18], [1] * 3, [1.5] * 3)
