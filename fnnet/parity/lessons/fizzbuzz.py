"""FizzBuzz: its strings, PyTorch's recorded run of 10,000 epochs, and the printed losses among many seeds.

What the table came from: the printed program, SGD with 0.05, the loss over all training numbers after an
epoch. One value needs more: a new network is at 1.16 or above after it (3,000 seeds: 1.160 .. 1.264), and
1.146 is printed as epoch 0. A network is there after 2 to 13 epochs, most often after 5. So the cell had been
started before, stopped after a few epochs, and run again on the same network; a thousand epochs later that no
longer shows. The row for epoch 0 says so and compares with `HEAD_START` epochs more.
"""

from __future__ import annotations

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
from fnnet.parity.lessons.lesson import Band, Curve, Line, Outcome, Settings
from fnnet.parity.lessons.runs import recording, seed_count
from fnnet.parity.verdict import Row, Verdict, exact, holds

SEEDS = 8
HEAD_START = 4


def runs_of_seeds(seeds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Many runs: the whole loss after epochs HEAD_START, 1000, ...; that after epoch 0; the right answers."""
    module = files.program("fizzbuzz")
    params = jax.vmap(module.net.init)(jax.random.split(jax.random.key(1), seeds))
    epochs = [0, HEAD_START, *documented.FIZZBUZZ_EPOCHS[1:]]
    result = fnnet.fit_seeds(
        module.loss,
        params,
        module.numbers(101, 1024),
        optimizer=module.optimizer,
        epochs=module.EPOCHS,
        batch_size=module.BATCH,
        evaluate=([(epoch + 1) * module.STEPS_PER_EPOCH for epoch in epochs], module.whole_loss),
    )
    (losses,) = result.history.evaluations.values()
    right = (jax.vmap(module.predict)(result.params) == module.numbers(1, 101)[1]).sum(-1)
    return losses[:, 1:], losses[:, 0], np.asarray(right)


def _strings() -> list[Row]:
    module = files.program("fizzbuzz")
    first = [module.decode(i, module.encode(i)) for i in (1, 2, 5, 12, 15)]
    wrong = documented.FIZZBUZZ_WRONG
    said = [module.decode(i, wrong.get(i, module.encode(i))) for i in range(1, 101)]
    right = sum(module.decode(i, module.encode(i)) == word for i, word in enumerate(said, start=1))
    return [
        exact("what is said at 1, 2, 5, 12, 15", "1 2 buzz fizz fizzbuzz", " ".join(first)),
        exact("right among the 100 printed answers", documented.FIZZBUZZ_RIGHT, right),
    ]


@lru_cache(maxsize=1)
def own_run() -> tuple[np.ndarray, dict[str, Any]]:
    """The program's run from PyTorch's seed 0: the losses at the recorded epochs, the last parameters."""
    result = files.program("same_seed_as_pytorch").fizzbuzz()
    (losses,) = result.history.evaluations.values()
    return losses, result.params


def _fit(module: ModuleType, params: Any, epochs: np.ndarray, total: int) -> Any:
    x, y = module.numbers(101, 1024)
    x = x.astype(jax.tree.leaves(params)[0].dtype)
    return fnnet.fit(
        module.loss,
        params,
        (x, y),
        optimizer=module.optimizer,
        epochs=total,
        batch_size=module.BATCH,
        evaluate=(
            [(int(epoch) + 1) * module.STEPS_PER_EPOCH for epoch in epochs],
            lambda p: module.loss(p, x, y),
        ),
    )


def _double_precision(recorded: dict[str, np.ndarray]) -> list[Row]:
    """A thousand epochs in float64, and how far float32's are from them."""
    module = files.program("fizzbuzz")
    start = module.net.init(fnnet.random.Generator(0))
    until = int(recorded["parameter_epochs"][1])
    epochs = recorded["epochs"][recorded["epochs"] <= until]
    with jax.enable_x64(True):
        params = agreement.as_float64(start)
        result = _fit(module, params, epochs, until + 1)
        x, y = (a[: module.BATCH] for a in module.numbers(101, 1024))
        grads = flat(jax.grad(module.loss)(params, x.astype(jnp.float64), y), "grad:")
        ends = flat(result.params)
        (losses,) = result.history.evaluations.values()
        errors = {n: _digest_error(recorded[f"digest/{n}"], g) for n, g in grads.items()}
        errors |= {n: _digest_error(recorded[f"digest/{n}"][1], p) for n, p in ends.items()}
    exact_losses = recorded["loss64"][: len(epochs)]
    errors["loss"] = float(np.max(np.abs(losses - exact_losses) / exact_losses))
    worst = max(errors, key=lambda name: errors[name])
    single = flat(_fit(module, start, epochs, until + 1).params)
    theirs = {n: float(recorded[f"distance/{n}"][1]) for n in ends}
    ours = {n: _distance(single[n], ends[n]) for n in ends}
    ratio = max(ours[n] / max(theirs[n], agreement.FLOOR) for n in ours)
    return [
        Row(
            f"float64, {until + 1} epochs",
            None,
            float(exact_losses[-1]),
            float(losses[-1]),
            errors[worst],
            Verdict.EQUAL if errors[worst] <= agreement.RTOL64 else Verdict.BAD,
            f"the last loss; error: the largest of losses, first gradients, last parameters (in {worst})",
        ),
        Row(
            f"float32 parameters after {until + 1} epochs",
            None,
            max(theirs.values()),
            max(ours.values()),
            None,
            Verdict.EQUAL if ratio <= agreement.FACTOR else Verdict.BAD,
            f"largest distance from float64: {ratio:.2g} times PyTorch's own (allowed: {agreement.FACTOR:g})",
        ),
    ]


def _agreement(recorded: dict[str, np.ndarray]) -> list[Row]:
    module = files.program("fizzbuzz")
    losses, params = own_run()
    said, theirs = np.asarray(module.predict(params)), recorded["predicted32"]
    right = [int((answers == recorded["target"]).sum()) for answers in (theirs, said)]
    return [
        agreement.same_start(recorded, flat(module.net.init(fnnet.random.Generator(0)))),
        *_double_precision(recorded),
        agreement.own_run(recorded, losses, "float32, 101 losses of 10,000 epochs"),
        Row(
            "right answers of 100, same seed",
            None,
            right[0],
            right[1],
            None,
            Verdict.EQUAL if int((said == theirs).sum()) >= 99 else Verdict.BAD,
            f"{int((said == theirs).sum())} answers are PyTorch's; one may lie between two classes",
        ),
    ]


def _digest_error(expected: np.ndarray, seen: jax.Array) -> float:
    return float(
        np.linalg.norm(np.asarray(agreement.digest(seen)) - expected) / np.linalg.norm(np.asarray(seen))
    )


def _distance(single: Any, double: Any) -> float:
    exact_value = np.asarray(double, np.float64)
    return float(np.linalg.norm(np.asarray(single, np.float64) - exact_value) / np.linalg.norm(exact_value))


def check(settings: Settings) -> Outcome:
    """FizzBuzz."""
    recorded = agreement.part(recording(), "fizzbuzz")
    ours, _ = own_run()
    losses, first, right = runs_of_seeds(seed_count(settings, SEEDS))
    epochs = list(documented.FIZZBUZZ_EPOCHS)
    pytorch = recorded["loss32"][::10][:10]
    notes = [f"compared with epoch {HEAD_START}: the network had been trained a little before"] + [""] * 9
    rows = place([f"loss, epoch {e}" for e in epochs], documented.FIZZBUZZ, losses, pytorch, notes)
    rows.append(
        holds(
            "a new network's loss after its first epoch",
            bool(first.min() > documented.FIZZBUZZ[0]),
            f"{first.min():.4g} .. {first.max():.4g}",
            documented=documented.FIZZBUZZ[0],
            note="the printed epoch 0 is below every seed: not a new network's",
        )
    )
    theirs = int((recorded["predicted32"] == recorded["target"]).sum())
    rows += place(["right answers of 100"], [documented.FIZZBUZZ_RIGHT], right[:, None], [theirs])
    at = recorded["epochs"]
    lines = [Line("PyTorch, seed 0 (recorded)", at, recorded["loss32"]), Line("fnnet, seed 0", at, ours)]
    curve = Curve(
        "FizzBuzz",
        "epoch",
        "loss over all training numbers",
        Line("printed in the tutorial", epochs, list(documented.FIZZBUZZ)),
        lines,
        [Band.of_runs(f"{len(losses)} seeds", [HEAD_START, *epochs[1:]], losses)],
        log_y=True,
    )
    note = f"The table: the printed program, default initialisation, SGD with 0.05: {len(losses)} seeds."
    return Outcome([*_strings(), *rows, *_agreement(recorded)], [curve], [note])
