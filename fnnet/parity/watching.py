"""Seeing, and nudging, the values inside a port: by its scopes, or where it says `tap`."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

import jax

from fnnet.layers.layer import Layer, Scope


class Watcher:
    """Notes the value of every part of a run, and adds to it what `nudges` has under its name.

    The gradient with respect to a nudge of zero is the gradient with respect to the value.
    """

    def __init__(self, nudges: dict[str, Any] | None = None) -> None:
        self.values: dict[str, Any] = {}
        self._nudges = nudges or {}
        self._turns: dict[str, int] = {}

    def see(self, path: str, value: Any) -> Any:
        """Note a value; returns it, nudged."""
        turn = self._turns.get(path, 0)
        self._turns[path] = turn + 1
        name = path + (f"#{turn + 1}" if turn else "")
        if name in self._nudges:
            value = jax.tree.map(lambda v, n: v if n is None else v + n, value, self._nudges[name])
        self.values[name] = value
        return value


class WatchedScope(Scope):
    """A scope that shows the output of every layer applied in it, or in the scope of a part, to a watcher."""

    def __init__(self, scope: Scope, watcher: Watcher) -> None:
        super().__init__(
            scope.layer, scope._params, scope._buffers, scope._source, scope.training, scope.path
        )
        self._watcher = watcher

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return WatchedScope(value, self._watcher) if isinstance(value, Scope) else value

    def apply(self, layer: Layer, *inputs: Any, **options: Any) -> Any:
        return self._watcher.see(self.path, super().apply(layer, *inputs, **options))


ACTIVE: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def tap(name: str, value: Any) -> Any:
    """Mark a value of a JAX function as the output of the recorded part `name`; returns the value.

    Outside of `trace` it does nothing. Within it, the function must not be compiled as a part of the port:
    a value inside a jax.jit is not seen.
    """
    watcher = ACTIVE.get()
    return value if watcher is None else watcher.see(name, value)
