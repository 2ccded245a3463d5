"""The same seed as in PyTorch: how far apart the two runs are, from the first step to the last."""

from __future__ import annotations

import jax
import numpy as np

from fnnet.parity import agreement, files
from fnnet.parity.lessons import fizzbuzz, lenet
from fnnet.parity.lessons.lesson import Outcome, Settings
from fnnet.parity.lessons.runs import recording


def check(settings: Settings) -> Outcome:
    """The two-layer network, FizzBuzz and LeNet from PyTorch's seed 0."""
    steps = list(range(0, 500, 50))
    _, losses = files.program("same_seed_as_pytorch").two_layer()
    recorded = agreement.part(recording(), "by_hand")
    rows = agreement.apart(
        [f"two layers: loss, step {step}" for step in steps], steps, recorded, np.asarray(losses)
    )

    losses, _ = fizzbuzz.own_run()
    recorded = agreement.part(recording(), "fizzbuzz")
    places = [*range(0, 100, 10), 100]
    quantities = [f"FizzBuzz: loss, epoch {recorded['epochs'][place]}" for place in places]
    rows += agreement.apart(quantities, places, recorded, losses)

    recorded = agreement.part(recording(), "lenet_cifar10")
    means = {name: lenet.running_means(recorded[name]) for name in ("loss32", "loss64")}
    quantities = [f"LeNet: running loss, step {2000 * n}" for n in (1, 2, 3, 4)]
    rows += agreement.apart(quantities, range(4), means, lenet.running_means(lenet.cifar10_run().losses))
    device = jax.devices()[0].platform
    note = (
        "Initial weights, data and mini-batches are PyTorch's to the bit (rows of the lessons above); the "
        f"rest is float32's rounding, on {device}: PyTorch's own float32 runs are as far from float64."
    )
    return Outcome(rows, (), [note])
