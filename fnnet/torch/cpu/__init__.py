"""torch.cpu: the processor as a device like others."""

from __future__ import annotations

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


class Stream:
    """One order of work; there is only one."""

    def __init__(self, priority: int = -1) -> None:
        pass

    def wait_stream(self, stream: Any) -> None:
        """Work is in order already."""

    def record_event(self) -> None:
        """Work is in order already."""

    def wait_event(self, event: Any) -> None:
        """Work is in order already."""


class Event:
    """A point in the order of work."""

    def query(self) -> bool:
        """True."""
        return True

    def record(self, stream: Any = None) -> None:
        """Work is in order already."""

    def synchronize(self) -> None:
        """Work is in order already."""

    def wait(self, stream: Any = None) -> None:
        """Work is in order already."""


_CURRENT = Stream()


def current_stream(device: Any = None) -> Stream:
    """The one order of work."""
    return _CURRENT


class StreamContext:
    """A context that changes nothing."""

    cur_stream: Stream | None

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def stream(stream: Any) -> Any:
    """A context that changes nothing: the work of a processor has one order."""
    return StreamContext(stream)


def is_initialized() -> bool:
    """True."""
    return True
