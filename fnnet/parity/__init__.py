"""The ruler: shows that fnnet computes what PyTorch computes."""

from importlib import import_module as _import_module
from typing import Any

_EXPORTS = {
    "ParityError": "checking",
    "Report": "checking",
    "check": "checking",
    "Record": "recorded",
    "record": "recording",
    "Trace": "tracing",
    "tap": "watching",
    "tapped": "watching",
    "trace": "tracing",
    "trace_updates": "updating",
}


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'fnnet.parity' has no attribute '{name}'")
    value = getattr(_import_module(f"fnnet.parity.{_EXPORTS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
