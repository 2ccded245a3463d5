"""The lessons on networks: their programs, the rule for documented runs, and what it refuses."""

import re
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import fnnet
from fnnet.parity import files
from fnnet.parity.distribution import LEAST, place, prediction_interval, student_quantile
from fnnet.parity.lessons import LESSONS, custom_model, documented, two_layer
from fnnet.parity.lessons.lesson import Settings
from fnnet.parity.verdict import Verdict

pytestmark = pytest.mark.slow

PROGRAMS = [
    "two_layer_numpy", "two_layer_arrays", "two_layer_grad", "two_layer_custom_derivative",
    "two_layer_static_graph", "two_layer_layers", "two_layer_optimizers", "two_layer_custom_model",
]  # fmt: skip


# ---- the rule ----


@pytest.mark.parametrize(
    ("p", "degrees", "published"),
    [(0.975, 10, 2.228), (0.975, 30, 2.042), (0.995, 10, 3.169), (0.9995, 10, 4.587), (0.9995, 30, 3.646)],
)
def test_student_quantile_is_that_of_the_tables(p, degrees, published):
    assert student_quantile(p, degrees) == pytest.approx(published, abs=6e-3)


def test_a_true_curve_is_almost_never_refused_and_a_shifted_one_always():
    rng = np.random.default_rng(0)
    points = 10
    walks = np.exp(np.cumsum(rng.standard_normal((4000, points)), axis=1))
    names = [str(i) for i in range(points)]
    refused = 0
    for i in range(100):
        runs = walks[i * 16 : i * 16 + 16]
        refused += any(row.bad for row in place(names, walks[2000 + i], runs))
        # eight standard deviations away at the first point
        wrong = walks[2000 + i] * np.where(np.arange(points) == 0, np.exp(12), 1)
        assert place(names, wrong, runs)[0].bad
    assert refused <= 2


def test_a_value_within_the_runs_is_in_range_and_one_beyond_all_reason_is_bad():
    runs = np.linspace(1, 2, 20)[:, None]
    row = place(["a"], [1.5], runs)[0]
    assert row.verdict is Verdict.IN_DISTRIBUTION
    assert row.fnnet.quantile == 0.5
    low, high = prediction_interval(runs[:, 0], 1)
    assert low < 1 < 2 < high
    assert not place(["a"], [high * 0.99], runs)[0].bad
    assert place(["a"], [high * 1.01], runs)[0].bad
    assert place(["a"], [low * 0.99], runs)[0].bad


def test_runs_that_are_not_finite_are_bad():
    runs = np.linspace(1, 2, 20)[:, None].copy()
    runs[3] = np.nan
    assert place(["a"], [1.5], runs)[0].bad


@pytest.mark.parametrize("shape", [(LEAST - 1, 1), (LEAST, 2)])
def test_too_few_runs_or_points_raise(shape):
    with pytest.raises(ValueError, match="place: expected"):
        place(["a"], [1.0], np.ones(shape))


# ---- the documented runs, among few seeds here ----


@pytest.fixture(scope="module")
def normal_runs():
    return two_layer.normal_runs(LEAST, False)[0]


def refused(printed, steps, runs):
    return any(row.bad for row in place([str(s) for s in steps], printed, runs[:, list(steps)]))


@pytest.mark.parametrize("table", ["TENSORS", "AUTOGRAD", "LAYERS", "OPTIM"])
def test_tables_are_of_normal_weights(normal_runs, table):
    assert not refused(getattr(documented, table), documented.EVERY_50, normal_runs)


def test_another_learning_rate_or_initialisation_is_refused(normal_runs):
    program = files.program("two_layer_layers")
    keys = jax.random.split(jax.random.key(3), LEAST)
    steps = documented.EVERY_50[:4]

    @partial(jax.jit, static_argnums=0)
    @partial(jax.vmap, in_axes=(None, 0, None))
    def losses(start, key, learning_rate):
        x, y, params = start(key)
        return program.train(params, x, y, 151, learning_rate)[1]

    def wrong(start, learning_rate):
        return refused(documented.LAYERS[:4], steps, np.asarray(losses(start, keys, learning_rate)))

    assert wrong(program.start, 1e-4)
    assert wrong(program.normal_start, 2e-6)
    assert wrong(program.normal_start, 0.7e-6)
    assert not wrong(program.normal_start, 1e-6)


@pytest.mark.parametrize(
    ("optimizer", "wrong"),
    [
        (fnnet.optim.adam(lr=1e-4), False),
        (fnnet.optim.sgd(lr=1e-4), True),
        (fnnet.optim.adam(lr=2e-4), True),
        (optax.rmsprop(1e-4), True),
    ],
    ids=["adam", "sgd", "adam, twice the rate", "rmsprop"],
)
def test_custom_models_table_is_of_adam(optimizer, wrong):
    program = files.program("two_layer_custom_model")
    x, y, params = jax.vmap(program.start)(jax.random.split(jax.random.key(1), LEAST))
    losses = fnnet.fit_seeds(
        program.loss, params, (x, y), optimizer=optimizer, steps=201, shared_data=False
    ).losses
    assert refused(documented.CUSTOM_MODEL[:3], documented.EVERY_100[:3], losses) == wrong


def test_fizzbuzz_table_does_not_begin_with_a_new_network():
    program = files.program("fizzbuzz")
    params = jax.vmap(program.net.init)(jax.random.split(jax.random.key(1), 64))
    after = [(epoch + 1) * program.STEPS_PER_EPOCH for epoch in (0, 4)]
    result = fnnet.fit_seeds(
        program.loss, params, program.numbers(101, 1024), optimizer=program.optimizer, epochs=5,
        batch_size=program.BATCH, evaluate=(after, program.whole_loss),
    )  # fmt: skip
    (losses,) = result.history.evaluations.values()
    assert losses[:, 0].min() > documented.FIZZBUZZ[0]
    assert losses[:, 1].min() < documented.FIZZBUZZ[0] < losses[:, 1].max()


def test_documented_answers():
    program = files.program("fizzbuzz")
    assert [program.decode(i, program.encode(i)) for i in (1, 2, 5, 12, 15)] == [
        "1", "2", "buzz", "fizz", "fizzbuzz",
    ]  # fmt: skip
    wrong = documented.FIZZBUZZ_WRONG
    right = sum(program.encode(i) == wrong.get(i, program.encode(i)) for i in range(1, 101))
    assert right == documented.FIZZBUZZ_RIGHT
    x, y = program.numbers(101, 1024)
    assert x.shape == (923, 10)
    assert -(-len(x) // program.BATCH) == program.STEPS_PER_EPOCH
    assert (np.asarray(x) @ 2 ** np.arange(10)).tolist() == list(range(101, 1024))
    assert np.bincount(np.asarray(y)).sum() == 923


# ---- the programs ----


@pytest.mark.parametrize("name", PROGRAMS)
def test_program_runs_and_its_loss_falls(name, capsys):
    program = files.program(name)
    program.main()
    found = re.findall(r"^ *(\d+) +([\d.e+-]+)(?: |$)", capsys.readouterr().out, re.MULTILINE)
    printed = {int(step): float(loss) for step, loss in found}
    last = max(printed)
    assert last in (400, 450)
    assert printed[last] < 1e-3 * printed[0]


@pytest.mark.parametrize("name", ["lenet_introduction", "lenet_cifar10"])
def test_lenet_programs_take_steps(name):
    program = files.program(name)
    x, y = program.pictures(0, 40) if name == "lenet_introduction" else program.synthetic(0, 40)
    params = program.net.init(jax.random.key(0))
    assert program.net(params, x[:3]).shape == (3, 10)
    length = {"steps": 10} if name == "lenet_introduction" else {"epochs": 1}
    losses = program.train(params, x, y, jax.random.key(1), **length).losses
    assert losses.shape == (10,)
    assert np.isfinite(losses).all()


def test_static_graph_is_traced_once_for_all_runs():
    program = files.program("two_layer_static_graph")
    graph, compiled = program.build(rows=32)
    before = len(program.traced)
    x, y, weights = program.start(jax.random.key(0))
    for _ in range(3):
        _, weights = compiled(weights, x[:32], y[:32])
    assert len(program.traced) == before
    in_graph, in_program = program.operations(graph, compiled)
    assert 0 < in_program < in_graph
    with pytest.raises(TypeError, match="compiled with"):
        compiled(weights, x, y)


def test_own_derivative_lets_the_gradient_pass_at_zero():
    program = files.program("two_layer_custom_derivative")
    at = jax.vmap(jax.grad(program.relu))(jnp.array([-1.0, 0.0, 2.0]))
    assert at.tolist() == [0.0, 1.0, 1.0]  # `grad_input[input < 0] = 0`


# ---- the lessons ----


def test_every_program_and_check_of_a_lesson_exists():
    for lesson in LESSONS.values():
        assert (files.examples() / f"{lesson.program}.py").is_file()


@pytest.mark.parametrize("name", ["custom-derivative", "static-graph"])
def test_quick_lessons_hold(name):
    result = LESSONS[name].run(Settings(seeds=LEAST))
    assert not result.error
    assert [row.quantity for row in result.outcome.rows if row.bad] == []


def test_a_lesson_is_bad_if_what_is_documented_is_not_what_comes_out(monkeypatch):
    monkeypatch.setattr(documented, "CUSTOM_MODEL", (692.9, 50.6, 9.67, 0.013, 0.0009))
    monkeypatch.setattr(custom_model, "runs_of_seeds", lambda seeds: _custom_runs(seeds))
    result = LESSONS["custom-model"].run(Settings(seeds=LEAST))
    assert [row.quantity for row in result.outcome.rows if row.bad] == ["loss, step 200"]


def _custom_runs(seeds):
    """Runs around the values that the table has in truth."""
    spread = np.exp(0.1 * np.random.default_rng(0).standard_normal((seeds, 1)))
    curve = np.full(500, 0.67)
    curve[[0, 100, 200, 300, 400]] = (692.9, 50.6, 0.67, 0.013, 0.0009)
    return spread * curve
