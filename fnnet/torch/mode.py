"""Whether operations are noted for backward: no_grad, enable_grad, set_grad_enabled, inference_mode."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


class GradMode:
    """The mode now. `anomaly` is that of `detect_anomaly`, `autocast` that of mixed precision, if on.

    `inferred` says whether there ever was an inference mode, and so may be a tensor of one.
    """

    __slots__ = ("anomaly", "autocast", "enabled", "inference", "inferred")

    def __init__(self) -> None:
        self.enabled = True
        self.inference = self.inferred = False
        self.anomaly = False
        self.autocast: Any = None


MODE = GradMode()


class _Context:
    """A context manager that is a decorator as well, of functions, generators and classes' methods."""

    def __enter__(self) -> Any:
        raise NotImplementedError

    def __exit__(self, *error: object) -> None:
        raise NotImplementedError

    def clone(self) -> _Context:
        """A fresh context of the same kind, for one call of a decorated function."""
        return type(self)()

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def generator(*args: Any, **kwargs: Any) -> Any:
                iterator = function(*args, **kwargs)
                sent = None
                while True:
                    with self.clone():
                        try:
                            item = iterator.send(sent)
                        except StopIteration as stop:
                            return stop.value
                    sent = yield item

            return generator

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return function(*args, **kwargs)

        return decorated


class no_grad(_Context):
    """Operations inside are not noted for backward. A context manager and a decorator."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        made = super().__new__(cls)
        return made if function is None else made(function)

    def __enter__(self) -> None:
        self._previous = MODE.enabled
        MODE.enabled = False

    def __exit__(self, *error: object) -> None:
        MODE.enabled = self._previous


class enable_grad(no_grad):
    """Operations inside are noted for backward, also within `no_grad`."""

    def __enter__(self) -> None:
        self._previous = MODE.enabled
        MODE.enabled = True


class set_grad_enabled(_Context):
    """Sets the mode at once; as a context manager, sets it back at the end."""

    def __init__(self, mode: bool) -> None:
        self._previous = MODE.enabled
        self.mode = bool(mode)
        MODE.enabled = self.mode

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        MODE.enabled = self._previous
        return super().__call__(function)

    def __enter__(self) -> None:
        MODE.enabled = self.mode

    def __exit__(self, *error: object) -> None:
        MODE.enabled = self._previous

    def clone(self) -> _Context:
        return set_grad_enabled(self.mode)

    def __str__(self) -> str:
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    def __repr__(self) -> str:
        return str(self)


class inference_mode(_Context):
    """Like no_grad; tensors made inside can never take part in backward."""

    def __new__(cls, mode: Any = True) -> Any:
        made = super().__new__(cls)
        if isinstance(mode, bool):
            return made
        made.mode = True
        return made(mode)

    def __init__(self, mode: bool = True) -> None:
        self.mode = mode

    def __enter__(self) -> None:
        self._previous = MODE.enabled, MODE.inference
        MODE.enabled, MODE.inference = (False, True) if self.mode else (True, False)
        MODE.inferred |= self.mode

    def __exit__(self, *error: object) -> None:
        MODE.enabled, MODE.inference = self._previous

    def clone(self) -> _Context:
        return inference_mode(self.mode)


def is_grad_enabled() -> bool:
    """Whether operations are noted for backward now."""
    return MODE.enabled


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on."""
    return MODE.inference
