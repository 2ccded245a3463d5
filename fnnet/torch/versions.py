"""How often PyTorch has written into a result when it gives it out: what `_version` says of a fresh tensor.

Most results were never written to. The functions here PyTorch composes of others, some of them in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import BoundArguments
from typing import Any

__all__ = ["count", "written_of"]

Arguments = dict[str, Any]


def _spec(value: Any) -> Any:
    found = getattr(value, "spec", None)
    return found if found is not None else getattr(value, "_spec", None)


def _is_close(given: Arguments) -> int:
    if not given["rtol"] and not given["atol"]:
        return 0
    spec = _spec(given["input"])
    return 1 + bool(given["equal_nan"] and spec is not None and spec.dtype.differentiable)


def _quantile(given: Arguments) -> int:
    between = given["interpolation"] in ("linear", "midpoint")
    several = getattr(_spec(given["q"]), "ndim", 0)
    return 1 + between + 2 * bool(several)


def _pad(given: Arguments) -> int:
    return 1 + sum(map(bool, given["pad"])) if given["mode"] == "circular" else 0


def _stft(given: Arguments) -> int:
    spec = _spec(given["input"])
    return 2 if spec is not None and spec.ndim == 1 else 1


_WRITTEN: dict[str, Callable[[Arguments], int]] = {
    "isclose": _is_close,
    "quantile": _quantile,
    "nanquantile": _quantile,
    "pad": _pad,
    "stft": _stft,
    "one_hot": lambda given: 2,
}


def written_of(name: str, bound: BoundArguments) -> int:
    """How often a result of this call has been written to."""
    found = _WRITTEN.get(name)
    if found is None:
        return 0
    complete = BoundArguments(bound.signature, bound.arguments.copy())
    complete.apply_defaults()
    return found(complete.arguments)


def count(results: Sequence[Any], written: int) -> None:
    """Give fresh results the version that they have in PyTorch."""
    for one in results:
        one._counter.version = written
        if one._fn is not None:
            one._fn.checks = [kept for kept in one._fn.checks if kept[2] >= 0]
