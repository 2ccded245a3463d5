"""torch.utils: data loading, hooks and what else PyTorch keeps there."""

from importlib import import_module as _import_module
from typing import Any

from fnnet.torch.missing import missing as _missing


def __getattr__(name: str) -> Any:
    """Submodules are imported when they are first named."""
    if name in ("_pytree", "benchmark", "checkpoint", "data", "hooks"):
        return _import_module(f"{__name__}.{name}")
    raise _missing("torch.utils", name)
