"""The dynamic network, checked with `examples/dynamic_network.py`, step by step beside PyTorch's.

The tutorial prints no numbers. Depths are drawn by Python's random numbers after seed 0, weights and data by
PyTorch's. Two runs in float32 drift apart over 500 steps with momentum and a changing network, so float64
decides whether the computation is the same, and PyTorch's own float32 run shows how much drift to expect.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.parity import files
from fnnet.parity.lessons.lesson import Curve, Line, Outcome, Settings
from fnnet.parity.verdict import Row, equal, exact, holds, measured, relative_error
from fnnet.random import Generator

STEADY = 300
"""Steps over which float32 is compared: PyTorch's float32 run stays within 7e-6 of its float64 run there."""

_compilations: list[float] = []


def _count(event: str, duration_secs: float, **_: Any) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _compilations.append(duration_secs)


@cache
def _listen() -> None:
    """Once: JAX offers no way to take one listener away again."""
    jax.monitoring.register_event_duration_secs_listener(_count)


def _arrays(program: Any, dtype: Any) -> tuple[Any, ...]:
    x, y, params = program.draw(Generator(0), dtype)
    return params, x, y


def _one_program(program: Any) -> tuple[list[Row], np.ndarray]:
    """How many programs were compiled for runs with different depths, and the losses of the first."""
    _listen()
    arguments = _arrays(program, jnp.float32)
    depths = [program.draw_depths(seed) for seed in range(3)]
    before = len(_compilations)
    run = program.compiled(*arguments, depths[0])
    compiled = len(_compilations) - before
    losses = [jax.block_until_ready(run(*arguments, chosen))[1] for chosen in depths]
    again = len(_compilations) - before - compiled
    drawn = sorted({int(d) for chosen in depths for d in np.asarray(chosen)})
    steps = sum(len(chosen) for chosen in depths)
    rows = [
        holds("programs compiled", compiled == 1, compiled),
        holds(f"compiled again in {steps} steps", again == 0, again, note=f"with depths {drawn}"),
    ]
    return rows, np.asarray(losses[0])


def _against_pytorch(program: Any, recorded: dict[str, np.ndarray], unused: str) -> list[Row]:
    """All steps in float64."""
    with jax.enable_x64(True):
        arguments = _arrays(program, jnp.float64)
        run = program.compiled(*arguments, program.draw_depths(0), skip_unused=unused == "skip")
        params, losses = run(*arguments, program.draw_depths(0))
        losses, bias = np.asarray(losses), np.asarray(params["middle_linear"]["bias"])
    about = "skipped when unused" if unused == "skip" else "moved on when unused"
    theirs = recorded[f"losses_{unused}_float64"]
    return [
        equal(f"{about}: last loss, float64", theirs[-1], losses[-1]),
        equal(f"{about}: all {losses.size} losses, float64", theirs, losses),
        equal(f"{about}: middle bias, float64", recorded[f"middle_bias_{unused}_float64"], bias),
    ]


def check(settings: Settings) -> Outcome:
    """Count the compilations, and compare 500 steps with PyTorch's in float64 and float32."""
    program = files.program("dynamic_network")
    with np.load(files.reference("lessons.npz")) as archive:
        recorded = {name.removeprefix("dynamic/"): archive[name] for name in archive.files}
    rows, losses = _one_program(program)
    theirs, truth = recorded["losses_skip_float32"], recorded["losses_skip_float64"]
    own = relative_error(theirs, truth)
    rows += [
        exact("depths drawn", None, program.draw_depths(0), pytorch=recorded["depths"]),
        *_against_pytorch(program, recorded, "skip"),
        *_against_pytorch(program, recorded, "zero"),
        equal("first loss, float32", theirs[0], losses[0]),
        equal(
            f"losses of the first {STEADY} steps, float32",
            theirs[:STEADY],
            losses[:STEADY],
            rtol=5e-5,
            note="within 5e-5: rounding grows from step to step, in PyTorch's float32 run too",
        ),
        measured(
            "float32 against float64, all steps",
            relative_error(losses, truth),
            pytorch=own,
            note="the largest relative difference of a run from PyTorch's in float64",
        ),
    ]
    steps = np.arange(losses.size)
    curve = Curve(
        "Dynamic network: loss of each step",
        "step",
        "loss",
        lines=[Line("PyTorch, float64", steps, truth), Line("fnnet, float32", steps, losses)],
        log_y=True,
    )
    notes = [
        "A step of depth 0 gives the middle layer no gradient. PyTorch's optimizer now leaves it as it is; "
        "when the tutorial was written, its gradient was 0, and momentum moved it on. Both are here."
    ]
    return Outcome(rows, [curve], notes)
