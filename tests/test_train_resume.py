"""Runs that are interrupted and go on end in the same numbers, to the bit."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet
from fnnet import checkpoint, train
from fnnet import functional as F

RNG = np.random.RandomState(0)
X = RNG.randn(23, 3).astype(np.float32)
Y = RNG.randn(23, 2).astype(np.float32)
PARAMS = {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros(2)}
ADAM = fnnet.optim.adam(0.01)


def loss(params, x, y, *, key, buffers):
    keep = jax.random.bernoulli(key, 0.8, x.shape)
    value = F.mse_loss(F.linear(jnp.where(keep, x, jnp.zeros_like(x)), params["weight"], params["bias"]), y)
    return value, {"sum": buffers["sum"] + value}


def first_bias(params, x, y, *, key, buffers):
    return params["bias"][0]


def sums(params, buffers):
    return {"bias": params["bias"][0], "sum": buffers["sum"]}


def run(shuffle="none", **options):
    sources = {
        "none": lambda: None,
        "key": lambda: jax.random.key(3),
        "generator": lambda: fnnet.random.Generator(3),
    }
    source = sources[shuffle]()
    defaults = {
        "optimizer": ADAM,
        "batch_size": 5,
        "shuffle": source,
        "key": jax.random.key(1),
        "buffers": {"sum": jnp.float32(0)},
        "metrics": {"bias": first_bias},
        "evaluate": (7, sums),
    }
    result = train.fit(loss, PARAMS, (X, Y), **{**defaults, **options})
    return result, source


def assert_same_runs(a, b):
    for name in ("params", "opt_state", "buffers", "losses"):
        jax.tree.map(
            lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)),
            getattr(a, name),
            getattr(b, name),
        )
    np.testing.assert_array_equal(a.history.metrics["bias"], b.history.metrics["bias"])
    np.testing.assert_array_equal(a.history.evaluated_at, b.history.evaluated_at)
    for name, values in a.history.evaluations.items():
        np.testing.assert_array_equal(values, b.history.evaluations[name])
    assert a.steps == b.steps


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", ["none", "key", "generator"])
@pytest.mark.parametrize("loop", ["scan", "step"])
def test_a_run_taken_up_in_the_middle_is_the_run_without_a_stop(shuffle, loop, tmp_path):
    path = tmp_path / "run.safetensors"
    whole, source = run(shuffle, steps=61, loop=loop)
    for steps in (1, 13, 14, 40, 61):
        part, taken = run(shuffle, steps=steps, loop=loop, checkpoint=path, checkpoint_every=6)
        assert part.steps == steps
    assert_same_runs(part, whole)
    if shuffle == "generator":
        np.testing.assert_array_equal(source.get_state(), taken.get_state())
    again, _ = run(shuffle, steps=61, loop=loop, checkpoint=path)
    assert_same_runs(again, whole)


@pytest.mark.slow
def test_a_run_killed_at_any_moment(tmp_path):
    path, out = tmp_path / "run.safetensors", tmp_path / "end.safetensors"
    program = f"""
        import sys, jax
        sys.path.insert(0, {os.path.dirname(__file__)!r})
        jax.config.update("jax_numpy_dtype_promotion", "strict")
        from test_train_resume import run
        from fnnet import checkpoint
        result, source = run("generator", steps=900, checkpoint={str(path)!r}, checkpoint_every=3,
                             progress=lambda *call: print(call, flush=True))
        checkpoint.save({str(out)!r}, {{"params": result.params, "losses": result.losses,
                                        "state": source.get_state()}})
    """
    rng, started = np.random.RandomState(0), []
    command = [sys.executable, "-c", textwrap.dedent(program)]
    for _ in range(3):
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert worker.stdout is not None
        started.append(int(worker.stdout.readline().strip("()\n").split(",")[0]))
        time.sleep(rng.uniform(0, 0.15))
        worker.send_signal(signal.SIGKILL)
        worker.communicate()
    assert not out.exists()
    assert started[0] == 3
    assert 3 < started[1] < started[2]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=120)
    whole, source = run("generator", steps=900)
    ended = checkpoint.restore(
        out, {"params": whole.params, "losses": whole.losses, "state": source.get_state()}
    )
    np.testing.assert_array_equal(ended["losses"], whole.losses)
    np.testing.assert_array_equal(ended["state"], source.get_state())
    jax.tree.map(
        lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)),
        ended["params"],
        whole.params,
    )


def test_seeds_go_on_too(tmp_path):
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf + 1]), PARAMS)
    shuffles = [[fnnet.random.Generator(1), fnnet.random.Generator(2)] for _ in range(3)]

    def plain(params, x, y):
        return F.mse_loss(F.linear(x, params["weight"], params["bias"]), y)

    def seeds(steps, shuffle, **options):
        return train.fit_seeds(
            plain, many, (X, Y), optimizer=ADAM, steps=steps, batch_size=5, shuffle=shuffle, **options
        )

    whole = seeds(30, shuffles[0])
    seeds(17, shuffles[1], checkpoint=tmp_path / "run.safetensors")
    resumed = seeds(30, shuffles[2], checkpoint=tmp_path / "run.safetensors")
    np.testing.assert_array_equal(resumed.losses, whole.losses)
    assert resumed.losses.shape == (2, 30)


def test_another_run_in_the_file_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    run(steps=10, checkpoint=path)
    with pytest.raises(ValueError, match="holds another run: batch_size 5 there, 6 here"):
        run(steps=20, checkpoint=path, batch_size=6)
    with pytest.raises(ValueError, match="holds another run: key"):
        run(steps=20, checkpoint=path, key=jax.random.key(2))
    with pytest.raises(ValueError, match="10 steps already, more than 5"):
        run(steps=5, checkpoint=path)
    with pytest.raises(ValueError, match="does not fit: missing 'state"):
        run(steps=20, checkpoint=path, optimizer=fnnet.optim.adam(0.01, amsgrad=True))
    result, _ = run(steps=5, checkpoint=path, resume=False)
    assert result.steps == 5
    checkpoint.save(path, {"a": jnp.ones(1)})
    with pytest.raises(ValueError, match="not a run kept by fit"):
        run(steps=5, checkpoint=path)
    path.write_bytes(b"\0" * 100)
    with pytest.raises(ValueError, match=r"run\.safetensors: the header does not begin"):
        run(steps=5, checkpoint=path)
