"""The update rules against recorded runs of torch.optim, and under JAX's transformations."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optim_cases as cases
import pytest
import quickly

from fnnet import optim
from fnnet.optim import RULES
from fnnet.optim.arithmetic import one_minus_power
from fnnet.optim.radam import average_length

RECORDED = np.load(Path(__file__).parent / "reference" / "optim_rules.npz")
# assert_close's tolerances.
TOLERANCE = {"float32": {"rtol": 1.3e-6, "atol": 1e-5}, "float64": {"rtol": 1e-7, "atol": 1e-7}}
TOLERANCE["complex128"] = TOLERANCE["float64"]

EVERY = sorted({tuple(key.split("/")[:3]) for key in RECORDED if not key.startswith("LBFGS")})


def run(name: str, kwargs: dict, dtype: str, steps: int = cases.STEPS):
    """Parameters after each step, and the last state, from one compiled scan."""
    start, grads = cases.problem(cases.shapes_of(name), dtype.startswith("complex"))
    rule = RULES[name].function(**kwargs)
    params = {f"p{i}": jnp.asarray(p.astype(dtype)) for i, p in enumerate(start)}
    columns = {
        f"p{i}": jnp.asarray(np.stack([g[i] for g in grads[:steps]]).astype(dtype)) for i in range(len(start))
    }

    @quickly.jit
    def train(params, columns):
        def step(carry, g):
            params, state = carry
            extra = {"present": jax.tree.map(lambda x: x != 0, g)} if name == "SparseAdam" else {}
            updates, state = rule.update(g, state, params, **extra)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (params, rule.init(params)), columns)

    (_, state), history = train(params, columns)
    return [[np.asarray(history[k][t]) for k in sorted(history)] for t in range(steps)], state


@pytest.mark.parametrize(("name", "index", "dtype"), EVERY)
def test_agrees_with_torch_over_many_steps(name, index, dtype):
    prefix = f"{name}/{index}/{dtype}"
    with jax.enable_x64(dtype != "float32"):
        history, state = run(name, cases.RULE_CASES[name][int(index)], dtype)
    for step in cases.SEEN:
        seen = cases.flat(history[step - 1])
        np.testing.assert_allclose(seen, RECORDED[f"{prefix}/p/{step}"], **TOLERANCE[dtype])
    for field in RULES[name].state:
        kept = jax.tree.leaves(getattr(state, field))
        if f"{prefix}/s/{field}" not in RECORDED:
            assert not kept
        elif field == "step":
            assert set(RECORDED[f"{prefix}/s/step"]) == {int(state.step)}
        else:
            np.testing.assert_allclose(
                cases.flat(kept), RECORDED[f"{prefix}/s/{field}"], **TOLERANCE[dtype], err_msg=field
            )


def test_the_table_lists_every_optimizer_of_torch():
    assert set(RULES) == {*cases.RULE_CASES, "LBFGS"}
    recorded = {key.split("/")[0] + "." + key.split("/")[4] for key in RECORDED if "/s/" in key}
    for name in cases.RULE_CASES:
        assert {f"{name}.{field}" for field in RULES[name].state} == {
            r for r in recorded if r.startswith(f"{name}.")
        }


def test_learning_rate_can_be_swept_under_vmap_and_differentiated():
    x = jnp.asarray([1.0, -2.0, 3.0])

    def final_loss(lr):
        rule = optim.adam(lr=lr)

        def step(carry, _):
            p, state = carry
            updates, state = rule.update(2 * p, state, p)
            return (optax.apply_updates(p, updates), state), None

        (p, _), _ = jax.lax.scan(step, (x, rule.init(x)), length=5)
        return jnp.sum(p**2)

    rates = jnp.asarray([1e-3, 1e-2, 1e-1])
    swept = jax.jit(jax.vmap(final_loss))(rates)
    np.testing.assert_allclose(swept, [final_loss(float(r)) for r in rates], rtol=2e-6)
    slope = jax.grad(final_loss)(1e-2)
    around = (final_loss(1.1e-2) - final_loss(0.9e-2)) / 0.2e-2
    np.testing.assert_allclose(slope, around, rtol=1e-2)


@pytest.mark.parametrize("name", sorted(cases.RULE_CASES))
def test_traced_hyperparameters_give_the_same(name):
    kwargs = cases.RULE_CASES[name][1]
    traced = {k: v for k, v in kwargs.items() if isinstance(v, float)}
    fixed = {k: v for k, v in kwargs.items() if k not in traced}
    start, grads = cases.problem(cases.shapes_of(name))
    params = [jnp.asarray(p, jnp.float32) for p in start]

    def two_steps(numbers):
        rule = RULES[name].function(**fixed, **numbers)
        p, state = params, rule.init(params)
        for g in grads[:2]:
            updates, state = rule.update([jnp.asarray(x, jnp.float32) for x in g], state, p)
            p = optax.apply_updates(p, updates)
        return p

    # A traced number is float32: 1 - beta has lost digits that a Python number keeps.
    for a, b in zip(jax.jit(two_steps)(traced), jax.jit(lambda: two_steps(traced))(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_schedules_drive_any_hyperparameter():
    p, g = jnp.ones(3), jnp.ones(3)
    rule = optim.sgd(lr=optim.step_lr(1.0, 1, 0.5), momentum=lambda t: jnp.where(t == 0, 0.5, 0.25))
    state = rule.init(p)
    first, state = rule.update(g, state, p)
    second, state = rule.update(g, state, p)
    np.testing.assert_allclose(first, -1.0)
    np.testing.assert_allclose(second, -0.5 * 1.25)


def test_optax_pieces_combine_with_the_rules():
    p = {"w": jnp.ones(3)}
    rule = optax.inject_hyperparams(optim.sgd)(lr=0.5)
    state = rule.init(p)
    updates, state = rule.update({"w": jnp.ones(3)}, state, p)
    np.testing.assert_allclose(updates["w"], -0.5)
    chained = optax.chain(optim.clip_norm(1.0), optim.sgd(lr=1.0))
    updates, _ = chained.update({"w": jnp.full(3, 2.0)}, chained.init(p), p)
    np.testing.assert_allclose(jnp.linalg.norm(updates["w"]), 1.0, rtol=1e-6)


def test_empty_trees_and_empty_arrays_pass():
    rule = optim.adamw()
    for params in ({}, {"w": jnp.zeros((0, 3))}):
        updates, state = rule.update(params, rule.init(params), params)
        assert jax.tree.structure(updates) == jax.tree.structure(params)
        assert int(state.step) == 1


def test_rprop_stands_still_at_nan_and_others_show_it():
    p, g = jnp.ones(2), jnp.asarray([jnp.nan, 1.0])
    still, _ = optim.rprop().update(g, optim.rprop().init(p), p)
    assert not np.isnan(still).any()
    for name in ("SGD", "Adam", "RMSprop", "Adagrad", "Adamax"):
        rule = RULES[name].function()
        updates, _ = rule.update(g, rule.init(p), p)
        assert np.isnan(updates[0]), name
        assert np.isfinite(updates[1]), name


BAD = [
    ("SGD", {"lr": -1}, "Invalid learning rate: -1"),
    ("SGD", {"momentum": -0.5}, "Invalid momentum value: -0.5"),
    ("SGD", {"nesterov": True}, "Nesterov momentum requires"),
    ("SGD", {"nesterov": True, "momentum": 0.9, "dampening": 0.1}, "Nesterov momentum requires"),
    ("Adam", {"betas": (1.0, 0.9)}, "Invalid beta parameter at index 0: 1.0"),
    ("Adam", {"eps": -1e-8}, "Invalid epsilon value: -1e-08"),
    ("RMSprop", {"alpha": -1}, "Invalid alpha value: -1"),
    ("Adagrad", {"lr_decay": -0.5}, "Invalid lr_decay value: -0.5"),
    ("Adadelta", {"rho": 1.1}, "Invalid rho value: 1.1"),
    ("Rprop", {"etas": (1.0, 0.5)}, "Invalid eta values: 1.0, 0.5"),
    ("SparseAdam", {"lr": 0}, "Invalid learning rate: 0"),
    ("Adafactor", {"beta2_decay": 0.1}, "beta2_decay should be <= 0 but is: 0.1"),
    ("Muon", {"adjust_lr_fn": "other"}, "Adjust learning rate function other is not supported"),
    ("NAdam", {"momentum_decay": -0.2}, "Invalid momentum_decay value: -0.2"),
    ("LBFGS", {"lr": -0.1}, "Invalid learning rate: -0.1"),
]


@pytest.mark.parametrize(("name", "kwargs", "words"), BAD)
def test_bad_hyperparameters_raise_as_in_torch(name, kwargs, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        RULES[name].function(**kwargs)


def test_bad_arguments_raise():
    p = jnp.ones((2, 2))
    rule = optim.sgd()
    with pytest.raises(ValueError, match="needs the parameters"):
        rule.update(p, rule.init(p))
    with pytest.raises(RuntimeError, match=r"shape \(2,\)"):
        rule.update(jnp.ones(2), rule.init(p), p)
    with pytest.raises(RuntimeError, match="dtype"):
        rule.update(p.astype(jnp.bfloat16), rule.init(p), p)
    with pytest.raises(RuntimeError, match="floating point"):
        rule.update(jnp.ones(2, jnp.int32), rule.init(jnp.ones(2, jnp.int32)), jnp.ones(2, jnp.int32))
    with pytest.raises(ValueError, match="1-element"):
        optim.sgd(lr=jnp.ones(2))
    with pytest.raises(TypeError, match="Invalid learning rate"):
        optim.sgd(lr="fast")
    with pytest.raises(ValueError, match="Muon only supports 2D"):
        optim.muon().init(jnp.ones(3))
    z = jnp.ones((2, 2), jnp.complex64)
    for name, error in (("Adafactor", RuntimeError), ("Muon", RuntimeError), ("SparseAdam", ValueError)):
        with pytest.raises(error, match="omplex"):
            RULES[name].function().init(z)


@pytest.mark.parametrize("beta2", [0.9999, 0.999, 0.9, 0.5, 0.3])
def test_scalars_keep_their_digits_in_float32(beta2):
    """PyTorch forms these in double precision; float32 in its formulas would lose up to five digits."""
    steps = [1, 2, 5, 6, 7, 20, 100, 700, 1000, 3000, 100_000]
    expected = [1 - beta2**t for t in steps]
    np.testing.assert_allclose(one_minus_power(beta2, jnp.asarray(steps, jnp.float32)), expected, rtol=5e-7)
    rho_inf = 2 / (1 - beta2) - 1
    lengths = [rho_inf - 2 * t * beta2**t / (1 - beta2**t) for t in steps]
    _, seen = average_length(beta2, jnp.asarray(steps, jnp.float32))
    np.testing.assert_allclose(seen, lengths, rtol=2e-6)
