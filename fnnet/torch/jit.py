"""torch.jit by name: TorchScript is not here, and says so; what only marks functions returns them."""

from __future__ import annotations

from typing import Any


def _lacking(name: str) -> Any:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"fnnet: torch.jit.{name} (TorchScript); use fnnet.functionalize")

    refuse.__name__ = name
    refuse.__doc__ = "Raises NotImplementedError."
    return refuse


script, trace, load, save, freeze, trace_module, script_method = map(
    _lacking, ("script", "trace", "load", "save", "freeze", "trace_module", "script_method")
)


class ScriptModule:
    """No module is one."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("fnnet: torch.jit.ScriptModule (TorchScript)")


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function as it is."""
    return drop if callable(drop) else lambda function: function


def export(function: Any) -> Any:
    """The function as it is."""
    return function


unused = export


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False
