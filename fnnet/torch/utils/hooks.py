"""Handles that take a hook away again."""

from __future__ import annotations

import itertools
from typing import Any

__all__ = ["RemovableHandle"]

_ids = itertools.count()


class RemovableHandle:
    """What registering a hook returns; `remove()`, or leaving a `with` block, takes the hook away."""

    def __init__(self, hooks: dict[int, Any]) -> None:
        self.id = next(_ids)
        self._hooks = hooks

    @classmethod
    def register(cls, hooks: dict[int, Any], hook: Any, prepend: bool = False) -> RemovableHandle:
        """Add `hook` to a table of hooks, at its end or, with `prepend`, at its start."""
        handle = cls(hooks)
        if prepend:
            others = dict(hooks)
            hooks.clear()
            hooks[handle.id] = hook
            hooks.update(others)
        else:
            hooks[handle.id] = hook
        return handle

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        self._hooks.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()
