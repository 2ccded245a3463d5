"""torch.futures: results that come later, set by whoever has them. Nothing here runs beside the program."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["Future", "collect_all", "wait_all"]

T = TypeVar("T")


class Future(Generic[T]):
    """A result that is set once: by `set_result`, or as an error by `set_exception`."""

    def __init__(self, *, devices: Any = None) -> None:
        self._set = threading.Event()
        self._lock = threading.Lock()
        self._result: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], None]] = []

    def done(self) -> bool:
        """Whether there is a result or an error."""
        return self._set.is_set()

    def wait(self) -> T:
        """The result, when it is there; an error that was set is raised."""
        self._set.wait()
        return self.value()

    def value(self) -> T:
        """The result. Raises RuntimeError if there is none yet, and the error that was set."""
        if not self.done():
            raise RuntimeError("Future not complete")
        if self._error is not None:
            raise self._error
        return self._result

    def then(self, callback: Callable[[Future[T]], Any]) -> Future[Any]:
        """A future of what the callback makes of this one."""
        made: Future[Any] = Future()

        def follow(one: Future[T]) -> None:
            try:
                result = callback(one)
            except Exception as error:
                kind = type(error).__name__
                text = f"Got the following error when running the callback: {kind}: {error}"
                made.set_exception(RuntimeError(text))
            else:
                made.set_result(result)

        self.add_done_callback(follow)
        return made

    def add_done_callback(self, callback: Callable[[Future[T]], None]) -> None:
        """Call this with the future when it is done, at once if it is."""
        with self._lock:
            if not self.done():
                self._callbacks.append(callback)
                return
        callback(self)

    def _finish(self, result: Any, error: BaseException | None) -> None:
        with self._lock:
            if self.done():
                raise RuntimeError(
                    "Attempting to mark a completed Future as complete again. Note that a Future can only be "
                    "marked completed once."
                )
            self._result, self._error = result, error
            self._set.set()
        for callback in self._callbacks:
            callback(self)

    def set_result(self, result: T) -> None:
        """Set the result. Raises RuntimeError if it is set."""
        self._finish(result, None)

    def set_exception(self, result: BaseException) -> None:
        """Set an error. Raises AssertionError for what is none."""
        if not isinstance(result, Exception):
            raise AssertionError(f"{result} is of type {type(result)}, not an Exception.")
        self._finish(None, result)


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of all of them, done when they are."""
    made: Future[list[Future[Any]]] = Future()
    left = len(futures)
    lock = threading.Lock()

    def count(_: Future[Any]) -> None:
        nonlocal left
        with lock:
            left -= 1
            last = left == 0
        if last:
            made.set_result(futures)

    if not futures:
        made.set_result(futures)
    for one in futures:
        one.add_done_callback(count)
    return made


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The results of all of them, when they are there; the first error is raised."""
    return [one.wait() for one in collect_all(futures).wait()]
