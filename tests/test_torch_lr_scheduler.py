"""torch.optim.lr_scheduler of the adapter against PyTorch's recorded rates and momenta, to the last bit."""

import math
from pathlib import Path

import numpy as np
import optim_cases as cases
import pytest

import fnnet.torch as torch
from fnnet.torch.optim import SGD, Adam, lr_scheduler

RECORDED = np.load(Path(__file__).parent / "reference" / "optim_schedules.npz")


def sgd(**options):
    return SGD([torch.zeros(1).requires_grad_()], **{"lr": cases.BASE_LR, "momentum": 0.9, **options})


def follow(make, steps=cases.SCHEDULE_STEPS):
    optimizer = sgd()
    scheduler = make(optimizer)
    rows = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        rows.append((group["lr"], group["momentum"]))
        assert scheduler.get_last_lr() == [group["lr"]]
        optimizer.step()
        scheduler.step()
    return np.asarray(rows)


@pytest.mark.parametrize(
    ("name", "index"), [(n, i) for n, listed in cases.SCHEDULE_CASES.items() for i in range(len(listed))]
)
def test_rates_are_those_of_torch(name, index):
    kwargs = cases.SCHEDULE_CASES[name][index]
    rows = follow(lambda optimizer: getattr(lr_scheduler, name)(optimizer, **kwargs))
    np.testing.assert_array_equal(rows, RECORDED[f"{name}/{index}"])


@pytest.mark.parametrize("index", range(len(cases.COMBINED_CASES)))
def test_combinations_are_those_of_torch(index):
    kind, milestones, parts = cases.COMBINED_CASES[index]

    def make(optimizer):
        made = [getattr(lr_scheduler, name)(optimizer, **kwargs) for name, kwargs in parts]
        if kind == "ChainedScheduler":
            return lr_scheduler.ChainedScheduler(made)
        return lr_scheduler.SequentialLR(optimizer, made, milestones=milestones)

    np.testing.assert_array_equal(follow(make), RECORDED[f"combined/{index}"])


@pytest.mark.parametrize("index", range(len(cases.PLATEAU_CASES)))
def test_plateau_is_that_of_torch(index):
    optimizer = sgd()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **cases.PLATEAU_CASES[index])
    rows = []
    for metric in cases.PLATEAU_METRICS:
        scheduler.step(metric)
        kept = scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter, scheduler.last_epoch
        rows.append((optimizer.param_groups[0]["lr"], *kept))
    np.testing.assert_array_equal(np.asarray(rows, np.float64), RECORDED[f"plateau/{index}"])


@pytest.mark.parametrize(
    "name", [n for n in cases.SCHEDULE_CASES if n not in ("LambdaLR", "MultiplicativeLR")]
)
def test_a_saved_state_goes_on(name):
    kwargs = cases.SCHEDULE_CASES[name][0]
    make = getattr(lr_scheduler, name)
    optimizer = sgd()
    scheduler = make(optimizer, **kwargs)
    optimizer.step()
    for _ in range(6):
        scheduler.step()
    saved, groups = scheduler.state_dict(), optimizer.state_dict()
    assert "optimizer" not in saved
    again = sgd()
    resumed = make(again, **kwargs)
    resumed.load_state_dict(saved)
    again.load_state_dict(groups)
    assert again.param_groups[0]["lr"] == RECORDED[f"{name}/0"][6, 0]
    again.step()
    resumed.step()
    assert again.param_groups[0]["lr"] == RECORDED[f"{name}/0"][7, 0]


def test_the_order_of_calls_is_warned_about():
    optimizer = sgd()
    scheduler = lr_scheduler.StepLR(optimizer, 3)
    with pytest.warns(
        UserWarning, match=r"Detected call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"
    ):
        scheduler.step()
    with pytest.warns(UserWarning, match="please use `get_last_lr"):
        scheduler.get_lr()
    with pytest.warns(UserWarning, match="The epoch parameter in `scheduler.step"):
        scheduler.step(7)
    assert scheduler.get_last_lr() == [0.1 * 0.1**2]
    assert scheduler.base_lrs == [0.1]
    assert optimizer.param_groups[0]["initial_lr"] == 0.1


def test_one_cycle_moves_beta1_and_groups_have_their_own_rates():
    p, q = torch.zeros(1).requires_grad_(), torch.zeros(1).requires_grad_()
    optimizer = Adam([{"params": [p]}, {"params": [q], "lr": 0.5}], lr=0.1)
    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=[0.2, 1.0], total_steps=10)
    assert optimizer.param_groups[0]["betas"] == (0.95, 0.999)
    assert scheduler.get_last_lr() == pytest.approx([0.2 / 25, 1.0 / 25], rel=1e-12)


def test_warm_restarts_go_to_any_place():
    optimizer = sgd()
    scheduler = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 4, 2, eta_min=0.01)
    for epoch, (place, length) in {0.5: (0.5, 4), 5.25: (1.25, 8), 13: (1, 16), 2: (2, 4)}.items():
        scheduler.step(epoch)
        wave = (1 + math.cos(math.pi * place / length)) / 2
        assert scheduler.get_last_lr() == [pytest.approx(0.01 + 0.09 * wave, rel=1e-12)]


def test_a_tensor_rate_is_filled():
    lr = torch.tensor(0.5)
    optimizer = sgd(lr=lr)
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] is lr
    assert lr.item() == 0.25


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: lr_scheduler.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (
            lambda: lr_scheduler.LambdaLR(sgd(), [math.exp] * 2),
            ValueError,
            "Expected 1 lr_lambdas, but got 2",
        ),
        (
            lambda: lr_scheduler.StepLR(sgd(), 1, last_epoch=3),
            KeyError,
            "param 'initial_lr' is not specified",
        ),
        (lambda: lr_scheduler.ReduceLROnPlateau(sgd(), factor=1.0), ValueError, "Factor should be < 1.0."),
        (lambda: lr_scheduler.CyclicLR(sgd(), 0.1, [1, 2]), ValueError, "max_lr must have the same length"),
        (
            lambda: lr_scheduler.ChainedScheduler([lr_scheduler.ReduceLROnPlateau(sgd())]),
            ValueError,
            "ChainedScheduler does not support `ReduceLROnPlateau` scheduler",
        ),
    ],
)
def test_errors(make, kind, words):
    with pytest.raises(kind) as caught:
        make()
    assert words in str(caught.value)
