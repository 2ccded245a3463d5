"""torch.multiprocessing: Python's module. Tensors go to other processes as copies, unless `share_memory_` was
called, which shares what they hold (see `shared.py`)."""

from __future__ import annotations

import multiprocessing as _python
from multiprocessing import *  # noqa: F403
from typing import Any

from fnnet.torch.places import spell as _spell
from fnnet.torch.processes import ProcessContext as ProcessContext
from fnnet.torch.processes import ProcessException as ProcessException
from fnnet.torch.processes import ProcessExitedException as ProcessExitedException
from fnnet.torch.processes import ProcessRaisedException as ProcessRaisedException
from fnnet.torch.processes import spawn as spawn
from fnnet.torch.processes import start_processes as start_processes

__path__: list[str] = []  # what makes this module a package to the import system


def get_all_sharing_strategies() -> set[str]:
    """One: files, in memory where the system has such."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """The one there is."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Accepts "file_system" and "file_descriptor", which change nothing."""
    if new_strategy not in ("file_system", "file_descriptor"):
        raise AssertionError(
            f"invalid sharing strategy '{new_strategy}', expected one of {{'file_descriptor', 'file_system'}}"
        )


def __getattr__(name: str) -> Any:
    if name in ("connection", "pool", "queues", "synchronize", "reduction", "shared_memory"):
        return getattr(_python, name)
    raise AttributeError(f"module 'torch.multiprocessing' has no attribute '{name}'")


_spell(
    f"{__name__}.spawn",
    ProcessContext=ProcessContext,
    ProcessException=ProcessException,
    ProcessExitedException=ProcessExitedException,
    ProcessRaisedException=ProcessRaisedException,
    spawn=spawn,
    start_processes=start_processes,
)
