"""The two-layer network seven ways: programs against PyTorch's recorded runs, tables among many seeds.

Which run a table came from (none of the tutorials says it all): the first four tables, and the one headed
`optim`, start between 3.1e7 and 4.0e7 and fall to about 1e-4, which is what weights from N(0, 1), no (or
negligible) biases and gradient descent with 1e-6 give. With the layers' default initialisation the loss would
start near 700, and Adam at 1e-4 would hardly move weights of size 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import fnnet
from fnnet.checkpoint import flat
from fnnet.parity import agreement, files
from fnnet.parity.distribution import place
from fnnet.parity.lessons import documented
from fnnet.parity.lessons.lesson import Curve, Line, Outcome, Settings
from fnnet.parity.lessons.runs import (
    STEPS,
    follow_optimizer,
    follow_updates,
    recording,
    seed_count,
    table,
)
from fnnet.parity.verdict import Row, holds

SEEDS32, SEEDS64 = 24, 8


@lru_cache(maxsize=4)
def normal_runs(seeds: int, double: bool) -> tuple[np.ndarray, np.ndarray]:
    """Many runs of the program on arrays: the losses (seeds, 500), and the size of what is left of a row.

    The size is the root mean square of the first row's prediction minus target after the run, (seeds,).
    """
    program = files.program("two_layer_arrays")

    def run(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        x, y, weights = program.start(key)
        if double:
            x, y, weights = agreement.as_float64((x, y, weights))
        weights, losses = program.train(weights, x, y, STEPS)
        left = program.predict(weights, x[:1]) - y[:1]
        return losses, jnp.sqrt(jnp.mean(jnp.square(left)))

    with jax.enable_x64(double):
        # one seed after another: the weights of one fit the processor's cache, those of all do not
        mapped = jax.jit(lambda keys: jax.lax.map(run, keys))
        losses, left = mapped(jax.random.split(jax.random.key(1), seeds))
        return np.asarray(losses), np.asarray(left)


def _arrays(program: str) -> tuple[ModuleType, Any, Any, Any, Row]:
    """The program, its start from PyTorch's seed 0, and the row that shows the start equal."""
    module = files.program(program)
    x, y, weights = module.start(fnnet.random.Generator(0))
    start = agreement.same_start(agreement.part(recording(), "by_hand"), {"x": x, "y": y, **weights})
    return module, x, y, weights, start


_FROM = (
    "weights from N(0, 1), no or negligible biases, gradient descent with 1e-6 on the summed squared error"
)


def check_numpy(settings: Settings) -> Outcome:
    """NumPy: the program in float64 against PyTorch's float64 run, and the table among float64 runs."""
    recorded = agreement.part(recording(), "by_hand")
    _, x, y, weights, start = _arrays("two_layer_arrays")
    followed = follow_updates(files.program("two_layer_numpy"), x, y, weights, compiled=False)
    runs, left = normal_runs(seed_count(settings, SEEDS64), double=True)
    rows, curve = table(
        "NumPy, by hand", documented.EVERY_50, documented.NUMPY, runs, recorded["loss64"],
        followed.double["loss"], f"{len(runs)} seeds, float64",
    )  # fmt: skip
    printed = float(np.sqrt(np.mean(np.square(documented.NUMPY_FIRST_ROW_LEFT))))
    rows += place(
        ["root mean square of the printed differences"], [printed], left[:, None],
        notes=["prediction minus target of one of the 64 rows after the run; here: the first row's"],
    )  # fmt: skip
    note = f"The table: {_FROM}, in float64: {len(runs)} seeds (the same program on JAX arrays in float64)."
    return Outcome([*rows, start, *agreement.rows(recorded, followed)], [curve], [note])


def _by_arrays(
    settings: Settings, program: str, name: str, printed: Sequence[float] | None, title: str
) -> Outcome:
    """One of the programs on JAX arrays: `name` is PyTorch's recorded run, `printed` the table."""
    recorded = agreement.part(recording(), name)
    module, x, y, weights, start = _arrays(program)
    followed = follow_updates(module, x, y, weights)
    agreed = [start, *agreement.rows(recorded, followed)]
    if printed is None:
        line = Line("PyTorch, seed 0 (recorded)", np.arange(STEPS), recorded["loss32"])
        own = Line("fnnet, seed 0", np.arange(STEPS), followed.single["loss"])
        return Outcome(agreed, [Curve(title, "step", "loss", None, [line, own], log_y=True)])
    runs, _ = normal_runs(seed_count(settings, SEEDS32), double=False)
    rows, curve = table(
        title, documented.EVERY_50, printed, runs, recorded["loss32"], followed.single["loss"],
        f"{len(runs)} seeds",
    )  # fmt: skip
    return Outcome([*rows, *agreed], [curve], [f"The table: {_FROM}: {len(runs)} seeds."])


def check_arrays(settings: Settings) -> Outcome:
    """JAX arrays, the backward pass by hand."""
    return _by_arrays(settings, "two_layer_arrays", "by_hand", documented.TENSORS, "Arrays, by hand")


def check_grad(settings: Settings) -> Outcome:
    """Gradients by jax.value_and_grad."""
    return _by_arrays(settings, "two_layer_grad", "autograd", documented.AUTOGRAD, "jax.grad")


def check_custom_derivative(settings: Settings) -> Outcome:
    """ReLU with its own backward rule."""
    outcome = _by_arrays(
        settings, "two_layer_custom_derivative", "custom_function", None, "A custom derivative"
    )
    module = files.program("two_layer_custom_derivative")
    at = jax.vmap(jax.grad(module.relu))(jnp.array([-1.0, 0.0, 1.0]))
    rule = holds(
        "derivative of the own ReLU at -1, 0, 1", at.tolist() == [0, 1, 1], at.tolist(),
        note="the rule zeroes the gradient where the input is negative, so it passes at 0",
    )  # fmt: skip
    return Outcome([*outcome.rows, rule], outcome.curves)


def check_static_graph(settings: Settings) -> Outcome:
    """Trace once, run many times."""
    outcome = _by_arrays(settings, "two_layer_static_graph", "autograd", None, "A static graph")
    module = files.program("two_layer_static_graph")
    x, y, weights = module.start(jax.random.key(0))
    graph, compiled = module.build()
    before = len(module.traced)
    for _ in range(20):
        _, weights = compiled(weights, x, y)
    ran = len(module.traced) - before
    in_graph, in_program = module.operations(graph, compiled)
    rows = [
        holds("times that Python runs the step in 20 runs", ran == 0, ran),
        holds(
            "operations: in the graph, in XLA's program", in_program > 0, f"{in_graph}, {in_program}",
            note="forward, gradients and update in one program; the rest is fused",
        ),
    ]  # fmt: skip
    return Outcome([*outcome.rows, *rows], outcome.curves)


def check_layers(settings: Settings) -> Outcome:
    """Layers with the update by hand: the program as printed, and the table, which is another's."""
    module = files.program("two_layer_layers")
    x, y, params = module.start(fnnet.random.Generator(0))
    recorded = agreement.part(recording(), "layers")
    start = agreement.same_start(recorded, {"x": x, "y": y, **flat(params)})
    agreed = [start, *agreement.rows(recorded, follow_updates(module, x, y, params))]
    rows, curve, seeds = _normal_table(settings, documented.LAYERS, "Layers")
    first = jax.jit(jax.vmap(lambda key: _first_loss(module, key)))(jax.random.split(jax.random.key(2), 32))
    refused = holds(
        "the printed program starts at", float(first.max()) < documented.LAYERS[0] / 1e3,
        f"{float(first.min()):.0f} .. {float(first.max()):.0f}", documented=documented.LAYERS[0],
        note="default initialisation, 32 seeds: the table cannot be the printed program's",
    )  # fmt: skip
    notes = [
        f"The table: {_FROM} (nn.init.normal_ on both weights): {seeds} seeds.",
        "The weights printed after it, none beyond 0.032, are another network's, of default initialisation "
        "(within 0.0316 before training).",
    ]
    return Outcome([*rows, refused, *agreed], [curve], notes)


def _first_loss(module: ModuleType, key: jax.Array) -> jax.Array:
    x, y, params = module.start(key)
    return module.loss(params, x, y)


@lru_cache(maxsize=1)
def _layers_normal() -> Any:
    module = files.program("two_layer_layers")
    x, y, params = module.normal_start(fnnet.random.Generator(0))
    return follow_optimizer(module.loss, fnnet.optim.sgd(lr=1e-6), x, y, params)


def _normal_table(settings: Settings, printed: Sequence[float], title: str) -> tuple[list[Row], Curve, int]:
    """The table of a network of layers with weights from N(0, 1).

    It is placed among the runs on arrays: biases within 0.03 do not show beside hidden values of size 30.
    """
    recorded = agreement.part(recording(), "layers_normal")
    followed = _layers_normal()
    runs, _ = normal_runs(seed_count(settings, SEEDS32), double=False)
    rows, curve = table(
        title, documented.EVERY_50, printed, runs, recorded["loss32"], followed.single["loss"],
        f"{len(runs)} seeds",
    )  # fmt: skip
    return [*rows, *agreement.rows(recorded, followed, "N(0, 1)")], curve, len(runs)


def check_optimizers(settings: Settings) -> Outcome:
    """Five update rules against PyTorch's, and the table headed `optim`."""
    module = files.program("two_layer_optimizers")
    rows, curve, seeds = _normal_table(settings, documented.OPTIM, "optim")
    curves = [curve]
    for name, optimizer in module.OPTIMIZERS.items():
        x, y, params = module.start(fnnet.random.Generator(0))
        recorded = agreement.part(recording(), name)
        followed = follow_optimizer(module.loss, optimizer, x, y, params)
        rows += [agreement.same_start(recorded, {"x": x, "y": y, **flat(params)})] if name == "sgd" else []
        rows += agreement.rows(recorded, followed, name)
        lines = [Line(f"PyTorch, {name}", np.arange(STEPS), recorded["loss32"])]
        lines += [Line(f"fnnet, {name}", np.arange(STEPS), followed.single["loss"])]
        curves.append(Curve(f"optim: {name}", "step", "loss", None, lines, log_y=True))
    return Outcome(
        rows,
        curves,
        [f"The table: {_FROM} (SGD, not the Adam with 1e-4 of the other tutorial): {seeds} seeds."],
    )
