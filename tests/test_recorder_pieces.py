"""Long records that come once run in pieces that come again; what they compute does not change."""

import numpy as np
import pytest

import fnnet.torch as ft
from fnnet.torch import executable as programs
from fnnet.torch import once, pieces
from fnnet.torch.record import RECORD, synchronize


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    synchronize()
    monkeypatch.setattr(programs, "_CHOICE", pieces.Choice())
    monkeypatch.setattr(once.SIGHTINGS, "evaluates", lambda *_: False)
    ft.reset_stats()


def walk(length, seed):
    """A recurrent network step by step over a sequence of this length; the loss and the gradients."""
    ft.manual_seed(seed)
    step, out = ft.nn.Linear(7, 5), ft.nn.Linear(5, 3)
    hidden = ft.zeros(1, 5)
    inputs = ft.randn(length, 1, 2)
    loss = ft.zeros(1)
    for t in range(length):
        hidden = ft.tanh(step(ft.cat((inputs[t], hidden), 1)))
        loss = loss + (out(hidden) * (0.5 + t)).relu().sum()
    loss.backward()
    return [loss, *(one.grad for one in (*step.parameters(), *out.parameters()))]


def test_other_lengths_compile_little_and_give_the_same_numbers(monkeypatch):
    compiled = []
    build = programs._program
    monkeypatch.setattr(
        programs, "_program", lambda calls, *rest: compiled.append(len(calls)) or build(calls, *rest)
    )
    lengths = [17, 13, 19, 15, 20]
    found = []
    for length in lengths:
        del compiled[:]
        before = ft.stats().operations
        found.append([value.detach().numpy() for value in walk(length, 3)])
        recorded = ft.stats().operations - before
    assert recorded > pieces.LONG
    assert sum(compiled) < recorded / 4, (compiled, recorded)
    with monkeypatch.context() as patched:
        patched.setattr(programs, "LONG", 10**9)
        patched.setattr(programs, "_CACHE", {})
        for value, whole in zip(found[1], walk(lengths[1], 3), strict=True):
            np.testing.assert_allclose(value, whole.detach().numpy(), rtol=1e-5, atol=1e-5)


def test_a_structure_that_keeps_coming_is_compiled_as_a_whole():
    for _ in range(pieces.PATIENCE):
        walk(14, 3)
    assert ft.stats().dispatches > 3 * ft.stats().records
    walk(14, 3)
    before = ft.stats()
    walk(14, 3)
    after = ft.stats()
    assert after.dispatches - before.dispatches == after.records - before.records
    assert after.compilations == before.compilations


def test_pieces_keep_what_is_needed_and_no_more():
    x = ft.ones(3)
    for n in range(pieces.LONG):
        x = x * 2 - 1 + n * 0 if n % 5 else x.tanh() + 1
    calls, plans = list(RECORD.calls), list(RECORD.plans)
    last = sum(len(plan.outputs) for plan in plans) - 1
    made = pieces.cut(calls, [last], plans)
    assert [call[0] for piece in made for call in piece.calls] == [call[0] for call in calls]
    assert made[-1].outputs == [last]
    assert all(len(piece.outputs) == 1 for piece in made)
    given = {slot for piece in made for slot in piece.inputs if slot >= 0}
    assert given == {slot for piece in made for slot in piece.last}
    assert {slot for piece in made[:-1] for slot in piece.outputs} == given
    kinds = [kind for plan in plans for kind in plan.numbers]
    assert made[-1].floats.stop == kinds.count(float)
    assert made[-1].integers.stop == len(kinds) - kinds.count(float)
    synchronize()


def test_an_error_that_depends_on_values_is_raised_from_a_piece(monkeypatch):
    monkeypatch.setattr(pieces, "UNUSED_LIMIT", -1)
    whole = ft.arange(3)
    for n in range(pieces.LONG + 10):
        whole = whole * 2 - n % 3
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        ft.floor_divide(whole, ft.zeros(3, dtype=ft.int64)).tolist()
    assert whole.sum().item() is not None
