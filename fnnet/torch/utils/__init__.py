"""torch.utils: data loading, hooks and what else PyTorch keeps there."""

from importlib import import_module as _import_module
from typing import Any

from fnnet.torch.missing import missing as _missing

_MODULES = (
    "_python_dispatch",
    "_pytree",
    "benchmark",
    "checkpoint",
    "data",
    "dlpack",
    "hooks",
    "model_zoo",
    "weak",
)


def __getattr__(name: str) -> Any:
    """Submodules are imported when they are first named."""
    if name in _MODULES:
        return _import_module(f"{__name__}.{name}")
    raise _missing("torch.utils", name)
