"""A run kept in a file while it goes on, and taken up from there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from fnnet.checkpoint import tree
from fnnet.checkpoint.refused import RefusedFileError

if TYPE_CHECKING:
    from fnnet.train.course import Course

FORMAT = "fnnet.fit 1"


def _key_digits(key: Any) -> str | None:
    if key is None:
        return None
    data = jax.random.key_data(key) if jax.numpy.issubdtype(key.dtype, jax.dtypes.prng_key) else key
    return np.asarray(data).tobytes().hex()[:64]


def _identity(run: Course) -> dict[str, Any]:
    """What must be the same for a run to go on."""
    plan = run.plan
    return {
        "rows": None if plan is None else plan.rows,
        "batch_size": None if plan is None else plan.size,
        "drop_last": None if plan is None else plan.drop_last,
        "seeds": run.seeds,
        "shuffle": run.orders.kind,
        "shuffle_key": _key_digits(run.options.shuffle) if run.orders.kind == "key" else None,
        "key": _key_digits(run.key),
    }


def save(run: Course) -> None:
    """Keep the run as it stands in its file."""
    assert run.options.checkpoint is not None
    run.join_records()
    kept = {
        "state": run.state,
        "records": run.records[0] if run.records else {},
        "evaluated_at": np.asarray(run.evaluated_at, np.int64),
        "evaluations": [{name: np.asarray(x) for name, x in value.items()} for value in run.evaluations],
        "generators": run.orders.states_before(run.epoch),
        "step": run.step,
        "loop": run.loop,
        "run": _identity(run),
    }
    tree.save(run.options.checkpoint, kept, {"format": FORMAT})


def restore(run: Course) -> None:
    """Take the run up from its file, if that exists.

    Raises:
        ValueError: for a file that is refused or holds another run.
    """
    path = run.options.checkpoint
    assert path is not None
    if not os.path.exists(path):
        return
    if tree.load_metadata(path).get("format") != FORMAT:
        raise RefusedFileError(path, "not a run kept by fit")
    leaves = tree.load_flat(path)
    for name, ours in _identity(run).items():
        theirs = leaves.get(f"run.{name}")
        if theirs != ours:
            raise ValueError(
                f"fit: checkpoint: {path} holds another run: {name} {theirs!r} there, {ours!r} here; "
                "give resume=False to begin anew"
            )
    step = leaves.get("step")
    if not isinstance(step, int) or step < 0:
        raise RefusedFileError(path, "not a number of steps", "step")
    if step > run.total:
        raise ValueError(f"fit: checkpoint: {path} has taken {step} steps already, more than {run.total}")
    run.state = tree.fill(run.state, leaves, "state.")
    run.step = step
    run.records = [_part(leaves, "records.")] if step else []
    if any(x.shape[:1] != (step,) for x in (run.records or [{}])[0].values()):
        raise RefusedFileError(path, f"the records are not those of {step} steps", "records")
    run.evaluated_at = [int(at) for at in leaves["evaluated_at"]]
    run.evaluations = [_part(leaves, f"evaluations.{i}.") for i in range(len(run.evaluated_at))]
    states = _part(leaves, "generators.")
    run.orders.rewind(run.epoch, [states[str(i)] for i in range(len(states))])
    if run.loop == "auto" and leaves.get("loop") in ("scan", "step"):
        run.loop = leaves["loop"]


def _part(leaves: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name[len(prefix) :]: np.array(x) for name, x in leaves.items() if name.startswith(prefix)}
