"""Programs that are begun before they are recorded give what they give when they are not."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet.torch as torch
from fnnet.torch import record
from fnnet.torch.ahead import SURE, Ahead
from fnnet.torch.once import everything_compiled

TURNS = 30


class Never(Ahead):
    """Begins nothing."""

    def go_on(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.synchronize()
    monkeypatch.setattr(record, "AHEAD", Ahead())
    torch.reset_stats()


Turn = Callable[[int], Any]


def loop(torch: Any, optimizer: str = "Adam", **options: Any) -> tuple[Any, Any, Turn]:
    """A model, its optimizer, and a turn of its training, whose loss is read."""
    draws = np.random.default_rng(0)
    x, y = (torch.tensor(draws.standard_normal(shape).astype(np.float32)) for shape in ((8, 5), (8, 2)))
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    made = getattr(torch.optim, optimizer)(net.parameters(), **options)

    def turn(_: int) -> float:
        loss = torch.nn.functional.mse_loss(net(x), y)
        value = float(loss.item())
        made.zero_grad()
        loss.backward()
        made.step()
        return value

    return net, made, turn


@pytest.mark.usefixtures("fresh")
@pytest.mark.parametrize(("optimizer", "options"), [("Adam", {}), ("SGD", {"lr": 0.1, "momentum": 0.9})])
def test_a_loop_goes_ahead(optimizer: str, options: dict[str, float]) -> None:
    """All programs but those of the first turns, though Adam's count of steps is another in each."""
    _, _, turn = loop(torch, optimizer, **options)
    for at in range(TURNS):
        turn(at)
    seen = torch.stats()
    assert seen.in_vain == 0
    assert seen.ahead >= seen.dispatches - 4 * (SURE + 3)
    assert seen.records == seen.dispatches


@pytest.mark.usefixtures("fresh")
def test_batches_that_are_slices_go_ahead() -> None:
    data, w = torch.arange(120.0).view(40, 3), torch.ones(3)
    for _ in range(12):
        for begin in range(0, 40, 4):
            w = w * 0.5 + data[begin : begin + 4].mean(0)
            w.tolist()
    seen = torch.stats()
    assert seen.ahead > 80
    assert seen.in_vain < 25


@pytest.mark.usefixtures("fresh")
def test_what_is_new_each_turn_is_not_guessed() -> None:
    for at in range(TURNS):
        (torch.full((3,), float(at)).exp() + torch.tensor([1.0 * at, 2.0, 3.0])).tolist()
    assert (torch.stats().ahead, torch.stats().in_vain) == (0, 0)


@pytest.mark.usefixtures("fresh")
def test_a_loop_that_settles_late_is_learned() -> None:
    w, x = torch.ones(3), torch.ones(3)
    for at in range(120):
        if at < 50:
            x = torch.tensor([1.0 * at, 2.0, 3.0])
        w = (w * 0.5 + x).sin()
        w.tolist()
    assert torch.stats().ahead > 30


def disturbed(torch: Any, events: list[tuple[int, str]]) -> list[Any]:
    """What a training prints that is disturbed in certain turns."""
    net, optimizer, turn = loop(torch)
    happens: dict[int, list[str]] = {}
    for at, event in events:
        happens.setdefault(at, []).append(event)
    seen: list[Any] = []
    for at in range(TURNS):
        seen.append(turn(at))
        for event in happens.get(at, ()):
            if event == "rate":
                optimizer.param_groups[0]["lr"] *= 3
            elif event == "write":
                with torch.no_grad():
                    net[0].weight[1] = 0.25
            elif event == "numpy":
                net[2].bias.detach().numpy()[0] = 1.5
            elif event == "data":
                net[0].bias.data = torch.ones(4)
            elif event == "look":
                seen.append(net[0].weight.detach().sum().item())
            elif event == "clip":
                seen.append(float(torch.nn.utils.clip_grad_norm_(net.parameters(), 0.01)))
            elif event == "add":
                net[2].weight.grad += 1
            else:
                net.load_state_dict(net.state_dict())
    return [*seen, net[0].weight.tolist(), net[2].bias.tolist()]


EVENTS = ("rate", "write", "numpy", "data", "look", "clip", "add", "load")


@given(st.lists(st.tuples(st.integers(0, TURNS - 1), st.sampled_from(EVENTS)), max_size=5))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_disturbed_loops_give_the_same(events: list[tuple[int, str]]) -> None:
    with pytest.MonkeyPatch.context() as patch, everything_compiled():
        torch.synchronize()
        patch.setattr(record, "AHEAD", Ahead())
        ahead = disturbed(torch, events)
        torch.synchronize()
        patch.setattr(record, "AHEAD", Never())
        assert disturbed(torch, events) == ahead


@pytest.mark.torch
@pytest.mark.parametrize("event", EVENTS)
def test_disturbed_loops_are_pytorchs(event: str) -> None:
    pytorch = pytest.importorskip("torch")
    events = [(at, event) for at in (10, 11, 20)]
    ours, theirs = disturbed(torch, events), disturbed(pytorch, events)
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-6)  # thirty steps of Adam


@pytest.mark.usefixtures("fresh")
def test_an_error_that_depends_on_values_comes_where_it_belongs() -> None:
    table, index = torch.eye(4), torch.tensor([0, 1, 2])
    for _ in range(10):
        index = (index + 0) % 4
        assert table.index_select(0, index).sum().item() == 3
    index = index + 3
    with pytest.raises(IndexError):
        table.index_select(0, index).sum().item()
    assert table.index_select(0, index - 3).sum().item() == 3


@pytest.mark.usefixtures("fresh")
def test_a_negative_zero_is_another_number() -> None:
    w = torch.ones(3)
    for at in range(TURNS):
        assert (w * (-0.0 if at == 20 else 0.0)).signbit().tolist() == [at == 20] * 3
    assert torch.stats().ahead >= 5


@pytest.mark.usefixtures("fresh")
def test_integers_may_come_to_their_end() -> None:
    x, step = torch.zeros(2, dtype=torch.int64), 2**60
    for at in range(-8, 8):
        assert (x + at * step).tolist() == [at * step] * 2
    assert torch.stats().ahead > 0


@pytest.mark.usefixtures("fresh")
def test_what_nobody_holds_is_let_go() -> None:
    """One set of results waits, whatever was computed before."""
    w, kept = torch.ones(7, 7), []
    for _ in range(20):
        w = w * 0.5 + 1
        w.tolist()
        kept.append(weakref.ref(w._value().array))
    gc.collect()
    assert sum(one() is not None for one in kept) == 1


def test_small_programs_compute_apart_and_jax_does_not_see_it() -> None:
    x = torch.randn(3, 3, requires_grad=True)
    y = (x * 2).exp()
    y.sum().backward()
    for tensor in (x, y, x.grad, torch.from_numpy(np.ones(3)), torch.zeros(2)):
        assert tensor._value().alone or tensor._value().array is None
        assert tensor._value().get().devices() == {jax.devices("cpu")[0]}
    assert x._value().alone
    assert (x._value().get() + jax.device_put(1.0, jax.devices("cpu")[0])).shape == (3, 3)


@pytest.mark.usefixtures("fresh")
def test_large_programs_compute_on_all_threads_and_their_results_stay_there() -> None:
    x = torch.ones(1500, 1500) / 1500
    product = torch.mm(x, x)
    assert abs(product[0, 0].item() - 1 / 1500) < 1e-7
    assert not product._value().alone
    assert (product + 1)[0].sum().item() == pytest.approx(1501, rel=1e-5)
    small = torch.ones(4) * 3  # what has nothing to do with it computes on one
    assert small.tolist() == [3.0] * 4
    assert small._value().alone
    mixed = product[:4, 0] * 1500 + small
    assert mixed.tolist() == pytest.approx([4.0] * 4, rel=1e-5)
