"""torch.mps by name: no Apple GPU is used here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def is_available() -> bool:
    """False."""
    return False


def device_count() -> int:
    """0."""
    return 0


def _without(name: str) -> Callable[..., Any]:
    def refuse(*args: Any) -> Any:
        raise RuntimeError(f"Cannot execute {name}() without MPS backend.")

    refuse.__doc__ = "Raises RuntimeError."
    return refuse


synchronize = _without("synchronize")
empty_cache = _without("emptyCache")
current_allocated_memory = _without("getCurrentAllocatedMemory")
driver_allocated_memory = _without("getDriverAllocatedMemory")
recommended_max_memory = _without("getRecommendedMaxMemory")
set_per_process_memory_fraction = _without("setPerProcessMemoryFraction")


def manual_seed(seed: int) -> None:
    """Does nothing without such a GPU."""


def seed() -> None:
    """Does nothing without such a GPU."""
