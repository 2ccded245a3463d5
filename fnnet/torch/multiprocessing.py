"""torch.multiprocessing: Python's module. Tensors go to other processes as copies, not as shared memory."""

from multiprocessing import *  # noqa: F403
from typing import Any

from fnnet.torch.missing import refusal as _refusal

spawn = _refusal("torch.multiprocessing.spawn", "use Python's multiprocessing")


def get_all_sharing_strategies() -> set[str]:
    """One: copies through the file system."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """The one there is."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts "file_system" and "file_descriptor", which change nothing."""
    if new_strategy not in ("file_system", "file_descriptor"):
        raise AssertionError(f"{new_strategy} is not a sharing strategy")


def __getattr__(name: str) -> Any:
    raise AttributeError(f"module 'torch.multiprocessing' has no attribute '{name}'")
