"""The operations that take sparse tensors, by name. The others refuse them (`sparse_calls.py`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

HANDLED: dict[str, Callable[..., Any]] = {}
"""From the name of an operation to what it does, which takes the pure function's arguments."""


def handles(*names: str) -> Callable[[Any], Any]:
    """Enter the decorated function for these operations."""

    def enter(function: Any) -> Any:
        HANDLED.update(dict.fromkeys(names, function))
        return function

    return enter


def computed(name: str, *args: Any, **kwargs: Any) -> Any:
    """What an operation gives of strided tensors."""
    from fnnet.torch.call import call
    from fnnet.torch.declare import OPS

    return call(OPS[name], args, kwargs)
