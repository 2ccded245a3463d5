"""Recorded operations computed at once by NumPy, where XLA must not be used: in a forked worker process.

XLA's compiler and its threads do not survive `os.fork`; NumPy does. `compute_on_host` makes the record of
this process evaluate each plan's jaxpr (`fnnet/evaluation/`). A primitive without a rule in NumPy raises
NotImplementedError by name.

Use of JAX itself in such a process ends it: XLA aborts.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from fnnet.evaluation import NoRule, evaluate
from fnnet.torch.operation import Op
from fnnet.torch.record import RECORD, Record, Value

_ADVICE = (
    "cannot be computed in a forked DataLoader worker, which has NumPy only; use NumPy there, or "
    'DataLoader(..., multiprocessing_context="spawn"), or num_workers=0'
)


class HostRecord(Record):
    """A record that keeps nothing: every call is computed when it is made."""

    def append(self, plan: Any, values: Any, numbers: Any) -> list[Value]:
        arguments = [*[np.asarray(value.read()) for value in values], *numbers]
        if plan.places is not None:
            arguments = [arguments[place] for place in plan.places]
        try:
            return [Value(array) for array in evaluate(plan.jaxpr, arguments)]
        except NoRule as missing:
            raise NotImplementedError(f"fnnet: '{missing}' {_ADVICE}") from None


def compute_on_host() -> None:
    """From now on this process computes by NumPy. What was recorded before must have been run."""
    RECORD.__class__ = HostRecord
    jax.device_put = lambda x, *_, **__: x  # arrays stay NumPy's
    Op.compute = _refuse  # type: ignore[method-assign, assignment]


def _refuse(op: Op, args: Any, kwargs: Any) -> Any:
    """Stands for operations that look at values before they compute: to check them, or to know a shape."""
    if not op.data_dependent and not op.by_values:
        raise IndexError(f"{op.name}: index out of range")
    raise NotImplementedError(f"fnnet: '{op.name}' {_ADVICE}")
