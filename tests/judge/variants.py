"""The ways in which a user may call an operation, by name: each gives probes of one entry of op_db."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from judge import calls, derivatives, inputs
from judge.sides import Probe

VARIANTS: dict[str, Callable[[Any, int], Iterator[Probe]]] = {
    "function": calls.function,
    "method": calls.method,
    "inplace": calls.inplace,
    "out": calls.out,
    "dtypes": inputs.dtypes,
    "promotion": inputs.promotion,
    "layouts": inputs.layouts,
    "gradients": derivatives.gradients,
    "edges": inputs.edges,
    "errors": inputs.errors,
    "transforms": derivatives.transforms,
}
