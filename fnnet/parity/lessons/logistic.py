"""Logistic regression on mini-batches, checked with `examples/logistic_regression.py`.

The tutorial prints no numbers: every step is compared with PyTorch's from the same seed.
"""

from __future__ import annotations

import numpy as np

from fnnet.parity import files
from fnnet.parity.lessons.lesson import Curve, Line, Outcome, Settings
from fnnet.parity.verdict import equal, exact
from fnnet.random import Generator


def check(settings: Settings) -> Outcome:
    """Ten epochs with either loss, step by step beside PyTorch's."""
    program = files.program("logistic_regression")
    rows, curves = [], []
    with np.load(files.reference("lessons.npz")) as archive:
        recorded = {name.removeprefix("logistic/"): archive[name] for name in archive.files}
    x, labels, params = program.draw(Generator(0))
    per_epoch = program.POINTS // program.BATCH
    for name, loss in (("nll", program.nll), ("mse", program.mse)):
        result = program.train(params, x, labels, loss)
        losses, theirs = result.losses, recorded[f"{name}_losses"]
        means = [run.reshape(-1, per_epoch).astype(np.float64).mean(axis=1) for run in (theirs, losses)]
        rows += [
            equal(f"{name}: first loss", theirs[0], losses[0]),
            equal(f"{name}: last loss", theirs[-1], losses[-1]),
            equal(f"{name}: losses of all {losses.size} steps", theirs, losses),
            equal(f"{name}: weight at the end", recorded[f"{name}_weight"], result.params["weight"]),
            equal(f"{name}: bias at the end", recorded[f"{name}_bias"], result.params["bias"]),
            exact(
                f"{name}: right, of {program.POINTS}",
                None,
                program.correct(result.params, x, labels),
                pytorch=recorded[f"{name}_correct"],
            ),
        ]
        epochs = np.arange(program.EPOCHS)
        curves.append(
            Curve(
                f"Logistic regression, {name}: mean loss of each epoch",
                "epoch",
                "loss",
                lines=[Line("PyTorch", epochs, means[0]), Line("fnnet", epochs, means[1])],
            )
        )
    notes = [
        "The tutorial gives its log-probabilities to MSELoss (mse); the loss that belongs to them is the "
        "negative log-likelihood (nll). It says neither what its data are nor what it printed."
    ]
    return Outcome(rows, curves, notes)
