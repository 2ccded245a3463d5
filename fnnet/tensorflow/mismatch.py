"""Shapes that do not fit: TensorFlow has other words for it while a graph is built than while it runs."""

from __future__ import annotations

from typing import Any


class Mismatch(ValueError):
    """Shapes that do not fit, in the words of a running kernel; `built` has those for a graph being built."""

    def __init__(self, running: str, built: str) -> None:
        super().__init__(built)
        self.running = running


def sizes(x: Any) -> str:
    """A shape as kernels write it."""
    return "[" + ",".join(map(str, x.shape)) + "]"
