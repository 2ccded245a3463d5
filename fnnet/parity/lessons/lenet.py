"""LeNet twice, against PyTorch's recorded runs on the same synthetic pictures.

The tutorials print no losses for it. What can be compared are the shapes that they state, and training from
the same seed: at first every gradient and parameter, then the running losses. Small differences grow in such
a run as maxima and ReLUs change over, in PyTorch's float32 as well; the measure is how far its float32 run is
from its float64 run.
"""

from __future__ import annotations

from functools import lru_cache
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import fnnet
from fnnet.checkpoint import flat
from fnnet.data.sampler import epochs
from fnnet.parity import agreement, files
from fnnet.parity.lessons.lesson import Curve, Line, Outcome, Settings
from fnnet.parity.lessons.runs import recording
from fnnet.parity.verdict import Row, Verdict, exact

FOLLOWED = 50
BATCH = 4


def follow(program: ModuleType, params: Any, x: Any, y: Any, order: np.ndarray, steps: int) -> Any:
    """Follow the first steps, the mini-batches cut in the given order of the pictures."""
    rows = order[: steps * BATCH].reshape(steps, BATCH)
    batches = jnp.asarray(x)[rows], jnp.asarray(y)[rows]

    def advance(state: Any) -> tuple[Any, dict[str, Any]]:
        step, (xs, ys), params, own = state
        loss, grads = jax.value_and_grad(program.loss)(params, xs[step], ys[step])
        updates, own = program.optimizer.update(grads, own, params)
        params = optax.apply_updates(params, updates)
        return (step + 1, (xs, ys), params, own), {"loss": loss, **flat(params), **flat(grads, "grad:")}

    return agreement.follow(advance, (jnp.int32(0), batches, params, program.optimizer.init(params)), steps)


def first_steps(
    recorded: dict[str, np.ndarray], program: ModuleType, x: Any, y: Any, steps: int
) -> list[Row]:
    """The rows on the start and on the first steps' losses, gradients and parameters."""
    generator = fnnet.random.Generator(0)
    params = program.net.init(generator)
    order = next(epochs(generator, len(x))).order
    followed = follow(program, params, x, y, order, steps)
    return [
        agreement.same_start(recorded, {"pictures": x, **flat(params)}),
        *agreement.rows(agreement.first(recorded, steps), followed),
    ]


def running_means(losses: np.ndarray, every: int = 2000) -> np.ndarray:
    """What the tutorial's loop prints: the mean of each `every` losses."""
    return np.asarray(losses, np.float64).reshape(-1, every).mean(1)


def _running(recorded: dict[str, np.ndarray], losses: np.ndarray, every: int = 2000) -> list[Row]:
    """The running losses, as the tutorial's loop prints them."""
    means = {name: running_means(recorded[name], every) for name in ("loss32", "loss64")}
    ours = running_means(losses, every)
    windows = range(len(ours))
    quantities = [f"running loss, step {(window + 1) * every}" for window in windows]
    return agreement.apart(quantities, windows, means, ours)


def _curve(title: str, recorded: dict[str, np.ndarray], losses: np.ndarray, window: int = 200) -> Curve:
    smooth = [c[: len(losses)].reshape(-1, window).mean(1) for c in (recorded["loss32"], np.asarray(losses))]
    at = np.arange(1, len(smooth[0]) + 1) * window
    return Curve(
        title,
        "step",
        f"mean loss of {window} steps",
        None,
        [Line("PyTorch, seed 0 (recorded)", at, smooth[0]), Line("fnnet, seed 0", at, smooth[1])],
    )


@lru_cache(maxsize=1)
def cifar10_run() -> Any:
    """The run from PyTorch's seed, and what it gives."""
    return files.program("same_seed_as_pytorch").lenet()


def check_introduction(settings: Settings) -> Outcome:
    """LeNet on one channel."""
    program = files.program("lenet_introduction")
    recorded = agreement.part(recording(), "lenet_introduction")
    x, y = program.pictures(0, 16000)
    generator = fnnet.random.Generator(0)
    params = program.net.init(generator)
    features = jax.eval_shape(lambda p: p["fc1"]["weight"], params).shape
    result = program.train(params, x, y, shuffle=generator, steps=2000)
    rows = [
        exact("features after the second pooling", 16 * 6 * 6, features[1]),
        exact("shape of the output for one picture", (1, 10), program.net(params, x[:1]).shape),
        *first_steps(recorded, program, x, y, FOLLOWED),
        *_running(recorded, result.losses),
    ]
    notes = ["Synthetic pictures, one channel; the first 2,000 of 8,000 recorded steps."]
    return Outcome(rows, [_curve("LeNet, one channel", recorded, result.losses)], notes)


def check_cifar10(settings: Settings) -> Outcome:
    """LeNet on three channels."""
    program = files.program("lenet_cifar10")
    recorded = agreement.part(recording(), "lenet_cifar10")
    x, y = program.synthetic(0, 16000)
    result = cifar10_run()
    test_x, test_y = program.synthetic(1, 1000)
    right = int((program.net(result.params, test_x).argmax(-1) == test_y).sum())
    theirs = [int(recorded[f"right{bits}"]) for bits in (32, 64)]
    rows = [
        *first_steps(recorded, program, x, y, FOLLOWED),
        *_running(recorded, result.losses),
        Row(
            "right on 1000 test pictures",
            None,
            theirs[0],
            right,
            None,
            Verdict.EQUAL if abs(right - theirs[1]) <= 50 else Verdict.BAD,
            f"within 50 of PyTorch in float64, {theirs[1]}; a network that guesses has 100",
        ),
    ]
    notes = ["Synthetic pictures in place of CIFAR-10, which is used where its files are (see the program)."]
    return Outcome(rows, [_curve("LeNet, three channels", recorded, result.losses)], notes)
