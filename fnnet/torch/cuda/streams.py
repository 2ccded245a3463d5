"""torch.cuda's streams and events: JAX orders the work of a GPU itself, so they only keep time and order."""

from __future__ import annotations

import time
from typing import Any

from fnnet.torch.devices import device as _Device
from fnnet.torch.record import synchronize

__all__ = ["Event", "Stream", "StreamContext", "current_stream", "default_stream", "set_stream", "stream"]


class Stream:
    """One order of work; there is only one."""

    def __init__(self, device: Any = None, priority: int = 0, **kwargs: Any) -> None:
        self.device = _Device("cuda", 0) if device is None else _Device(device)
        self.priority = priority

    def synchronize(self) -> None:
        """Wait until all work is done."""
        synchronize()

    def query(self) -> bool:
        """Whether all work is done; it is waited for."""
        synchronize()
        return True

    def wait_stream(self, stream: Stream) -> None:
        """Work is in order already."""

    def wait_event(self, event: Event) -> None:
        """Work is in order already."""

    def record_event(self, event: Event | None = None) -> Event:
        """Note the time."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        pass


class Event:
    """A point in time: `record` waits for the work before it and looks at the clock."""

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self.enable_timing = enable_timing
        self._time: float | None = None

    def record(self, stream: Stream | None = None) -> None:
        """Note the time."""
        synchronize()
        self._time = time.perf_counter()

    def synchronize(self) -> None:
        """The work before it is done."""

    def wait(self, stream: Stream | None = None) -> None:
        """Work is in order already."""

    def query(self) -> bool:
        """True."""
        return True

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds to another event. Raises ValueError if one is not recorded or does not keep time."""
        if not self.enable_timing or not end_event.enable_timing:
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if self._time is None or end_event._time is None:
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return 1000 * (end_event._time - self._time)


_ONLY = Stream()


class StreamContext:
    """A block whose work goes to a stream."""

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def stream(stream: Stream | None) -> StreamContext:
    """A block whose work goes to a stream."""
    return StreamContext(stream)


def current_stream(device: Any = None) -> Stream:
    """The stream."""
    return _ONLY


def default_stream(device: Any = None) -> Stream:
    """The stream."""
    return _ONLY


def set_stream(stream: Stream) -> None:
    """There is only one."""
