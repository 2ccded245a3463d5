"""Warnings: PyTorch's words, at the user's line."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

WARN_ALWAYS = [False]
"""Whether what PyTorch says once is said each time (`torch.set_warn_always`)."""

_ONCE = (
    "Casting complex values to real", "Tensor.H is deprecated on 0-D", "Tensor.T is deprecated on 0-D",
    "Tensor.mT is deprecated on 0-D", "The use of `x.T` on tensors of dimension other than 2",
    "Creating a tensor from a list of numpy.ndarrays", "The given NumPy array is not writable",
    "The given buffer is not writable", "torch.meshgrid: in an upcoming release", "This overload of",
)  # fmt: skip
"""How the warnings begin that PyTorch gives once in a process."""

_said: set[str] = set()


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line outside of fnnet; once in a process, where PyTorch does so."""
    if message.startswith(_ONCE) and not WARN_ALWAYS[0]:
        start = next(one for one in _ONCE if message.startswith(one))
        if start in _said:
            return
        _said.add(start)
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


def _few_dimensions(name: str, spatial: int) -> Callable[[Shapes], str | None]:
    def said(arguments: Shapes) -> str | None:
        ndim = len(arguments["input"].shape)
        if ndim not in (spatial + 1, spatial + 2):
            return (
                f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an "
                "error in a future release. To retain the behavior and silence this warning, "
                "please use dropout "
                f"instead. Note that {name} exists to provide channel-wise dropout on inputs with {spatial} "
                "spatial dimensions, a channel dimension, and an optional batch dimension (i.e. "
                f"{spatial + 1}D or {spatial + 2}D inputs)."
            )
        if ndim == 3:
            return (
                "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
                "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel dim. "
                "This behavior will change in a future release to interpret the input as one without a batch "
                "dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, please "
                "switch to using dropout1d instead."
            )
        return None

    return said


def _too_few(arguments: Shapes) -> str | None:
    shape = arguments["input"].shape
    count = shape[-1] if shape else 1
    correction = arguments.get("correction", 1)
    if not isinstance(correction, int) or count - correction > 0:
        return None
    return (
        "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
        "observations."
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
    "dropout2d": _few_dimensions("dropout2d", 2),
    "dropout3d": _few_dimensions("dropout3d", 3),
    "cov": _too_few,
    "corrcoef": _too_few,
}
"""What PyTorch warns of beside the operations' own warnings."""


def notice_of(name: str, bound: inspect.BoundArguments, spec_of: Callable[[Any], Any]) -> str | None:
    """What PyTorch warns of a call, seen when its plan is made."""
    said = NOTICES.get(name)
    if said is None:
        return None
    return said({argument: spec_of(value) for argument, value in bound.arguments.items()})
