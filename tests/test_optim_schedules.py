"""The schedules against recorded runs of torch.optim.lr_scheduler."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optim_cases as cases
import pytest
import quickly

from fnnet import optim

RECORDED = np.load(Path(__file__).parent / "reference" / "optim_schedules.npz")
EVERY = [(name, i) for name, listed in cases.SCHEDULE_CASES.items() for i in range(len(listed))]
STEPS = np.arange(cases.SCHEDULE_STEPS)


def make(name: str, kwargs: dict):
    """The schedule of PyTorch's class of that name: StepLR is step_lr."""
    function = getattr(optim, re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    own_rate = name in ("CyclicLR", "OneCycleLR")
    return function(**kwargs) if own_rate else function(cases.BASE_LR, **kwargs)


def combine(kind: str, milestones: list, parts: list):
    made = [make(name, kwargs) for name, kwargs in parts]
    return optim.chained(made) if kind == "ChainedScheduler" else optim.sequential_lr(made, milestones)


def check(schedule, recorded, exact=1e-12):
    """Known steps in double precision; steps of JAX in float32 and float64, one by one and all at once."""
    np.testing.assert_allclose([schedule(t) for t in range(len(recorded))], recorded, rtol=exact, atol=1e-14)
    steps = np.arange(len(recorded))
    np.testing.assert_allclose(schedule(steps), recorded, rtol=exact, atol=1e-14)
    np.testing.assert_allclose(
        quickly.not_quickly(schedule)(jnp.asarray(steps)), recorded, rtol=2e-6, atol=1e-8
    )
    np.testing.assert_allclose(
        quickly.not_quickly(schedule)(jnp.asarray(13)), recorded[13], rtol=2e-6, atol=1e-8
    )
    with jax.enable_x64(True):
        np.testing.assert_allclose(schedule(jnp.asarray(steps)), recorded, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(("name", "index"), EVERY)
def test_agrees_with_torch(name, index):
    kwargs = cases.SCHEDULE_CASES[name][index]
    recorded = RECORDED[f"{name}/{index}"]
    schedule = make(name, kwargs)
    # Where the cosine is near its zero PyTorch's chainable form has lost digits; ours has not.
    check(schedule, recorded[:, 0], exact=1e-9 if name == "CosineAnnealingLR" else 1e-12)
    if schedule.momentum is not None:
        check(schedule.momentum, recorded[:, 1])
    else:
        assert np.all(recorded[:, 1] == 0.9)


@pytest.mark.parametrize("index", range(len(cases.COMBINED_CASES)))
def test_combinations_agree_with_torch(index):
    check(combine(*cases.COMBINED_CASES[index]), RECORDED[f"combined/{index}"][:, 0], exact=1e-9)


@pytest.mark.parametrize("index", range(len(cases.PLATEAU_CASES)))
def test_plateau_agrees_with_torch(index):
    plateau = optim.reduce_lr_on_plateau(cases.BASE_LR, **cases.PLATEAU_CASES[index])
    metrics = jnp.asarray(cases.PLATEAU_METRICS, jnp.float32)

    def step(state, metric):
        state = plateau.update(metric, state)
        return state, state

    states = jax.jit(lambda m: jax.lax.scan(step, plateau.init(), m)[1])(metrics)
    seen = np.stack([np.asarray(x, np.float64) for x in states], 1)
    np.testing.assert_allclose(seen, RECORDED[f"plateau/{index}"], rtol=1e-6)


def test_traced_hyperparameters():
    rates = jax.jit(lambda lr, gamma: optim.exponential_lr(lr, gamma)(jnp.asarray(3)))(0.1, 0.9)
    np.testing.assert_allclose(rates, 0.1 * 0.9**3, rtol=1e-6)
    assert optim.step_lr(jnp.asarray(0.1), 2)(4).dtype == jnp.float32
    many = jax.vmap(lambda t: optim.cosine_annealing_lr(0.1, 10)(t))(jnp.arange(5))
    np.testing.assert_allclose(many, optim.cosine_annealing_lr(0.1, 10)(np.arange(5)), rtol=1e-6)


def test_large_steps_keep_their_digits_in_float32():
    step = 12_345_678
    for schedule in (
        optim.cosine_annealing_lr(0.1, 1000),
        optim.cosine_annealing_warm_restarts(0.1, 1000, 2),
        optim.exponential_lr(0.1, 0.9999999),
    ):
        np.testing.assert_allclose(schedule(jnp.asarray(step)), schedule(step), rtol=3e-6)


def test_errors_are_those_of_torch():
    with pytest.raises(ValueError, match="Constant multiplicative factor"):
        optim.constant_lr(0.1, factor=1.5)
    with pytest.raises(ValueError, match="Starting multiplicative factor"):
        optim.linear_lr(0.1, start_factor=0.0)
    with pytest.raises(ValueError, match="Ending multiplicative factor"):
        optim.linear_lr(0.1, end_factor=1.1)
    with pytest.raises(TypeError, match="lr_lambda should be a function"):
        optim.multiplicative_lr(0.1, 0.5)
    with pytest.raises(ValueError, match="Expected positive integer T_0"):
        optim.cosine_annealing_warm_restarts(0.1, 0)
    with pytest.raises(ValueError, match="mode is invalid"):
        optim.cyclic_lr(0.1, 0.2, mode="round")
    with pytest.raises(ValueError, match="You must define either total_steps"):
        optim.one_cycle_lr(0.1, epochs=3)
    with pytest.raises(ValueError, match="Expected positive integer total_steps"):
        optim.one_cycle_lr(0.1, total_steps=-1)
    with pytest.raises(ValueError, match="Expected float between 0 and 1 pct_start"):
        optim.one_cycle_lr(0.1, total_steps=5, pct_start=2.0)
    with pytest.raises(ValueError, match="anneal_strategy must be one of"):
        optim.one_cycle_lr(0.1, total_steps=5, anneal_strategy="cubic")
    with pytest.raises(ValueError, match="Tried to step 6 times"):
        optim.one_cycle_lr(0.1, total_steps=5)(6)
    assert np.isnan(optim.one_cycle_lr(0.1, total_steps=5)(jnp.asarray(6)))
    with pytest.raises(ValueError, match="number of schedulers provided to be one more"):
        optim.sequential_lr([optim.step_lr(0.1, 2)], [3])
    with pytest.raises(ValueError, match="at least one scheduler"):
        optim.chained([])
    with pytest.raises(TypeError, match="expected schedules"):
        optim.chained([0.1])
    with pytest.raises(ValueError, match="same initial lr"):
        optim.chained([optim.step_lr(0.1, 2), optim.step_lr(0.2, 2)])
    with pytest.raises(ValueError, match="Factor should be"):
        optim.reduce_lr_on_plateau(0.1, factor=1.0)
    with pytest.raises(ValueError, match="mode least is unknown"):
        optim.reduce_lr_on_plateau(0.1, mode="least")
