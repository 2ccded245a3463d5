"""Counters of the recorder."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass
class Counts:
    """What the recorder has done so far.

    Attributes:
        operations: calls that were run (those whose results nobody kept included).
        plans: calls of a new kind (operation, shapes, dtypes, options), which were traced.
        records: records run; each is one dispatch.
        compilations: records that were compiled.
        cache_hits: records whose program was found compiled.
        ahead, in_vain: programs begun before they were recorded, and then asked for or not (see `ahead.py`).
        evaluations: records that NumPy computed, for they hardly come again (see `once.py`).
        without_rule: records that were compiled for want of a rule in NumPy.
        plan_seconds, compile_seconds, dispatch_seconds, evaluation_seconds: time in tracing, compiling,
            starting programs (which compute while Python goes on), and evaluating without one.
    """

    operations: int = 0
    plans: int = 0
    records: int = 0
    compilations: int = 0
    cache_hits: int = 0
    ahead: int = 0
    in_vain: int = 0
    evaluations: int = 0
    without_rule: int = 0
    plan_seconds: float = 0.0
    compile_seconds: float = 0.0
    dispatch_seconds: float = 0.0
    evaluation_seconds: float = 0.0

    @property
    def dispatches(self) -> int:
        """Programs started, or evaluated."""
        return self.compilations + self.cache_hits + self.evaluations

    def __str__(self) -> str:
        lines = [(one.name, getattr(self, one.name)) for one in fields(self)]
        lines.append(("dispatches", self.dispatches))
        return "\n".join(
            f"{name:18}{value:12.3f}" if isinstance(value, float) else f"{name:18}{value:12d}"
            for name, value in lines
        )


COUNTS = Counts()


def stats() -> Counts:
    """A copy of the counters; `print(fnnet.torch.stats())` lays them out."""
    return Counts(**{one.name: getattr(COUNTS, one.name) for one in fields(COUNTS)})


def reset_stats() -> None:
    """Set every counter to zero."""
    COUNTS.__init__()  # type: ignore[misc]
