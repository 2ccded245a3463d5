"""torch.utils: data loading, hooks and what else PyTorch keeps there."""

from importlib import import_module as _import_module
from typing import Any


def __getattr__(name: str) -> Any:
    """Submodules are imported when they are first named."""
    if name in ("data", "hooks"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(
        f"module 'torch.utils' has no attribute '{name}' in fnnet (fnnet.torch.utils.{name})"
    )
