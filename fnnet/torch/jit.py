"""torch.jit as PyTorch has it with PYTORCH_JIT=0: scripted and traced functions are the Python functions.

What a TorchScript program is beyond its function (a file, a frozen graph) is refused by name.
"""

from __future__ import annotations

import contextlib
import sys as _sys
from builtins import isinstance as _is
from collections.abc import Iterator
from types import ModuleType as _ModuleType
from types import UnionType
from typing import Any, Final, Optional, TypeVar, Union, get_args, get_origin

from fnnet.torch.futures import Future
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


class TracerWarning(Warning):
    """What PyTorch says of traces that lose something; nothing is traced here."""

    @staticmethod
    def ignore_lib_warnings() -> None:
        """There is nothing to ignore."""


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


def _overload(func: _T) -> _T:
    """The function as it is: the last definition of a name is the one that runs."""
    return func


_overload_method = _overload


def isinstance(obj: Any, target_type: Any) -> bool:
    """Whether it is of a type, whose parts (`list[Tensor]`) are looked at too."""
    if target_type is Any:
        return True
    origin, parts = get_origin(target_type), get_args(target_type)
    if origin is None:
        kinds = target_type if _is(target_type, tuple) else (target_type,)
        return any(obj is None if one is None else _is(obj, one) for one in kinds)
    if origin is Union or origin is UnionType:
        return any(isinstance(obj, one) for one in parts)
    if not _is(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, parts[0]) and isinstance(v, parts[1]) for k, v in obj.items())
    if origin is tuple and parts[-1:] != (...,):
        return len(obj) == len(parts) and all(map(isinstance, obj, parts))
    return all(isinstance(one, parts[0]) for one in obj)


def annotate(the_type: Any, the_value: _T) -> _T:
    """The value."""
    return the_value


def Attribute(value: _T, type: Any) -> _T:
    """The value."""
    return value


def fork(func: Any, *args: Any, **kwargs: Any) -> Future[Any]:
    """Call the function now; `wait` gives what it returned."""
    made: Future[Any] = Future()
    made.set_result(func(*args, **kwargs))
    return made


def wait(future: Future[Any]) -> Any:
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
