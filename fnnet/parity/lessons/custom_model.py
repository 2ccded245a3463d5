"""TwoLayerNet: against PyTorch's recorded runs, and the table printed for it among many seeds.

The table starts near 690, as the default initialisation gives, and is at 50 after 100 steps: that is Adam
with 1e-4. (The other tutorial trains this model by SGD with 1e-4, which is at 2 by then.)
"""

from __future__ import annotations

import jax
import numpy as np

import fnnet
from fnnet.checkpoint import flat
from fnnet.parity import agreement, files
from fnnet.parity.lessons import documented
from fnnet.parity.lessons.lesson import Outcome, Settings
from fnnet.parity.lessons.runs import STEPS, follow_optimizer, recording, seed_count, table
from fnnet.parity.verdict import holds

SEEDS = 16


def runs_of_seeds(seeds: int) -> np.ndarray:
    """The losses of the program from many keys, (seeds, 500)."""
    module = files.program("two_layer_custom_model")
    x, y, params = jax.vmap(module.start)(jax.random.split(jax.random.key(1), seeds))
    return fnnet.fit_seeds(
        module.loss, params, (x, y), optimizer=module.optimizer, steps=STEPS, shared_data=False
    ).losses


def check(settings: Settings) -> Outcome:
    """The custom model."""
    module = files.program("two_layer_custom_model")
    x, y, params = module.start(fnnet.random.Generator(0))
    recorded = agreement.part(recording(), "custom_model")
    followed = follow_optimizer(module.loss, module.optimizer, x, y, params)
    runs = runs_of_seeds(seed_count(settings, SEEDS))
    rows, curve = table(
        "A custom model",
        documented.EVERY_100,
        documented.CUSTOM_MODEL,
        runs,
        recorded["loss32"],
        followed.single["loss"],
        f"{len(runs)} seeds",
    )
    rows.append(agreement.same_start(recorded, {"x": x, "y": y, **flat(params)}))
    rows += agreement.rows(recorded, followed)
    own = module.train(params, x, y).losses
    rows.append(agreement.own_run(recorded, own, "the program's own run, float32 losses"))

    by_sgd = agreement.part(recording(), "custom_model_sgd")
    descent = follow_optimizer(module.loss, fnnet.optim.sgd(lr=1e-4), x, y, params)
    rows += agreement.rows(by_sgd, descent, "SGD")
    at_100 = float(by_sgd["loss32"][100])
    rows.append(
        holds(
            "SGD with 1e-4, step 100",
            at_100 < documented.CUSTOM_MODEL[1] / 10,
            at_100,
            documented=documented.CUSTOM_MODEL[1],
            note="the other tutorial's optimizer is not what this table came from",
        )
    )
    note = f"The table: default initialisation, Adam with 1e-4, the summed squared error: {len(runs)} seeds."
    return Outcome(rows, [curve], [note])
