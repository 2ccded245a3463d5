"""Functions that are watched for a while: their callers pay nothing before and after.

While somebody watches a function, its code is that of a gate, which asks the watcher what to do with a call.
The function stays the same object, so whoever imported it under whatever name comes to the gate; when the
last watcher leaves, its own code is put back. The profiler and `torch.fx` watch so: a check in every
operation would slow down all programs that use neither.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

__all__ = ["Watch"]

Around = Callable[[FunctionType, Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]
"""A watcher: called with the function, what it does, and the arguments of a call, it gives the result."""

_GATES: dict[FunctionType, _Gate] = {}
_LOCK = threading.RLock()


def _template(*args: Any, **kwargs: Any) -> Any:
    gate: Any = "the gate"
    return gate(args, kwargs)


class _Gate:
    """What a watched function does instead: the latest watcher is asked first."""

    def __init__(self, function: FunctionType) -> None:
        self.function = function
        self.code = function.__code__
        self.plain: Callable[..., Any] = FunctionType(
            self.code, function.__globals__, function.__name__, function.__defaults__, function.__closure__
        )
        self.plain.__kwdefaults__ = function.__kwdefaults__
        self.watchers: list[Around] = []

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.step(len(self.watchers), args, kwargs)

    def step(self, left: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call as the first `left` watchers see it."""
        left = min(left, len(self.watchers))
        if not left:
            return self.plain(*args, **kwargs)

        def further(*args: Any, **kwargs: Any) -> Any:
            return self.step(left - 1, args, kwargs)

        return self.watchers[left - 1](self.function, further, args, kwargs)

    def shut(self) -> None:
        """Let calls come here."""
        template = _template.__code__
        constants = tuple(self if one == "the gate" else one for one in template.co_consts)
        self.function.__code__ = template.replace(
            co_consts=constants,
            co_freevars=self.code.co_freevars,
            co_filename=self.code.co_filename,
            co_name=self.code.co_name,
        )

    def open(self) -> None:
        """Give the function its own code back."""
        self.function.__code__ = self.code


class Watch:
    """Watches functions from `start` to `stop`, or in a `with`.

    Args:
        functions: those to watch, written in Python.
        around: called for each of their calls, see `Around`.
    """

    def __init__(self, functions: Iterable[Any], around: Around) -> None:
        self.functions: list[FunctionType] = list(dict.fromkeys(functions))
        self.around = around

    def start(self) -> None:
        """Begin to watch."""
        with _LOCK:
            for function in self.functions:
                gate = _GATES.get(function)
                if gate is None:
                    gate = _GATES[function] = _Gate(function)
                    gate.shut()
                gate.watchers.append(self.around)

    def stop(self) -> None:
        """Watch no more."""
        with _LOCK:
            for function in self.functions:
                gate = _GATES[function]
                gate.watchers.remove(self.around)
                if not gate.watchers:
                    gate.open()
                    del _GATES[function]

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
