"""Where a port parts from PyTorch: every recorded layer on its recorded inputs, forward and backward.

Each part of the port is fed what the recorded layer was given, its inputs and the gradient of its output, so
that a fault shows where it is and not in what follows. Beside it stands how far the port's own run drifts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

import jax
import numpy as np

from fnnet.parity import text
from fnnet.parity.checking import ParityError, arbitrate
from fnnet.parity.diagnosis import Diagnosis, diagnose
from fnnet.parity.difference import Agreement, Difference, difference, distance, table
from fnnet.parity.feeding import REFUSED, Part, Results, expected, run_part
from fnnet.parity.port import Port, make_port
from fnnet.parity.recorded import Call, Record, Unkept
from fnnet.parity.updating import Update, mark_of, trace_updates, updates_table
from fnnet.parity.watched_run import watched_run

BACKWARD = "gradient of"
ACCUMULATED = 1e-4


@dataclass(frozen=True)
class Step:
    """One recorded call beside the port's part.

    Attributes:
        name, kind: of the call.
        forward, backward: the worst difference of outputs and buffers, and of gradients, when fed what was
            recorded; None where there is nothing to compare.
        drift, drift_backward: distance |port - recorded| / |recorded| of the output and of its gradient in
            the port's own run; None where it was not seen.
        inherited: it holds a part that parts, and was not compared; or, of a function, an earlier value does.
        diagnosis: what the difference looks like.
        note: why it was not compared.
    """

    name: str
    kind: str
    forward: Difference | None = None
    backward: Difference | None = None
    drift: float | None = None
    drift_backward: float | None = None
    inherited: bool = False
    diagnosis: Diagnosis | None = None
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing that was compared parts."""
        return all(side is None or side.ok for side in (self.forward, self.backward))


@dataclass(frozen=True)
class Trace:
    """What `trace` found: a step for each recorded call, in the order in which the calls ended.

    Attributes:
        steps: one for each call.
        updates: one for each recorded step of the optimizer, if `trace` was given one.
        failure: why the port's own run failed, so that nothing is known of drifts and marks.
    """

    steps: tuple[Step, ...]
    updates: tuple[Update, ...] = ()
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether no layer parts and at least one was compared."""
        return self._layers_ok and all(update.ok for update in self.updates)

    @property
    def _layers_ok(self) -> bool:
        compared = any(step.forward is not None for step in self.steps)
        return compared and all(step.ok for step in self.steps)

    @property
    def first(self) -> Step | None:
        """The first layer that parts: forward, else the first that the backward pass meets."""
        own = [step for step in self.steps if not step.ok and not step.inherited]
        ahead = [step for step in own if step.forward is not None and not step.forward.ok]
        return ahead[0] if ahead else own[-1] if own else None

    @property
    def verdict(self) -> str:
        """What happens first: in the network, or else in the optimizer."""
        failed = f"; the port's own run failed: {self.failure}" if self.failure else ""
        apart = next((update.verdict for update in self.updates if not update.ok), None)
        if self.updates and self.first is None:
            same = f"{text.count(len(self.updates), 'optimizer step')} agree"
            more = same if apart is None else f"first to part: {apart}"
            return f"{self._layers_verdict}; {more}{failed}"
        return self._layers_verdict + failed

    @property
    def _layers_verdict(self) -> str:
        missing = sum(step.forward is None and not step.inherited for step in self.steps)
        more = f"; {missing} of {len(self.steps)} not compared" if missing else ""
        if self.first is None:
            same = "no layer parts from the record" if self._layers_ok else "nothing was compared"
            return f"{same}: {text.count(len(self.steps), 'call')}{more}"
        side = self.first.forward if self.first.forward and not self.first.forward.ok else self.first.backward
        assert side is not None
        what = f": {self.first.diagnosis}" if self.first.diagnosis else ""
        return (
            f"first to part: {self.first.name} ({self.first.kind}), {side.name}, "
            f"relative {text.number(side.relative, 2)}{what}{more}"
        )

    def to_json(self) -> str:
        """The same for programs."""

        def number(value: float | None) -> Any:
            return value if value is None or np.isfinite(value) else str(value)

        rows = [
            {
                "name": step.name,
                "kind": step.kind,
                "ok": step.ok,
                "inherited": step.inherited,
                "forward": step.forward and step.forward.to_dict(),
                "backward": step.backward and step.backward.to_dict(),
                "drift": number(step.drift),
                "drift_backward": number(step.drift_backward),
                "diagnosis": step.diagnosis and vars(step.diagnosis),
                "note": step.note,
            }
            for step in self.steps
        ]
        first = None if self.first is None else self.first.name
        whole: dict[str, Any] = {"ok": self.ok, "first": first, "verdict": self.verdict, "calls": rows}
        whole["failure"] = self.failure
        whole["updates"] = [update.to_dict() for update in self.updates]
        return json.dumps(whole, indent=1, allow_nan=False)

    def __str__(self) -> str:
        def far(value: float | None) -> str:
            return "" if value is None else text.number(value, 1)

        headings = ["", "layer", "kind", "forward", "backward", "drift", "of gradient", "what"]
        cells = []
        for step in self.steps:
            what = (
                str(step.diagnosis) if step.diagnosis else step.note or ("follows" if step.inherited else "")
            )
            mark = "→" if step is self.first else ""
            sides = [mark_of(step.forward), mark_of(step.backward), far(step.drift), far(step.drift_backward)]
            cells.append([mark, step.name, step.kind, *sides, what])
        tables = [table(cells, headings, optional=("kind", "of gradient", "drift"))]
        if self.updates:
            tables += ["", updates_table(self.updates)]
        return "\n".join([*tables, self.verdict])

    def raise_if_different(self) -> Trace:
        """Raise ParityError (an AssertionError) with the table unless `ok`; returns the trace."""
        if not self.ok:
            raise ParityError("\n" + str(self))
        return self


def _comparable(value: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Integers in the reference's width: JAX's are int32 without x64."""
    if value.dtype.kind in "iu" and reference.dtype.kind in "iu":
        return value.astype(reference.dtype)
    return value


def _judge(ours: Results, reference: Results, exact: Callable[[], Results]) -> list[Difference]:
    """A row for each recorded value that the part has; what is outside of its tolerance goes to float64."""
    rows = []
    for name in [name for name in reference if name in ours]:
        value = _comparable(ours[name], reference[name])
        row = difference(name, value, reference[name])
        if row.agreement is Agreement.DIFFERENT and row.dtype not in ("float64", "complex128"):
            wide = exact().get(name)
            if wide is not None and wide.dtype == np.float64:
                row = arbitrate(row, value, reference[name], wide, own=True)
        rows.append(row)
    if not any(name.startswith("output") for name in ours if name in reference):
        names = sorted(name for name in reference if name.startswith("output"))
        rows.append(
            Difference("output", Agreement.MISMATCH, f"the port's output has not the structure {names}")
        )
    return rows


def _worst(rows: list[Difference]) -> Difference | None:
    order = list(Agreement)
    return max(rows, key=lambda row: (order.index(row.agreement), row.relative), default=None)


def _fed(port: Port, call: Call, part: Part, wide: bool = False) -> Results:
    """A part's results on what the call was given."""
    params, buffers = port.below(call)
    return port.summed(call, run_part(part, params, buffers, call, wide, compiled=port.compiled))


def _step(port: Port, record: Record, call: Call) -> Step:
    part = port.part(call)
    if part is None:
        return Step(call.name, call.kind, note="not in the port")
    if unkept := [str(v.kind) for v in jax.tree.leaves([call.inputs, call.options]) if isinstance(v, Unkept)]:
        return Step(call.name, call.kind, note=f"an input of class {unkept[0]} was not kept")
    try:
        ours = _fed(port, call, part)
    except REFUSED as error:
        note = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        return Step(call.name, call.kind, Difference("output", Agreement.MISMATCH, note), note=note)
    wide: list[Results] = []

    def exact() -> Results:
        if not wide:
            wide.append(_fed(port, call, part, wide=True))
        return wide[0]

    reference = port.renamed(call, expected(record, call))
    rows = _judge(ours, reference, exact)
    ahead = _worst([row for row in rows if not row.name.startswith(BACKWARD)])
    back = _worst([row for row in rows if row.name.startswith(BACKWARD)])
    step = Step(call.name, call.kind, ahead, back)
    if not step.ok:
        step = replace(step, diagnosis=diagnose(call, *port.below(call), ours, reference))
    return step


def _inside(inner: str, outer: str) -> bool:
    return inner != outer and (not outer or inner.startswith(outer + "."))


def trace(
    port: Any,
    record: Record | str | PathLike[str],
    *,
    params: Any = None,
    buffers: Any = None,
    parts: Mapping[str, Callable[..., Any]] | None = None,
    names: Mapping[str, str] | None = None,
    key: Any = None,
    optimizer: Any = None,
) -> Trace:
    """Compare a port with a recorded run, layer by layer, forward and backward.

    Args:
        port: a fnnet layer; a module of fnnet.torch, or what `fnnet.functionalize` made of it (in the modes
            that its parts have); or a function (params, *inputs) -> output that may mark values with `tap`.
        record: what `fnnet.parity.record` wrote.
        params, buffers: nested dicts; by default the recorded ones.
        parts: for a function, by recorded paths, functions (params of the part, *inputs) -> output to be
            fed with what was recorded.
        names: the port's name for a part, parameter or tap -> the recorded one, where they differ.
        key: for layers that draw.
        optimizer: an optax transformation, fnnet.optim's or another, to be compared with the recorded
            optimizer, step by step: the port's gradients, what each step changes, what is kept.

    Returns:
        The table, its `first` step that parts, and the verdict. Raises TypeError for a port that is neither.
    """
    record = record if isinstance(record, Record) else Record.load(record)
    whole = make_port(port, record, params, buffers, parts, names, key)
    drifts, failure = watched_run(
        whole.run, record, whole.below(record.whole)[0], whole.ours, whole.whole_runs
    )
    steps: list[Step] = []
    broken: list[str] = []
    for call in record.calls:
        if any(_inside(path, call.path) for path in broken):
            step = Step(call.name, call.kind, inherited=True, note="holds one that parts")
        else:
            step = _step(whole, record, call)
        seen, gradient, judged = drifts.get(call.name if call.path else "", (None, None, ()))
        step = replace(step, drift=seen, drift_backward=gradient)
        if step.forward is None and judged and not step.inherited:
            step = replace(step, forward=judged[0], note="")
            step = replace(step, inherited=bool(broken) and not step.ok)
        if not step.ok:
            holds = any(_inside(other.path, call.path) for other in record.calls)
            if holds and _small(whole, record, call):
                step = replace(step, **_accepted(step))
            else:
                broken.append(call.path)
        steps.append(step)
    if optimizer is None:
        return Trace(tuple(steps), failure=failure)

    def gradients(i: int) -> list[Difference]:
        return _step_gradients(whole, record, i)

    updates = trace_updates(optimizer, record, names=names, gradients=gradients)
    return Trace(tuple(steps), tuple(updates), failure)


def _step_gradients(port: Port, record: Record, i: int) -> list[Difference]:
    """Rows for the port's gradients at the start of an optimizer's step, from the output's gradient there."""
    call, step = record.whole, record.steps[i]
    values = record.steps[i - 1].values if i else {**record.parameters, **record.buffers}
    call = replace(call, output_gradient=step.output_gradient)
    there = replace(
        record,
        parameters={name: values[name] for name in record.parameters},
        buffers={name: values[name] for name in record.buffers},
    )
    at = port.at(there)
    part = at.part(call)
    if part is None:
        return []
    results: list[Results] = []

    def fed(wide: bool) -> Results:
        return _fed(at, call, part, wide)

    try:
        results.append(fed(False))
    except REFUSED as error:
        return [Difference("gradients", Agreement.MISMATCH, f"{type(error).__name__}: {error}")]
    theirs = {f"gradient of {name}": value for name, value in step.gradients.items()}
    reference = at.renamed(call, theirs)
    rows = []
    for name in [name for name in reference if name in results[0]]:
        row = difference(name.removeprefix("gradient of "), results[0][name], reference[name])
        if not row.ok and row.agreement is Agreement.DIFFERENT:
            if len(results) == 1:
                results.append(fed(True))
            row = arbitrate(row, results[0][name], reference[name], results[1][name], own=True)
        size = float(np.linalg.norm(reference[name].astype(np.float64)))
        if not row.ok and distance(results[0][name], reference[name]) <= ACCUMULATED and size:
            row = replace(row, agreement=Agreement.ROUNDING, note="rounding that adds up")
        rows.append(row)
    return rows


def _small(port: Port, record: Record, call: Call) -> bool:
    """Whether a container whose parts all agree is off by no more than what rounding adds up to."""
    part = port.part(call)
    if part is None:
        return False
    try:
        ours = _fed(port, call, part)
    except REFUSED:
        return False
    reference = port.renamed(call, expected(record, call))
    if any(name.startswith("output") and name not in ours for name in reference):
        return False
    pairs = [(ours[name], value) for name, value in reference.items() if name in ours]
    if any(a.shape != b.shape or a.dtype.kind != b.dtype.kind for a, b in pairs):
        return False
    scale = max((float(np.linalg.norm(b.astype(np.float64))) for _, b in pairs), default=0.0)
    gaps = [(distance(a, b), float(np.linalg.norm(b.astype(np.float64)))) for a, b in pairs]
    return all(far <= ACCUMULATED or size <= ACCUMULATED * scale for far, size in gaps)


def _accepted(step: Step) -> dict[str, Any]:
    note = "its parts agree: rounding that adds up"

    def side(row: Difference | None) -> Difference | None:
        return row if row is None or row.ok else replace(row, agreement=Agreement.ROUNDING, note=note)

    return {"forward": side(step.forward), "backward": side(step.backward), "diagnosis": None, "note": note}
