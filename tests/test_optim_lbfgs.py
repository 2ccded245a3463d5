"""L-BFGS against recorded runs of torch.optim.LBFGS."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optim_cases as cases
import pytest

from fnnet import optim

RECORDED = np.load(Path(__file__).parent / "reference" / "optim_rules.npz")
FIELDS = ("d", "H_diag", "prev_flat_grad", "prev_loss", "t")


def loss(params):
    return cases.rosenbrock(jnp.concatenate([params["a"], params["b"].reshape(-1)]))


def run(kwargs, dtype, steps):
    rule = optim.lbfgs(**kwargs)
    start = jnp.asarray(cases.LBFGS_START.astype(dtype))
    params = {"a": start[:2], "b": start[2:].reshape(2, 2)}

    @jax.jit
    def train(params):
        def step(carry, _):
            params, state = carry
            value, grads = jax.value_and_grad(loss)(params)
            updates, state = rule.update(grads, state, params, value=value, value_fn=loss)
            params = optax.apply_updates(params, updates)
            x = jnp.concatenate([params["a"], params["b"].reshape(-1)])
            return (params, state), (value, x, state.func_evals, state.n_iter)

        return jax.lax.scan(step, (params, rule.init(params)), length=steps)

    (_, state), seen = train(params)
    return state, [np.asarray(s) for s in seen]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("index", range(len(cases.LBFGS_CASES)))
def test_agrees_with_torch(index, dtype):
    prefix = f"LBFGS/{index}/{dtype}"
    # Each iteration here multiplies rounding errors: float32 is compared where they are still small.
    steps = cases.LBFGS_STEPS if dtype == "float64" else 2
    tolerance = {"rtol": 1e-7, "atol": 1e-7} if dtype == "float64" else {"rtol": 1e-4, "atol": 1e-5}
    with jax.enable_x64(dtype == "float64"):
        state, (values, x, func_evals, n_iter) = run(cases.LBFGS_CASES[index], dtype, steps)
    np.testing.assert_array_equal(func_evals, RECORDED[f"{prefix}/func_evals"][:steps])
    np.testing.assert_array_equal(n_iter, RECORDED[f"{prefix}/n_iter"][:steps])
    np.testing.assert_allclose(values, RECORDED[f"{prefix}/loss"][:steps], **tolerance)
    np.testing.assert_allclose(x, RECORDED[f"{prefix}/x"][:steps], **tolerance)
    if dtype == "float64":
        for field in FIELDS:
            np.testing.assert_allclose(
                getattr(state, field), RECORDED[f"{prefix}/{field}"], rtol=1e-5, atol=1e-6
            )
        kept = int(state.history)
        for field in ("old_dirs", "old_stps", "ro"):
            recorded = RECORDED[f"{prefix}/{field}"]
            assert kept == len(recorded)
            np.testing.assert_allclose(getattr(state, field)[:kept], recorded, rtol=1e-5, atol=1e-6)


def test_stands_still_at_an_optimum():
    rule = optim.lbfgs()
    p = jnp.ones(3)
    updates, state = rule.update(jnp.zeros(3), rule.init(p), p, value_fn=cases.rosenbrock)
    np.testing.assert_array_equal(updates, 0)
    assert (int(state.func_evals), int(state.n_iter)) == (1, 0)


@pytest.mark.slow
def test_many_starts_under_vmap():
    rule = optim.lbfgs(line_search_fn="strong_wolfe", max_iter=60, history_size=5)

    def solve(x):
        grads = jax.grad(cases.rosenbrock)(x)
        updates, _ = rule.update(grads, rule.init(x), x, value_fn=cases.rosenbrock)
        return optax.apply_updates(x, updates)

    starts = jnp.asarray([[-1.2, 1.0], [0.0, 0.0], [2.0, -1.0]])
    together = jax.jit(jax.vmap(solve))(starts)
    np.testing.assert_allclose(together, np.ones((3, 2)), atol=2e-3)


def test_complex_parameters_are_pairs():
    target = jnp.asarray([1 + 2j, -3j], jnp.complex64)

    def far(z):
        return jnp.sum(jnp.abs(z - target) ** 2)

    z = jnp.asarray([0.5 + 0j, 1j], jnp.complex64)
    rule = optim.lbfgs(line_search_fn="strong_wolfe")
    grads = jnp.conj(jax.grad(far)(z))
    updates, _ = rule.update(grads, rule.init(z), z, value_fn=far)
    np.testing.assert_allclose(z + updates, target, atol=1e-5)


def test_errors():
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optim.lbfgs(line_search_fn="armijo")
    with pytest.raises(ValueError, match="value_fn"):
        optim.lbfgs().update(jnp.ones(2), optim.lbfgs().init(jnp.ones(2)), jnp.ones(2))
    with pytest.raises(ValueError, match="empty parameter list"):
        optim.lbfgs().init({})
