"""Where an optimizer parts from PyTorch's: every recorded step on its recorded gradients and parameters.

As with layers, each step is fed what was recorded, so that a fault shows where it is: the rule is given the
gradients that PyTorch's was given and the parameters that PyTorch's had reached; its own state it keeps. The
rule runs in float64, and what it changes is compared with what the recorded step changed, as far as the
parameters' dtype can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import jax
import numpy as np
import optax

from fnnet.checkpoint import nested
from fnnet.checkpoint.tree import named_leaves
from fnnet.evaluation import evaluated
from fnnet.parity import text
from fnnet.parity.diagnosis import Diagnosis
from fnnet.parity.difference import Agreement, Difference, difference, distance, table
from fnnet.parity.feeding import as_dtype
from fnnet.parity.recorded import Record
from fnnet.parity.update_variants import Change, diagnose_update

RTOL = 1e-5
"""Of a change: what the float32 arithmetic of an update rule may cost."""
STATE_RTOL = 1e-5

SLOTS = {
    "exp_avg": ("exp_avg", "mu", "m"),
    "exp_avg_sq": ("exp_avg_sq", "nu", "v"),
    "max_exp_avg_sq": ("max_exp_avg_sq", "nu_max"),
    "momentum_buffer": ("momentum_buffer", "trace"),
    "square_avg": ("square_avg", "nu"),
    "grad_avg": ("grad_avg", "mu"),
    "sum": ("sum", "sum_of_squares"),
    "exp_inf": ("exp_inf", "nu"),
}
"""torch.optim's names of what is kept for a parameter -> fnnet's and optax's."""


@dataclass(frozen=True)
class Update:
    """One recorded step of the optimizer beside ours.

    Attributes:
        step: 1 for the first.
        gradient: the worst difference of the port's gradients at the recorded parameters, if asked.
        change: the worst difference of what the step changed; the name is the parameter's.
        state: the worst difference of what the optimizer keeps, where the names are known; else None.
        drift: distance |ours - recorded| / |recorded| of the parameters, in our own run on these gradients.
        diagnosis: what the difference looks like.
    """

    step: int
    gradient: Difference | None
    change: Difference
    state: Difference | None
    drift: float
    diagnosis: Diagnosis | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing that was compared parts."""
        return all(row is None or row.ok for row in (self.gradient, self.change, self.state))

    @property
    def verdict(self) -> str:
        """One line."""
        for what, row in (("gradient", self.gradient), ("change", self.change), ("state", self.state)):
            if row is not None and not row.ok:
                seen = f": {self.diagnosis}" if self.diagnosis else ""
                far = text.number(row.relative, 2)
                return f"step {self.step}: the {what} of {row.name}, relative {far}{seen}"
        return f"step {self.step}: ok"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        rows = {"gradient": self.gradient, "change": self.change, "state": self.state}
        table: dict[str, Any] = {"step": self.step, "ok": self.ok}
        table |= {name: row and row.to_dict() for name, row in rows.items()}
        drift = self.drift if np.isfinite(self.drift) else str(self.drift)
        return table | {"drift": drift, "diagnosis": self.diagnosis and vars(self.diagnosis)}


def mark_of(row: Difference | None) -> str:
    """A difference in a cell."""
    if row is None:
        return ""
    near_zero = row.ok and row.relative > 1e-3  # an element near zero: what counts is the absolute tolerance
    worst = f" {row.absolute:.0e} abs" if near_zero else f" {text.number(row.relative, 1)}"
    return (
        f"{'✓' if row.ok else '✗'} {row.agreement.value}{'' if row.agreement is Agreement.EXACT else worst}"
    )


def updates_table(updates: Sequence[Update]) -> str:
    """The optimizer's steps as a table."""
    headings = ["", "step", "gradient", "change", "state", "drift", "what"]
    first = next((update for update in updates if not update.ok), None)
    rows = []
    for update in updates:
        sides = [mark_of(row) for row in (update.gradient, update.change, update.state)]
        what = str(update.diagnosis or "")
        mark = "→" if update is first else ""
        rows.append([mark, str(update.step), *sides, text.number(update.drift, 1), what])
    return table(rows, headings)


def _change_row(name: str, ours: np.ndarray, before: np.ndarray, after: np.ndarray) -> Difference:
    """Our change beside the recorded one, which is known as well as the parameter's dtype holds it."""
    wide = np.complex128 if before.dtype.kind == "c" else np.float64
    theirs = after.astype(wide) - before.astype(wide)
    eps = float(np.finfo(before.dtype).eps) if before.dtype.kind in "fc" else 2.0**-8
    allowed = 2 * eps * np.maximum(np.abs(before), np.abs(after)).astype(np.float64) + RTOL * np.abs(theirs)
    row = difference(name, ours.astype(wide), theirs, 0.0, 0.0)
    if row.agreement is Agreement.MISMATCH or not row.unequal:
        return row
    gap = np.abs(ours - theirs)
    outside = ~(gap <= allowed)
    excess = np.where(np.isfinite(gap), gap / np.maximum(allowed, 1e-300), np.inf)
    worst = np.unravel_index(int(np.argmax(excess)), gap.shape) if gap.ndim else ()
    at = float(np.abs(theirs[worst]))
    return replace(
        row,
        agreement=Agreement.DIFFERENT if outside.any() else Agreement.EQUAL,
        index=tuple(map(int, worst)),
        ours=complex(ours[worst]).real,
        reference=complex(theirs[worst]).real,
        absolute=float(gap[worst]),
        relative=float(gap[worst]) / at if at else float(gap[worst]),
        ulp=None,
        differ=int(outside.sum()),
    )


def _state_rows(state: Any, recorded: Mapping[str, np.ndarray], names: Mapping[str, str]) -> list[Difference]:
    """What we keep under a known name beside what was recorded."""
    ours = {name: leaf for name, leaf in named_leaves(state).items() if hasattr(leaf, "shape")}
    rows = []
    for name, theirs in recorded.items():
        slot, _, parameter = name.partition(".")
        if slot not in SLOTS:
            continue
        ends = tuple(f"{alias}.{names.get(parameter, parameter)}" for alias in SLOTS[slot])
        ends += tuple("." + end for end in ends)
        found = [leaf for own, leaf in ours.items() if own in ends or own.endswith(ends[len(ends) // 2 :])]
        if len(found) == 1 and found[0].shape == theirs.shape:
            scale = float(np.abs(theirs).max(initial=0.0))
            value = np.asarray(found[0]).astype(theirs.dtype)
            rows.append(difference(f"{slot} of {parameter}", value, theirs, STATE_RTOL, 1e-6 * scale))
    return rows


def _worst(rows: list[Difference]) -> Difference | None:
    order = list(Agreement)
    return max(rows, key=lambda row: (order.index(row.agreement), row.relative), default=None)


Gradients = Callable[[int], list[Difference]]
"""(which step) -> rows for the port's gradients at its start."""


def trace_updates(
    optimizer: optax.GradientTransformation,
    record: Record | str | PathLike[str],
    *,
    names: Mapping[str, str] | None = None,
    gradients: Gradients | None = None,
) -> list[Update]:
    """Compare an optax transformation, fnnet.optim's or another, with a recorded optimizer, step by step.

    Args:
        optimizer: the transformation; `init` and `update` take nested dicts of parameters.
        record: what `fnnet.parity.record` wrote with `optimizer=` and `steps=`.
        names: our name for a parameter -> the recorded one, where they differ.
        gradients: rows for the port's own gradients at a step.

    Raises ValueError for a record without steps.
    """
    record = record if isinstance(record, Record) else Record.load(record)
    if not record.steps:
        raise ValueError("trace: optimizer: the record has no steps of one: record(..., optimizer=, steps=)")
    ours = {theirs: own for own, theirs in (names or {}).items()}
    learned = [name for name in record.parameters if name in record.steps[0].gradients]

    def tree(table: Mapping[str, np.ndarray]) -> dict[str, Any]:
        return nested({ours.get(name, name): table[name] for name in learned if name in table})

    changes: list[Change] = []
    rows: list[Update] = []
    own = as_dtype(tree(record.parameters), False)
    with jax.numpy_dtype_promotion("standard"):  # which rules of others may count on
        own_state = optimizer.init(own)
        with jax.enable_x64(True):
            state = optimizer.init(as_dtype(tree(record.parameters), True))
    before = record.parameters
    for i, step in enumerate(record.steps):
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            params, grads = as_dtype(tree(before), True), as_dtype(tree(step.gradients), True)
            updates, state = evaluated(optimizer.update, grads, state, params)
            flat = {name: np.asarray(leaf) for name, leaf in named_leaves(updates).items()}
        with jax.numpy_dtype_promotion("standard"):
            own_grads = as_dtype(tree(step.gradients), False)
            own_updates, own_state = evaluated(optimizer.update, own_grads, own_state, own)
        own = optax.apply_updates(own, own_updates)
        mine = {name: flat[ours.get(name, name)] for name in learned}
        changes.append(Change({n: before[n] for n in learned}, step.gradients, mine, step.options))
        worst = _worst([_change_row(n, mine[n], before[n], step.values[n]) for n in learned])
        assert worst is not None
        reached = {name: np.asarray(leaf) for name, leaf in named_leaves(own).items()}
        drift = max(distance(reached[ours.get(n, n)], step.values[n]) for n in learned)
        kept = _worst(_state_rows(state, step.state, ours))
        rows.append(Update(i + 1, _worst(gradients(i)) if gradients else None, worst, kept, drift))
        before = step.values
    last = next((i for i, row in enumerate(rows) if not row.change.ok), None)
    if last is not None:
        steps = list(zip(record.steps, changes, strict=True))
        recorded = [{n: _wide(s.values[n]) - _wide(c.before[n]) for n in learned} for s, c in steps]
        apart = [n for n in learned if not all(
            _change_row(n, c.ours[n], c.before[n], s.values[n]).ok for s, c in steps
        )]  # fmt: skip
        found = diagnose_update(record.about["optimizer"], changes, recorded, last, apart)
        first = next(
            i for i, row in enumerate(rows) if not (row.change.ok and (row.state is None or row.state.ok))
        )
        rows[first] = replace(rows[first], diagnosis=found)
    return rows


def _wide(array: np.ndarray) -> np.ndarray:
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
