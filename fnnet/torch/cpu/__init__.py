"""torch.cpu: the processor as a device like others."""

from __future__ import annotations

import contextlib
from typing import Any

from fnnet.torch.cpu import amp as amp
from fnnet.torch.record import synchronize as _run


def is_available() -> bool:
    """True."""
    return True


def device_count() -> int:
    """1."""
    return 1


def current_device() -> str:
    """ "cpu"."""
    return "cpu"


def set_device(device: Any) -> None:
    """There is one."""


def synchronize(device: Any = None) -> None:
    """Compute what is recorded, and wait for it."""
    _run()


def stream(stream: Any) -> Any:
    """A context that changes nothing: the work of a processor has one order."""
    return contextlib.nullcontext()


def is_initialized() -> bool:
    """True."""
    return True
