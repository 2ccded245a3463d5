"""The update rules against torch.optim where it is installed: its own test data, and drawn options."""

import inspect

import jax.numpy as jnp
import numpy as np
import optim_cases as cases
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judge import optimizers as judge

from fnnet import optim
from fnnet.optim import RULES

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TOLERANCE = {"float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7), "bfloat16": (1.6e-2, 1e-5)}


def agree(name: str, kwargs: dict, dtype: str) -> None:
    assert judge.agree(name, kwargs, dtype, TOLERANCE[dtype])


def test_every_optimizer_is_declared_with_the_defaults_of_its_class():
    classes = {n for n in torch.optim.__all__ if inspect.isclass(getattr(torch.optim, n))} - {"Optimizer"}
    assert classes == set(RULES)
    for name, rule in RULES.items():
        signature = inspect.signature(getattr(torch.optim, name)).parameters
        defaults = {n: p.default for n, p in signature.items() if n not in ("params", *rule.execution)}
        assert defaults == rule.defaults, name
        assert [n for n in signature if n in rule.defaults] == list(rule.defaults) or name in (
            "Adam",
            "RMSprop",
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_torch_own_inputs(dtype):
    """Every entry of PyTorch's optim_db."""
    tallies = [judge.run(entry, 0, dtype) for entry in judge.entries()]
    assert len(tallies) == 15
    problems = [f"{tally.name}: {problem}" for tally in tallies for problem in tally.problems]
    assert not problems, "\n".join(problems)


def test_torch_own_error_inputs():
    """What optim_db says is an error is one here, with PyTorch's type and words."""
    checked = 0
    for info in judge.entries():
        rule = RULES[info.optim_cls.__name__]
        for entry in info.optim_error_inputs_func(device="cpu", dtype=torch.float32):
            kwargs = entry.optimizer_error_input.kwargs
            # Left out: errors of parameter lists (not ours), and of a mixture of floats, tensors and foreach.
            if not kwargs or "foreach" in kwargs or "betas must be either" in entry.error_regex:
                continue
            arrays = {
                k: jnp.asarray(v.numpy()) if isinstance(v, torch.Tensor) else v for k, v in kwargs.items()
            }
            with pytest.raises(entry.error_type, match=entry.error_regex):
                rule.function(**arrays)
            checked += 1
    assert checked >= 25


numbers = st.floats(0.001, 0.3)
betas = st.tuples(st.floats(0.0, 0.95), st.floats(0.5, 0.999))
decays = st.sampled_from([0.0, 0.01, 0.3])
flags = st.booleans()
OPTIONS = {
    "SGD": {"momentum": st.sampled_from([0.0, 0.5, 0.9]), "dampening": st.sampled_from([0.0, 0.4])},
    "Adam": {"betas": betas, "eps": st.floats(1e-8, 1e-2), "amsgrad": flags, "decoupled_weight_decay": flags},
    "AdamW": {"betas": betas, "eps": st.floats(1e-8, 1e-2), "amsgrad": flags},
    "Adamax": {"betas": betas, "eps": st.floats(1e-8, 1e-2)},
    "NAdam": {"betas": betas, "momentum_decay": st.floats(0.0, 0.1), "decoupled_weight_decay": flags},
    "RAdam": {"betas": betas, "eps": st.floats(1e-8, 1e-2), "decoupled_weight_decay": flags},
    "RMSprop": {"alpha": st.floats(0.5, 0.99), "momentum": st.sampled_from([0.0, 0.9]), "centered": flags},
    "Adagrad": {"lr_decay": st.floats(0.0, 0.5), "initial_accumulator_value": st.floats(0.0, 0.5)},
    "Adadelta": {"rho": st.floats(0.0, 1.0), "eps": st.floats(1e-6, 1e-2)},
    "Rprop": {"etas": st.tuples(st.floats(0.1, 0.9), st.floats(1.1, 1.9))},
    "ASGD": {"lambd": st.floats(0.0, 0.1), "alpha": st.floats(0.1, 1.0), "t0": st.sampled_from([0, 2, 1e6])},
    "Adafactor": {"beta2_decay": st.floats(-1.0, -0.1), "d": st.floats(1.0, 2.0)},
}
NO_DECAY = ("Rprop",)


@pytest.mark.parametrize("name", sorted(OPTIONS))
@settings(max_examples=6, deadline=None, derandomize=True)
@given(data=st.data())
def test_drawn_options_agree(name, data):
    chosen = {key: data.draw(options) for key, options in OPTIONS[name].items()}
    chosen["lr"], chosen["maximize"] = data.draw(numbers), data.draw(flags)
    if name not in NO_DECAY:
        chosen["weight_decay"] = data.draw(decays)
    agree(name, chosen, "float64")


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adamax"])
def test_bfloat16_rounds_where_torch_does(name):
    agree(name, {**cases.RULE_CASES[name][1], "maximize": False}, "bfloat16")


def test_rounding_errors_stay_small_over_many_steps():
    """In float32 a compiled run of 300 steps is as near to PyTorch's as PyTorch is to its own float64."""
    for name in ("Adam", "RAdam", "NAdam", "RMSprop"):
        single = judge.ours(name, {"lr": 0.05}, "float32", steps=300)
        expected = judge.theirs(name, {"lr": 0.05}, "float32", steps=300)
        exact = judge.theirs(name, {"lr": 0.05}, "float64", steps=300)
        for a, b, c in zip(single, expected, exact, strict=True):
            bound = 4 * np.max(np.abs(b - c)) + 1e-6
            assert np.max(np.abs(a - b)) <= bound, (name, np.max(np.abs(a - b)), bound)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    T_0=st.integers(1, 9),
    T_mult=st.integers(1, 3),
    up=st.integers(1, 9),
    down=st.integers(1, 9),
    total=st.integers(5, 60),
    share=st.floats(0.0, 0.9),
    t=st.integers(0, 60),
)
def test_drawn_cycles_agree(T_0, T_mult, up, down, total, share, t):
    def last(make):
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1, momentum=0.9)
        scheduler = make(optimizer)
        for _ in range(t):
            optimizer.step()
            scheduler.step()
        return optimizer.param_groups[0]["lr"]

    scheduler = torch.optim.lr_scheduler
    warm = optim.cosine_annealing_warm_restarts(0.1, T_0, T_mult)(t)
    np.testing.assert_allclose(
        warm, last(lambda o: scheduler.CosineAnnealingWarmRestarts(o, T_0, T_mult)), atol=1e-13
    )
    cyclic = optim.cyclic_lr(0.1, 0.5, up, down, "triangular2")(t)
    np.testing.assert_allclose(
        cyclic, last(lambda o: scheduler.CyclicLR(o, 0.1, 0.5, up, down, "triangular2")), atol=1e-13
    )
    if t < total and abs(share * total - 1) > 1e-6:
        one = optim.one_cycle_lr(0.5, total, pct_start=share)(t)
        np.testing.assert_allclose(
            one, last(lambda o: scheduler.OneCycleLR(o, 0.5, total, pct_start=share)), atol=1e-13
        )
