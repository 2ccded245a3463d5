"""What the recorder promises of itself: no compilation again, few dispatches, bounded memory."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fnnet.torch as torch
from fnnet.torch import once


def compiled(step: Callable[[int], Any], warm: int = 5, steps: int = 30) -> tuple[int, float]:
    """Compilations, and dispatches a step, after the first turns of a loop."""
    for i in range(warm):
        step(i)
    before = torch.stats()
    for i in range(warm, warm + steps):
        step(i)
    after = torch.stats()
    return after.compilations - before.compilations, (after.dispatches - before.dispatches) / steps


def two_layers() -> tuple[Any, Any, Any, Any]:
    torch.manual_seed(0)
    x, y = torch.randn(8, 5), torch.randn(8, 2)
    return x, y, torch.randn(5, 4, requires_grad=True), torch.randn(4, 2, requires_grad=True)


def test_training_loop_is_one_dispatch_a_step() -> None:
    x, y, w1, w2 = two_layers()

    def step(i: int) -> None:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.item()
        loss.backward()
        with torch.no_grad():
            w1.sub_(1e-3 / (i + 1) * w1.grad)  # the rate changes every step
            w2.sub_(1e-3 / (i + 1) * w2.grad)
            w1.grad.zero_()
            w2.grad.zero_()

    assert compiled(step) == (0, 1.0)


def test_moving_window_does_not_compile_again() -> None:
    data = torch.randn(100, 3)
    target = torch.zeros(100, 3)

    def step(i: int) -> None:
        batch = data[i : i + 10]
        target[i] = batch.sum(0)
        target[i].sum().item()

    assert compiled(step, steps=50)[0] == 0


def test_changing_float_becomes_an_argument() -> None:
    x = torch.randn(4)
    assert compiled(lambda i: (x * (0.1 * i) + i).clamp(min=-0.5 * i).sum().item())[0] == 0


def test_static_float_that_keeps_changing_becomes_an_argument() -> None:
    x = torch.rand(4) + 1
    assert compiled(lambda i: torch.pow(x, 1.5 + 0.1 * i).sum().item(), warm=12)[0] == 0


def test_loop_without_reads_compiles_a_bounded_number_of_programs() -> None:
    before = torch.stats()
    x = torch.zeros(3)
    for i in range(3000):
        x = x * 0.5 + i
        x = x.tanh()
    x.sum().item()
    after = torch.stats()
    assert after.compilations - before.compilations <= 8
    assert after.operations - before.operations == 3 * 3000 + 2


def test_dead_results_are_not_computed() -> None:
    x = torch.ones(5)
    torch.synchronize()
    before = torch.stats()
    y = x + 1
    for _ in range(10):
        x * 2  # nobody keeps it
    del y
    torch.synchronize()
    assert torch.stats().dispatches == before.dispatches


@pytest.mark.slow
@pytest.mark.parametrize("steps", [400])
def test_memory_does_not_grow(steps: int) -> None:
    x, y, w1, w2 = two_layers()

    def step() -> None:
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        with torch.no_grad():
            w1.sub_(1e-3 * w1.grad)
            w2.sub_(1e-3 * w2.grad)
            w1.grad = w2.grad = None

    def turns() -> None:
        for _ in range(steps):
            step()
        torch.synchronize()

    for _ in range(10):  # what comes often is compiled by then
        turns()
    gc.collect()
    gc.disable()  # graphs must be freed by reference counts alone
    tracemalloc.start()
    try:
        turns()
        first = tracemalloc.get_traced_memory()[0]
        turns()
        second = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert second - first < 20_000


def test_graph_is_freed_with_its_last_tensor() -> None:
    import weakref

    w = torch.ones(3, requires_grad=True)
    loss = (w * 2).exp().sum()
    node = weakref.ref(loss.grad_fn)
    assert node() is not None
    gc.disable()
    try:
        del loss
        assert node() is None
    finally:
        gc.enable()


def test_big_integers_are_refused() -> None:
    with pytest.raises(RuntimeError, match="overflow"):
        torch.ones(2, dtype=torch.int64) + 2**70


def test_x64_is_not_switched_on() -> None:
    import jax

    torch.ones(2, dtype=torch.float64).sum().item()
    assert not jax.config.jax_enable_x64
    assert torch.tensor([1.5], dtype=torch.float64).numpy().dtype == np.float64


def test_zeroed_tensors_are_no_outputs_and_change_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once.SIGHTINGS, "evaluates", lambda *_: False)
    x, y, w1, w2 = two_layers()
    grads = []

    def step(i: int) -> None:
        (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum().backward()
        kept = w1.grad.clone()
        shared = w1.grad[1:]
        w1.grad.zero_()
        shared += 1.0
        grads.append((kept.sum().item(), w1.grad.sum().item(), shared.sum().item()))
        w1.grad.zero_()
        w2.grad.zero_()
        assert not w2.grad.numpy().any()

    assert compiled(step)[0] == 0
    assert grads[0] == grads[-1]
    assert grads[0][1:] == (16.0, 16.0)


def test_a_value_filled_with_one_number_is_recorded_anew() -> None:
    x = torch.ones(3)
    x.zero_()
    torch.synchronize()
    before = torch.stats()
    total = x + 1  # the zeros are part of this program
    x += 2
    assert total.tolist() == [1.0, 1.0, 1.0]
    assert torch.stats().dispatches == before.dispatches + 1
    x.zero_()
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert torch.stats().dispatches == before.dispatches + 1  # and need none to be looked at


@pytest.mark.parametrize("shapes", [((64, 300), (64, 20)), ((64, 150), (64, 200))])
def test_products_that_are_said_in_another_way(
    shapes: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from fnnet.torch import lowering

    monkeypatch.setattr(once.SIGHTINGS, "evaluates", lambda *_: False)
    draws = np.random.default_rng(0)
    x, g = (draws.standard_normal(shape).astype(np.float32) for shape in shapes)
    a, b = torch.tensor(x), torch.tensor(g)
    said = []
    original = lowering._product

    def note(*arguments: Any) -> Any:
        said.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(lowering, "_product", note)
    product = a.t().mm(b).numpy()  # the transposition is another call of the record
    w = torch.zeros(shapes[0][1], shapes[1][1], requires_grad=True)
    (a.mm(w) * b).sum().backward()
    gradient = w.grad.numpy()
    assert len(said) == 2
    expected = x.astype(np.float64).T @ g
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-4)


def test_steps_of_an_optimizer_are_known_without_the_device() -> None:
    w = torch.ones(3, requires_grad=True)
    optimizer = torch.optim.Adam([w], lr=0.1)

    def step(i: int) -> None:
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()

    assert compiled(step) == (0, 1.0)
    counted = optimizer.state[w]["step"]
    assert counted.item() == 35.0
    assert (counted + 1).item() == 36.0
    optimizer.param_groups[0]["betas"] = [0.9, 0.99]  # a list may change unseen
    optimizer.step()
    optimizer.param_groups[0]["betas"][0] = 0.0
    optimizer.param_groups[0]["lr"] = 0.0
    before = w.detach().clone()
    optimizer.step()
    assert torch.equal(w, before)


def test_an_exponent_stays_a_part_of_the_structure() -> None:
    x, i = torch.rand(3) + 1, torch.tensor([1, 2, 3])
    for step in range(12):
        x ** (1 + 0.1 * step)
    assert (i**2).tolist() == [1, 4, 9]
    with pytest.raises(RuntimeError, match="Integers to negative integer powers"):
        i**-1


def test_an_error_that_depends_on_values_needs_nobody_who_holds_the_result() -> None:
    torch.record.synchronize()
    torch.nn.functional.multi_margin_loss(torch.ones(2, 3), torch.tensor([0, 3]))
    with pytest.raises(RuntimeError, match="target out of range"):
        torch.record.synchronize()


def test_accumulated_gradients_come_in_one_order() -> None:
    """Leaves have no order of their own: by their addresses, each turn was another program."""
    torch.manual_seed(0)
    x = torch.randn(4, 6)

    def turn() -> Any:
        net = torch.nn.Sequential(*[torch.nn.Linear(6, 6) for _ in range(6)])
        for _ in range(2):
            net(x).sum().backward()
        return sum(p.grad.sum() for p in net.parameters()).item()

    for _ in range(5):
        turn()
    before = torch.stats().compilations
    kept = [bytearray(1000 * n) for n in range(5)]
    for _ in range(5):
        turn()
    assert torch.stats().compilations == before, len(kept)


@pytest.mark.parametrize("look", [torch.Tensor.tolist, torch.Tensor.numpy, repr, lambda y: y.sum().item()])
def test_too_little_memory_is_an_error(look: Callable[[torch.Tensor], Any]) -> None:
    """NumPy ends the process where it looks at an array that could not be computed."""
    with pytest.raises(RuntimeError, match="Out of memory"):
        look(torch.fft.rfft(torch.ones(4), 2**46))
    torch.record.synchronize()
    assert torch.ones(2).add(1).tolist() == [2, 2]
