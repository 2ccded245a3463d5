"""fit: the same numbers as a plain loop (and as PyTorch's), in every mode, with every option."""

import inspect
import io

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnnet
from fnnet import functional as F
from fnnet import train

ROWS = 23
RNG = np.random.RandomState(0)
X = RNG.randn(ROWS, 3).astype(np.float32)
Y = (X @ RNG.randn(3, 2)).astype(np.float32)
PARAMS = {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros(2)}
SGD = fnnet.optim.sgd(0.05, momentum=0.9)


def loss(params, x, y):
    return F.mse_loss(F.linear(x, params["weight"], params["bias"]), y)


def plain_loop(orders, batch, optimizer=SGD, drop_last=False):
    """The run as anyone would write it."""
    params, state, losses = PARAMS, optimizer.init(PARAMS), []
    for order in orders:
        for begin in range(0, ROWS, batch):
            rows = order[begin : begin + batch]
            if drop_last and len(rows) < batch:
                continue
            value, grads = jax.value_and_grad(loss)(params, X[rows], Y[rows])
            updates, state = optimizer.update(grads, state, params)
            params = optax.apply_updates(params, updates)
            losses.append(float(value))
    return params, losses


def assert_same(a, b):
    jax.tree.map(lambda x, y: np.testing.assert_array_equal(np.asarray(x), np.asarray(y)), a, b)


def assert_close(a, b, **tolerance):
    tolerance = {"rtol": 1e-5, "atol": 1e-6, **tolerance}
    jax.tree.map(lambda x, y: np.testing.assert_allclose(np.asarray(x), np.asarray(y), **tolerance), a, b)


@pytest.mark.parametrize("loop", ["scan", "step"])
@pytest.mark.parametrize("batch", [5, 23, 30, 1])
@pytest.mark.parametrize("drop_last", [False, True])
def test_mini_batches_in_order_with_a_smaller_last_one(loop, batch, drop_last):
    if batch == 30 and drop_last:
        with pytest.raises(ValueError, match="drop_last"):
            train.fit(loss, PARAMS, (X, Y), optimizer=SGD, epochs=1, batch_size=batch, drop_last=True)
        return
    result = train.fit(
        loss, PARAMS, (X, Y), optimizer=SGD, epochs=3, batch_size=batch, drop_last=drop_last, loop=loop
    )
    params, losses = plain_loop([np.arange(ROWS)] * 3, batch, drop_last=drop_last)
    assert result.loop == loop
    assert_close(result.losses, losses)
    assert_close(result.params, params)


@pytest.mark.parametrize("loop", ["scan", "step"])
def test_shuffled_by_a_key(loop):
    key = jax.random.key(7)
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, epochs=4, batch_size=5, shuffle=key, loop=loop)
    orders = [np.asarray(jax.random.permutation(jax.random.fold_in(key, e), ROWS)) for e in range(4)]
    params, losses = plain_loop(orders, 5)
    assert len({tuple(order) for order in orders}) == 4
    assert_close(result.losses, losses)
    assert_close(result.params, params)


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["scan", "step"])
def test_shuffled_by_a_generator_draws_for_its_own_epochs_only(loop):
    ours, again = fnnet.random.Generator(3), fnnet.random.Generator(3)
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, epochs=70, batch_size=5, shuffle=ours, loop=loop)
    epochs = fnnet.data.sampler.epochs(again, ROWS)
    params, losses = plain_loop([next(epochs).order for _ in range(70)], 5)
    assert_close(result.losses, losses, atol=1e-5)
    assert_close(result.params, params, atol=1e-5)
    np.testing.assert_array_equal(ours.get_state(), again.get_state())


@pytest.mark.torch
def test_the_same_run_as_pytorch():
    torch = pytest.importorskip("torch")
    net = torch.nn.Linear(3, 2)
    with torch.no_grad():
        net.weight.zero_()
        net.bias.zero_()
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9)
    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(data, batch_size=5, shuffle=True)
    torch.manual_seed(11)
    losses = []
    for _ in range(6):
        for x, y in loader:
            value = torch.nn.functional.mse_loss(net(x), y)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            losses.append(value.item())
    generator = fnnet.random.Generator(11)
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, epochs=6, batch_size=5, shuffle=generator)
    assert_close(result.losses, losses)
    assert_close(result.params["weight"], net.weight.detach().numpy())
    np.testing.assert_array_equal(generator.get_state(), torch.get_rng_state().numpy())


def test_full_batch_and_data_made_in_each_step():
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=20)
    params, losses = plain_loop([np.arange(ROWS)] * 20, ROWS)
    assert_close(result.losses, losses)
    assert_close(result.params, params)
    x, y = jnp.asarray(X), jnp.asarray(Y)
    made = train.fit(loss, PARAMS, lambda step: (x * (step % 2).astype(x.dtype), y), optimizer=SGD, steps=4)
    by_hand, state = PARAMS, SGD.init(PARAMS)
    for step in range(4):
        grads = jax.grad(loss)(by_hand, x * (step % 2), y)
        updates, state = SGD.update(grads, state, by_hand)
        by_hand = optax.apply_updates(by_hand, updates)
    assert_close(made.params, by_hand)


def test_arguments_are_left_as_they_were():
    before = jax.tree.map(np.array, PARAMS)
    train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=5)
    assert_same(PARAMS, before)


@pytest.mark.parametrize("loop", ["scan", "step"])
def test_keys_buffers_and_metrics(loop):
    def noisy(params, x, y, *, key, buffers):
        drop = jax.random.bernoulli(key, 0.5, x.shape)
        value = loss(params, jnp.where(drop, x, jnp.zeros_like(x)), y)
        return value, {"steps": buffers["steps"] + 1, "sum": buffers["sum"] + value}

    def bias(params, x, y, *, key, buffers):
        return params["bias"][0]

    buffers = {"steps": jnp.int32(0), "sum": jnp.float32(0)}
    key = jax.random.key(1)
    result = train.fit(
        noisy,
        PARAMS,
        (X, Y),
        optimizer=SGD,
        steps=6,
        key=key,
        buffers=buffers,
        metrics={"bias": bias},
        loop=loop,
    )
    params, state, biases, losses = PARAMS, SGD.init(PARAMS), [], []
    for step in range(6):
        options = {"key": jax.random.fold_in(key, step), "buffers": buffers}
        biases.append(float(params["bias"][0]))
        (value, buffers), grads = jax.value_and_grad(noisy, has_aux=True)(params, X, Y, **options)
        updates, state = SGD.update(grads, state, params)
        params = optax.apply_updates(params, updates)
        losses.append(float(value))
    assert_close(result.losses, losses)
    assert_close(result.params, params)
    assert_close(result.history.metrics["bias"], biases)
    assert_close(result.buffers, buffers)
    assert int(result.buffers["steps"]) == 6


def test_evaluation_every_so_often_and_at_given_steps():
    def weight(params):
        return {"first": params["weight"][0, 0]}

    every = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=10, evaluate=(4, weight))
    assert every.history.evaluated_at.tolist() == [4, 8]
    for at, value in zip([4, 8], every.history.evaluations["first"], strict=True):
        short = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=at)
        assert_same(value, short.params["weight"][0, 0])
    given = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=10, evaluate=([1, 7, 99], (X, Y)))
    assert given.history.evaluated_at.tolist() == [1, 7]
    # The loss on all rows after a step is the loss of the next one.
    assert_close(given.history.evaluations["value"], given.losses[[1, 7]])


def test_running_means_are_those_of_a_printing_loop():
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=25)
    printed, running = [], 0.0
    for i, value in enumerate(result.losses):
        running += value.item()
        if i % 10 == 9:
            printed.append(running / 10)
            running = 0.0
    np.testing.assert_allclose(result.history.running_means(10), printed, rtol=1e-12)
    with pytest.raises(ValueError, match="every"):
        result.history.running_means(0)


def test_progress_is_reported_to_the_end():
    calls = []
    train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=40, progress=lambda *call: calls.append(call))
    steps = [step for step, _, _ in calls]
    assert steps == sorted(steps)
    assert steps[-1] == 40
    assert {total for _, total, _ in calls} == {40}
    stream = io.StringIO()
    train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=40, progress=train.ProgressBar(stream))
    assert "40/40" in stream.getvalue().splitlines()[-1]


@pytest.mark.parametrize("loop", ["scan", "step"])
def test_a_loss_that_is_not_finite_stops_the_run(loop):
    steep = fnnet.optim.sgd(1e6)
    with pytest.raises(FloatingPointError, match="the loss of step 3 is inf") as caught:
        train.fit(loss, PARAMS, (X, Y), optimizer=steep, steps=1000, loop=loop)
    error = caught.value
    assert isinstance(error, train.NonFiniteError)
    assert error.step == 3
    assert error.value == np.inf
    short = train.fit(loss, PARAMS, (X, Y), optimizer=steep, steps=2)
    assert error.result.steps == 2
    assert_same(error.result.losses, short.losses)
    assert_close(error.result.params, short.params)
    assert np.isfinite(float(loss(error.result.params, X, Y)))


@pytest.mark.parametrize("at", [0, 1, 8, 9, 16, 30])
def test_the_step_that_went_wrong_is_named_wherever_it_is(at):
    def breaking(step):
        bad = jnp.where(step == at, jnp.float32(np.nan), jnp.float32(1))
        return jnp.asarray(X) * bad, jnp.asarray(Y)

    with pytest.raises(train.NonFiniteError) as caught:
        train.fit(loss, PARAMS, breaking, optimizer=SGD, steps=50)
    assert caught.value.step == at
    good = max(at - 1, 0)
    short = train.fit(loss, PARAMS, lambda step: (jnp.asarray(X), jnp.asarray(Y)), optimizer=SGD, steps=good)
    assert_close(caught.value.result.params, short.params)


def test_parameters_that_are_not_finite_are_not_returned():
    def kink(params):
        return jnp.sqrt(jnp.sum(params["bias"] ** 2))

    with pytest.raises(FloatingPointError, match=r"after 1 steps the parameter \['bias'\] is not finite"):
        train.fit(lambda p, x: kink(p), PARAMS, (X,), optimizer=SGD, steps=1)


def test_without_copies_the_error_has_no_result():
    with pytest.raises(train.NonFiniteError) as caught:
        train.fit(loss, PARAMS, (X, Y), optimizer=fnnet.optim.sgd(1e6), steps=100, keep_last_finite=False)
    assert caught.value.result is None


@pytest.mark.slow
def test_many_seeds_at_once_are_the_single_runs():
    keys = jax.random.split(jax.random.key(0), 3)
    net = fnnet.Linear(3, 2)
    many = jax.vmap(net.init)(keys)

    def drop(params, x, y, *, key):
        return loss(params, jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x, jnp.zeros_like(x)), y)

    shuffles = jax.random.split(jax.random.key(5), 3)
    options = {"optimizer": SGD, "epochs": 3, "batch_size": 5}
    result = train.fit_seeds(
        drop, many, (X, Y), key=keys, shuffle=shuffles, evaluate=(5, lambda p: loss(p, X, Y)), **options
    )
    assert result.losses.shape == (3, 15)
    assert result.history.evaluations["value"].shape == (3, 3)
    for seed in range(3):
        one = jax.tree.map(lambda leaf, seed=seed: leaf[seed], many)
        single = train.fit(drop, one, (X, Y), key=keys[seed], shuffle=shuffles[seed], **options)
        assert_close(result.losses[seed], single.losses)
        assert_close(jax.tree.map(lambda leaf, seed=seed: leaf[seed], result.params), single.params)


@pytest.mark.slow
def test_seeds_with_generators_with_one_order_and_with_data_of_their_own():
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf + 1]), PARAMS)
    options = {"optimizer": SGD, "epochs": 3, "batch_size": 5}
    own = train.fit_seeds(
        loss, many, (X, Y), shuffle=[fnnet.random.Generator(1), fnnet.random.Generator(2)], **options
    )
    one = train.fit(loss, PARAMS, (X, Y), shuffle=fnnet.random.Generator(1), **options)
    assert_close(own.losses[0], one.losses)
    shared = train.fit_seeds(loss, many, (X, Y), shuffle=fnnet.random.Generator(1), **options)
    assert_close(shared.losses[0], one.losses)
    assert not np.allclose(shared.losses[1], own.losses[1])
    data = (np.stack([X, X + 1]), np.stack([Y, Y]))
    apart = train.fit_seeds(loss, many, data, shared_data=False, **options)
    assert_close(apart.losses[0], train.fit(loss, PARAMS, (X, Y), **options).losses)


def test_a_seed_that_diverges_is_named():
    many = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf + jnp.float32(1e30)]), PARAMS)
    with pytest.raises(train.NonFiniteError, match=r"step 0 is inf \(seeds \[1\]\)"):
        train.fit_seeds(loss, many, (X, Y), optimizer=SGD, steps=5)


@pytest.mark.slow
def test_convolutions_of_xla_on_a_cpu_choose_the_step_loop():
    if jax.default_backend() != "cpu":
        pytest.skip("the choice is for CPUs")
    y = jnp.zeros((4, 2))

    def network(channels):
        return fnnet.Sequential(fnnet.Conv2d(channels, 2, 3), fnnet.Flatten(), fnnet.Linear(2 * 36, 2))

    net, x = network(200), jnp.ones((4, 200, 8, 8))

    def deep(params, x, y):
        return jax.lax.cond(jnp.sum(y) > 1, lambda: jnp.float32(0), lambda: F.mse_loss(net(params, x), y))

    params = net.init(jax.random.key(0))
    for function in (deep, jax.jit(deep), jax.checkpoint(deep)):
        assert train.fit(function, params, (x, y), optimizer=SGD, steps=1).loop == "step"
    net, x = network(1), jnp.ones((4, 1, 8, 8))  # fnnet computes it as a product
    params = net.init(jax.random.key(0))
    assert train.fit(lambda *given: deep(*given), params, (x, y), optimizer=SGD, steps=1).loop == "scan"
    assert train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=1).loop == "scan"


def test_optimizers_that_listen_and_states_of_every_kind():
    plateau = optax.chain(optax.sgd(0.05), optax.contrib.reduce_on_plateau(patience=2))
    with jax.numpy_dtype_promotion("standard"):
        result = train.fit(loss, PARAMS, (X, Y), optimizer=plateau, steps=20)
        assert np.isfinite(result.losses).all()
        holds_parameters = optax.contrib.schedule_free_sgd(0.05, warmup_steps=2)
        result = train.fit(loss, PARAMS, (X, Y), optimizer=holds_parameters, steps=20)
        assert np.isfinite(result.losses).all()


def test_no_step_at_all():
    result = train.fit(loss, PARAMS, (X, Y), optimizer=SGD, steps=0)
    assert result.steps == 0
    assert result.losses.shape == (0,)
    assert_same(result.params, PARAMS)


@pytest.mark.parametrize(
    ("error", "words", "change"),
    [
        (ValueError, "either steps or epochs", {"steps": 1, "epochs": 1}),
        (ValueError, "either steps or epochs", {"steps": None}),
        (TypeError, "steps: expected an int", {"steps": 1.5}),
        (ValueError, "steps: expected at least 0", {"steps": -1}),
        (ValueError, "batch_size", {"batch_size": 0}),
        (TypeError, "batch_size", {"batch_size": 2.0}),
        (ValueError, "shuffle needs batch_size", {"shuffle": jax.random.key(0)}),
        (TypeError, "shuffle", {"shuffle": 3, "batch_size": 5}),
        (TypeError, "JAX key", {"key": 3}),
        (ValueError, "loop", {"loop": "fast"}),
        (ValueError, "evaluate", {"evaluate": (0, lambda p: 0)}),
        (ValueError, "checkpoint_every", {"checkpoint_every": 0}),
        (TypeError, "progress", {"progress": 3}),
        (RuntimeError, "Size mismatch", {"data": (X, Y[:5]), "batch_size": 5}),
        (ValueError, "neither batch_size nor shuffle", {"data": lambda i: (X, Y), "batch_size": 5}),
        (ValueError, "no epochs", {"data": lambda i: (X, Y), "steps": None, "epochs": 2}),
    ],
)
def test_bad_arguments_are_named(error, words, change):
    options = {"data": (X, Y), "optimizer": SGD, "steps": 1, **change}
    with pytest.raises(error, match=words):
        train.fit(loss, PARAMS, options.pop("data"), **options)


def test_losses_of_the_wrong_kind():
    with pytest.raises(RuntimeError, match="scalar"):
        train.fit(lambda p, x, y: (x @ p["weight"].T)[0], PARAMS, (X, Y), optimizer=SGD, steps=1)
    with pytest.raises(TypeError, match="buffers"):
        train.fit(lambda p, x, y: (loss(p, x, y), {}), PARAMS, (X, Y), optimizer=SGD, steps=1)
    with pytest.raises(TypeError, match="new buffers"):
        train.fit(loss_ignoring_buffers, PARAMS, (X, Y), optimizer=SGD, steps=1, buffers={"n": jnp.int32(0)})
    with pytest.raises(RuntimeError, match="leading axis of seeds"):
        train.fit_seeds(
            loss, {"weight": jnp.zeros((2, 3)), "bias": jnp.zeros(3)}, (X, Y), optimizer=SGD, steps=1
        )


def loss_ignoring_buffers(params, x, y, *, buffers):
    return loss(params, x, y)


def test_a_compiled_stretch_ends_at_the_first_loss_that_is_not_finite():
    from fnnet.train.program import Runner, Setup

    def breaking(step):
        return jnp.where(step == 3, jnp.float32(np.inf), jnp.float32(1)) * jnp.asarray(X), jnp.asarray(Y)

    setup = Setup(train.step(loss, SGD), None, breaking)
    state = jax.tree.map(jnp.copy, train.init(PARAMS, SGD))
    _, records, reached = Runner(setup, "scan", 64, None, None).advance(state, 0, 50, None, 0)
    assert reached == 4
    assert np.isfinite(records["loss"]).tolist() == [True, True, True, False]


@pytest.mark.slow
@pytest.mark.parametrize("loop", ["scan", "step"])
def test_float64_stays_float64(loop):
    with jax.enable_x64(True):
        params = {"weight": jnp.zeros((2, 3), jnp.float64), "bias": jnp.zeros(2, jnp.float64)}
        x, y = X.astype(np.float64), Y.astype(np.float64)
        result = train.fit(
            loss,
            params,
            (x, y),
            optimizer=fnnet.optim.adam(0.01),
            epochs=3,
            batch_size=5,
            shuffle=jax.random.key(0),
            evaluate=(4, (x, y)),
            loop=loop,
        )
        assert result.losses.dtype == np.float64
        assert {leaf.dtype for leaf in jax.tree.leaves(result.params)} == {np.dtype(np.float64)}
    single = train.fit(
        loss,
        PARAMS,
        (X, Y),
        optimizer=fnnet.optim.adam(0.01),
        epochs=3,
        batch_size=5,
        shuffle=jax.random.key(0),
    )
    assert single.losses.dtype == np.float32


def test_fit_seeds_takes_the_arguments_of_fit():
    of_fit = inspect.signature(train.fit).parameters
    of_seeds = inspect.signature(train.fit_seeds).parameters
    assert list(of_seeds) == [*of_fit, "shared_data"]
    missing = r"fit_seeds\(\) missing a required( keyword-only)? argument: 'optimizer'"  # as of Python 3.12
    with pytest.raises(TypeError, match=missing):
        train.fit_seeds(None, {"w": np.zeros((2, 1))}, (), steps=1)
    with pytest.raises(TypeError, match=r"fit_seeds\(\) got an unexpected keyword argument 'step'"):
        train.fit_seeds(None, {"w": np.zeros((2, 1))}, (), optimizer=None, step=1)
