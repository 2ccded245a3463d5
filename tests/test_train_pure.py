"""The pure pieces: step, epoch, run, evaluate inside one's own transformations."""

import os
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import functional as F
from fnnet import train

RNG = np.random.RandomState(0)
X = jnp.asarray(RNG.randn(23, 3).astype(np.float32))
Y = jnp.asarray(RNG.randn(23, 2).astype(np.float32))
PARAMS = {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros(2)}
SGD = fnnet.optim.sgd(0.05, momentum=0.9)


def loss(params, x, y):
    return F.mse_loss(F.linear(x, params["weight"], params["bias"]), y)


UPDATE = train.step(loss, SGD)


def test_epochs_inside_jit_are_fit():
    @jax.jit
    def two(state, key):
        state, first = train.epoch(UPDATE, state, (X, Y), 5, shuffle=key, number=0)
        state, second = train.epoch(UPDATE, state, (X, Y), 5, shuffle=key, number=1)
        return state, jnp.concatenate([first["loss"], second["loss"]])

    key = jax.random.key(2)
    state, losses = two(train.init(PARAMS, SGD), key)
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, epochs=2, batch_size=5, shuffle=key)
    np.testing.assert_allclose(losses, result.losses, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), state.params, result.params
    )


def test_a_run_reports_from_within_the_compiled_program():
    calls = []

    @jax.jit
    def whole(state):
        return train.run(UPDATE, state, (X, Y), 200, progress=lambda *call: calls.append(call))

    _, records = jax.block_until_ready(whole(train.init(PARAMS, SGD)))
    jax.effects_barrier()
    assert max(calls)[:2] == (200, 200)
    assert len(calls) == 100
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=200)
    np.testing.assert_allclose(records["loss"], result.losses, rtol=1e-5)


def test_a_run_under_vmap_and_under_grad():
    def final(rate):
        update = train.step(loss, fnnet.optim.sgd(rate))
        _, records = train.run(update, train.init(PARAMS, fnnet.optim.sgd(rate)), (X, Y), 10)
        return records["loss"][-1]

    rates = jnp.array([0.01, 0.1])
    both = jax.vmap(final)(rates)
    np.testing.assert_allclose(both, [final(rates[0]), final(rates[1])], rtol=1e-5)
    slope = jax.grad(final)(rates[0])
    numeric = (final(jnp.float32(0.011)) - final(jnp.float32(0.009))) / 0.002
    np.testing.assert_allclose(slope, numeric, rtol=1e-2)


def test_an_evaluation_in_batches_is_the_evaluation_at_once():
    def both(params, x, y):
        return {"loss": loss(params, x, y), "mean": jnp.mean(x)}

    at_once = train.evaluate(both, PARAMS, (X, Y))
    for size in (1, 5, 23, 40):
        in_batches = jax.jit(lambda p, size=size: train.evaluate(both, p, (X, Y), size))(PARAMS)
        for name, value in at_once.items():
            np.testing.assert_allclose(in_batches[name], value, rtol=1e-5, atol=1e-7)


def test_a_metric_cannot_be_called_loss():
    with pytest.raises(ValueError, match="taken by the loss"):
        train.step(loss, SGD, {"loss": loss})


def test_data_and_parameters_over_several_devices(tmp_path):
    """Rows sharded over two devices: fit as it is, and a run in shard_map with averaged gradients."""
    program = """
        import jax, numpy as np, jax.numpy as jnp, optax, fnnet
        from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
        from fnnet import functional as F, train
        rng = np.random.RandomState(0)
        x, y = rng.randn(8, 3).astype("f"), rng.randn(8, 2).astype("f")
        params = {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros(2)}
        def loss(p, x, y): return F.mse_loss(F.linear(x, p["weight"], p["bias"]), y)
        sgd = fnnet.optim.sgd(0.05)
        mesh = Mesh(np.array(jax.devices()), ("rows",))
        one = train.fit(loss, params, (x, y), optimizer=sgd, steps=5)
        held = jax.device_put((x, y), NamedSharding(mesh, P("rows")))
        spread = jax.device_put(params, NamedSharding(mesh, P()))
        many = train.fit(loss, spread, held, optimizer=sgd, steps=5)
        np.testing.assert_allclose(one.losses, many.losses, rtol=1e-5)
        averaged = optax.chain(optax.stateless(lambda g, p: jax.lax.pmean(g, "rows")), sgd)
        update = train.step(loss, averaged)
        def local(state, x, y):
            state, record = train.run(update, state, (x, y), 5)
            return state, jax.lax.pmean(record["loss"], "rows")
        whole = jax.jit(jax.shard_map(
            local, mesh=mesh, in_specs=(P(), P("rows"), P("rows")), out_specs=(P(), P()), check_vma=False
        ))
        _, losses = whole(train.init(params, averaged), x, y)
        np.testing.assert_allclose(one.losses, losses, rtol=1e-5)
        assert len(jax.devices()) == 2
    """
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
