"""Warnings: PyTorch's words, at the user's line."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of fnnet."""
    frame, level = sys._getframe(1), 2
    while frame is not None and str(frame.f_globals.get("__package__") or "").partition(".")[0] == "fnnet":
        if frame.f_back is None:
            break
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


Shapes = dict[str, Any]
"""The arguments of a call by name; tensors as their specs."""


def _freedom(name: str) -> Callable[[Shapes], str | None]:
    def said(arguments: Shapes) -> str | None:
        shape, dim = arguments["input"].shape, arguments.get("dim")
        unbiased = arguments.get("unbiased")
        if isinstance(dim, bool):  # var(input, unbiased)
            dim, unbiased = None, dim
        dims = range(len(shape)) if dim is None else np.atleast_1d(dim)
        count = int(np.prod([shape[one] for one in dims])) if shape else 1
        correction = arguments.get("correction")
        if correction is None:
            correction = int(unbiased is not False)
        if not isinstance(correction, int | float) or count - correction > 0:
            return None
        return (
            f"{name}(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
            "factor (input numel divided by output numel)."
        )

    return said


def _always(message: str) -> Callable[[Shapes], str | None]:
    return lambda arguments: message


def _deprecated(name: str, other: str) -> Callable[[Shapes], str | None]:
    return _always(
        f"torch.{name} is deprecated in favor of torch.linalg.{other} and will be removed in a future "
        "PyTorch release."
    )


def _rows_alone(name: str) -> Callable[[Shapes], str | None]:
    return lambda arguments: (
        f"{name}: Received a 2-D input to {name}, which is deprecated and will result in an error in a "
        "future release. To retain the behavior and silence this warning, please use dropout instead."
        if len(arguments["input"].shape) == 2
        else None
    )


NOTICES: dict[str, Callable[[Shapes], str | None]] = {
    **{name: _freedom(name) for name in ("std", "var", "std_mean", "var_mean")},
    "cross": lambda arguments: (
        "Using torch.cross without specifying the dim arg is deprecated.\nPlease either pass the dim "
        "explicitly or simply use torch.linalg.cross."
        if arguments.get("dim") is None
        else None
    ),
    "qr": _deprecated("qr", "qr"),
    "cholesky": _deprecated("cholesky", "cholesky"),
    "triangular_solve": _deprecated("triangular_solve", "solve_triangular"),
    "meshgrid": lambda arguments: (
        None
        if "indexing" in arguments
        else "torch.meshgrid: in an upcoming release, it will be required to pass the indexing argument."
    ),
    "upsample": _always("`nn.functional.upsample` is deprecated. Use `nn.functional.interpolate` instead."),
    "dropout2d": _rows_alone("dropout2d"),
}
"""What PyTorch warns of beside the operations' own warnings."""


def notice_of(name: str, bound: inspect.BoundArguments, spec_of: Callable[[Any], Any]) -> str | None:
    """What PyTorch warns of a call, seen when its plan is made."""
    said = NOTICES.get(name)
    if said is None:
        return None
    return said({argument: spec_of(value) for argument, value in bound.arguments.items()})
