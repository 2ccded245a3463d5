"""A port's own run on the recorded inputs: how far each part's output, and its gradient, has drifted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.parity.checking import arbitrate
from fnnet.parity.difference import Agreement, Difference, difference, distance
from fnnet.parity.feeding import QUICK, REFUSED, as_dtype, cotangents, is_array
from fnnet.parity.marked_run import Watcher, traced
from fnnet.parity.recorded import Record

Drift = tuple[float | None, float | None, list[Difference]]


def _run(
    run: Callable[..., Any], record: Record, params: Any, wide: bool
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values that were seen, and the gradients with respect to them."""
    with jax.enable_x64(True) if wide else contextlib.nullcontext():
        call = record.whole
        own, inputs, options = as_dtype([params, list(call.inputs), call.options], wide)
        traced_run = traced(
            lambda own, inputs, options: run(own, *inputs, **options),
            *(own, inputs, options),
            marks=len(record.calls) > 1,
        )

        def once(nudges: dict[str, Any]) -> Any:
            watcher = Watcher(nudges)
            return traced_run(watcher), watcher.values

        _, shapes = jax.eval_shape(once, {})
        zeros = {
            name: [jnp.zeros(v.shape, v.dtype) if is_array(v) else None for v in values]
            for name, values in shapes.items()
        }

        def both(nudges: dict[str, Any]) -> Any:
            output, pull, values = jax.vjp(once, nudges, has_aux=True)
            return output, values, pull(cotangents(output, call.output_gradient))[0]

        output, values, gradients = jax.jit(both, compiler_options=QUICK)(zeros)
        return jax.tree.map(np.asarray, {**values, "": output}), jax.tree.map(np.asarray, gradients)


def _leaves(tree: Any) -> list[Any]:
    return [leaf for leaf in jax.tree.leaves(tree) if hasattr(leaf, "dtype")]


def _far(ours: Any, reference: Any) -> float | None:
    """The largest distance of their leaves; None if they are not alike."""
    a, b = _leaves(ours), _leaves(reference)
    if not b or len(a) != len(b) or any(x.shape != y.shape for x, y in zip(a, b, strict=True)):
        return None
    return max(distance(x, y) for x, y in zip(a, b, strict=True))


def watched_run(
    run: Callable[..., Any], record: Record, params: Any, name_of: Callable[[str], str], judge: bool
) -> tuple[dict[str, Drift], str]:
    """By recorded names: distance of the output, of its gradient, and if `judge` rows for the outputs.

    And why there are none, if the port's own run fails: its parts are compared all the same.
    """
    try:
        values, gradients = _run(run, record, params, False)
    except REFUSED as error:
        return {}, f"{type(error).__name__}: {str(error).partition(chr(10))[0][:200]}"
    wide: list[dict[str, Any]] = []
    drifts: dict[str, Drift] = {}
    for call in record.calls:
        turn = f"#{call.turn + 1}" if call.turn else ""
        name = name_of(call.path) + turn if call.path else ""
        if name not in values:
            continue
        rows = []
        for i, (ours, theirs) in enumerate(zip(_leaves(values[name]), _leaves(call.output), strict=False)):
            if not judge:
                break
            row = difference("output", ours, theirs)
            if row.agreement is Agreement.DIFFERENT and row.dtype != "float64":
                if not wide:
                    wide.append(_run(run, record, params, True)[0])
                row = arbitrate(row, ours, theirs, _leaves(wide[0][name])[i], own=True)
            rows.append(row)
        rows.sort(key=lambda row: row.ok)
        seen = _far(values[name], call.output)
        gradient = _far(gradients[name], call.output_gradient) if name in gradients else None
        drifts[call.name if call.path else ""] = (seen, gradient, rows)
    return drifts, ""
