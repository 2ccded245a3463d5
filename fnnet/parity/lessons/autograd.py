"""Gradients: what the introductions print, checked with `examples/autograd.py`."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.parity import files
from fnnet.parity.lessons.lesson import Outcome, Settings
from fnnet.parity.verdict import Row, equal, exact, in_distribution
from fnnet.random import Generator, as_source

DOUBLED = [591.5636, 884.0807, 773.9807]
VECTOR = [0.1, 1.0, 0.0001]
PRODUCT = [1.0240e02, 1.0240e03, 1.0240e-01]
D = [[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [11.0, 12.0, 13.0]]]
SOFTMAX = [0.2092, 0.1979, 0.5929, 0.4343, 0.3038, 0.2619]
LOSS = 2.9838
SEEDS = 1000


def _documented(program: Any) -> list[Row]:
    dx, dw, db = jax.grad(program.line, argnums=(0, 1, 2))(1.0, 2.0, 3.0)
    (value, (y, z)), gradient = jax.value_and_grad(program.mean_of_squares, has_aux=True)(jnp.ones((2, 2)))
    rows = [
        exact("w x + b at (1, 2, 3): w.grad", 1.0, dw),
        exact("x.grad", 2.0, dx),
        exact("b.grad", 1.0, db),
        exact("y = x + 2", np.full((2, 2), 3.0), y),
        exact("z = 3 y y", np.full((2, 2), 27.0), z),
        exact("mean of z", 27.0, value),
        exact("d mean(3 (x + 2)^2) / dx", np.full((2, 2), 4.5), gradient),
    ]
    x, v = jnp.array(DOUBLED) / 1024, jnp.array(VECTOR)
    for how, function in (
        ("", program.vjp_by_walking_back),
        (", compiled", program.vjp_compiled),
    ):
        doubled, product = function(x, v)
        rows += [
            exact(f"doubled until the norm passes 1000{how}", DOUBLED, doubled),
            exact(f"vector-Jacobian product{how}", PRODUCT, product),
        ]
    d = jnp.array(D)
    return [
        *rows,
        exact("d sum(x + (x + 1)) / dx", np.full((2, 2, 3), 2.0), jax.grad(program.sum_of_both)(d)),
    ]


def _from_seed(program: Any) -> list[Row]:
    with np.load(files.reference("lessons.npz")) as archive:
        recorded = {name: archive[name] for name in archive.files}

    def pytorch(name: str) -> np.ndarray:
        return recorded[f"autograd/{name}"]

    x = as_source(Generator(0)).uniform((3,), 0.0, 1.0, jnp.float32)
    doubled, product = program.vjp_compiled(x, jnp.array(VECTOR))
    params, data, target = program.draw(Generator(0))
    value, (gradients, of_data) = jax.value_and_grad(program.loss, argnums=(0, 1))(params, data, target)
    after = program.step(params, gradients)
    softmax = program.probabilities(params, data)[1].reshape(1, -1)
    return [
        exact("seed 0: doubled until 1000", None, doubled, pytorch=pytorch("doubled_y")),
        exact("seed 0: vector-Jacobian product", None, product, pytorch=pytorch("doubled_grad")),
        equal("seed 0: softmax", pytorch("linear_softmax"), softmax),
        equal("seed 0: MSE loss", pytorch("linear_loss"), value),
        equal("seed 0: its gradient by the data", pytorch("linear_grad_data"), of_data),
        equal("seed 0: by the weight", pytorch("linear_grad_weight"), gradients["weight"]),
        equal("seed 0: by the bias", pytorch("linear_grad_bias"), gradients["bias"]),
        equal("seed 0: weight after an SGD step", pytorch("linear_weight"), after["weight"]),
        equal("seed 0: loss after it", pytorch("linear_loss_after"), program.loss(after, data, target)),
    ]


def _over_seeds(program: Any, seeds: int) -> list[Row]:
    def one(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        params, data, target = program.draw(key)
        softmax = program.probabilities(params, data)[1]
        return program.loss(params, data, target), softmax.max()

    losses, largest = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), seeds))
    sums = np.round(np.array(SOFTMAX).reshape(2, 3).sum(axis=1), 4)
    params, data, _ = program.draw(jax.random.key(0))
    ours = program.probabilities(params, data)[1].sum(axis=1)
    within = partial(in_distribution, note=f"{seeds} seeds at once by vmap")
    return [
        exact("softmax: sums of its rows, 4 digits", sums, np.round(np.asarray(ours, np.float64), 4)),
        within("largest of the six probabilities", max(SOFTMAX), largest),
        within("MSE loss of the linear map", LOSS, losses),
    ]


def check(settings: Settings) -> Outcome:
    """Compare with what is documented, with PyTorch from seed 0, and with the runs of many seeds."""
    program = files.program("autograd")
    seeds = settings.seed_count(SEEDS)
    notes = [
        "The tutorial's linear map, data and targets are drawn without a seed, so its softmax and loss are "
        "looked for among many seeds. Its old MSELoss averages over all six elements, as today's does."
    ]
    return Outcome([*_documented(program), *_over_seeds(program, seeds), *_from_seed(program)], notes=notes)
