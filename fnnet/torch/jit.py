"""torch.jit as PyTorch has it with PYTORCH_JIT=0: scripted and traced functions are the Python functions.

What a TorchScript program is beyond its function (a file, a frozen graph) is refused by name.
"""

from __future__ import annotations

import contextlib
import sys as _sys
from collections.abc import Iterator
from types import ModuleType as _ModuleType
from typing import Any, Final, Optional, TypeVar, Union

from fnnet.torch.missing import refusal
from fnnet.torch.nn.module import Module

_T = TypeVar("_T")
_INSTEAD = "fnnet runs scripted functions as Python; use state_dict() or fnnet.functionalize"
save = refusal("torch.jit.save", _INSTEAD)
load = refusal("torch.jit.load", _INSTEAD)
freeze = refusal("torch.jit.freeze", _INSTEAD)
optimize_for_inference = refusal("torch.jit.optimize_for_inference", _INSTEAD)

__all__ = [
    "Attribute", "Error", "Final", "Future", "ScriptFunction", "ScriptModule", "annotate", "export", "fork",
    "freeze", "ignore", "interface", "is_scripting", "is_tracing", "load", "optimize_for_inference",
    "optimized_execution", "save", "script", "script_if_tracing", "script_method", "set_fusion_strategy",
    "trace", "trace_module", "unused", "wait",
]  # fmt: skip


class ScriptModule(Module):
    """A module: what is scripted runs as Python."""

    def __init__(self, arg: Any = None) -> None:
        super().__init__()


class Error(RuntimeError):
    """What a scripted function raises in PyTorch; here, functions raise their own errors."""


RecursiveScriptModule = ScriptModule
TopLevelTracedModule = ScriptModule
ScriptFunction = refusal("torch.jit.ScriptFunction", _INSTEAD)


def script(obj: _T, *args: Any, **kwargs: Any) -> _T:
    """The function, class or module as it is."""
    return obj


def trace(func: _T, *args: Any, **kwargs: Any) -> _T:
    """The function or module as it is, with its Python control flow."""
    return func


def trace_module(mod: _T, inputs: Any, *args: Any, **kwargs: Any) -> _T:
    """The module as it is."""
    return mod


def script_method(fn: _T) -> _T:
    """The method as it is."""
    return fn


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function as it is."""
    return drop if callable(drop) else lambda function: function


def export(fn: _T) -> _T:
    """The function as it is."""
    return fn


unused = export
interface = export
script_if_tracing = export


def annotate(the_type: Any, the_value: _T) -> _T:
    """The value."""
    return the_value


def Attribute(value: _T, type: Any) -> _T:
    """The value."""
    return value


class Future:
    """What `fork` gives: the function has been called already."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def wait(self) -> Any:
        """What the function returned."""
        return self._value

    def value(self) -> Any:
        """What the function returned."""
        return self._value


def fork(func: Any, *args: Any, **kwargs: Any) -> Future:
    """Call the function now; `wait` gives what it returned."""
    return Future(func(*args, **kwargs))


def wait(future: Future) -> Any:
    """What the forked function returned."""
    return future.wait()


@contextlib.contextmanager
def optimized_execution(should_optimize: bool) -> Iterator[None]:
    """Changes nothing: every record is compiled."""
    yield


def set_fusion_strategy(strategy: Any) -> list[tuple[str, int]]:
    """Changes nothing: XLA decides what is fused. The strategy that is said to have been there."""
    return [("STATIC", 2), ("DYNAMIC", 10)]


_types = _ModuleType(f"{__name__}.annotations", "The types that annotations of scripted functions name.")
vars(_types).update(List=list, Tuple=tuple, Dict=dict, Optional=Optional, Union=Union)
globals()["annotations"] = _sys.modules[_types.__name__] = _types
__path__: list[str] = []  # what makes this module a package to the import system


def is_scripting() -> bool:
    """False."""
    return False


def is_tracing() -> bool:
    """False."""
    return False
