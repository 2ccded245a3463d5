"""Calls of PyTorch's functions with proxies: they become nodes instead of being run.

While a function is traced, and while a proxy is alive that somebody made by hand, the functions and methods
that take tensors are watched (see `fnnet/torch/watched.py`): a call that gets a proxy goes to its tracer.
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

from fnnet.torch.fx.naming import functions, handed_on, methods, public, qualified_name
from fnnet.torch.nn import derive
from fnnet.torch.tensor import Tensor
from fnnet.torch.watched import Watch

__all__ = ["attend", "begin", "end", "find_proxy"]

_numbers = itertools.count()
_REASONS: set[Any] = set()
"""Why functions are watched: functions that are being traced, and proxies of others."""


def find_proxy(*values: Any) -> Any:
    """A proxy among values, or in containers among them; None if there is none."""
    from fnnet.torch.fx.proxy import Proxy

    for one in values:
        if isinstance(one, Proxy):
            return one
        if isinstance(one, list | tuple):
            found = find_proxy(*one)
        elif isinstance(one, dict):
            found = find_proxy(*one.values())
        elif isinstance(one, slice):
            found = find_proxy(one.start, one.stop, one.step)
        else:
            continue
        if found is not None:
            return found
    return None


def _as_handed_on(
    function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as PyTorch's function hands them on. Raises TypeError as a call of it would."""
    told = handed_on(function)
    if function.__name__ == "einsum" and len(args) == 2 and isinstance(args[1], list | tuple):
        return (args[0], *args[1]), kwargs
    if function.__name__ == "meshgrid":
        return args, {"indexing": None, **kwargs}
    if "params" not in told:
        return args, kwargs
    names = [one[0] for one in told["params"]]
    name = function.__name__
    if len(args) > len(names):
        raise TypeError(f"{name}() takes {len(names)} positional arguments but {len(args)} were given")
    bound = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        if key not in names:
            raise TypeError(f"{name}() got an unexpected keyword argument '{key}'")
        if key in bound:
            raise TypeError(f"{name}() got multiple values for argument '{key}'")
        bound[key] = value
    for key, *default in told["params"]:
        if key not in bound:
            if not default:
                raise TypeError(f"{name}() missing 1 required positional argument: '{key}'")
            bound[key] = default[0]
    return tuple(bound[key] for key in told["args"]), {key: bound[of] for key, of in told["kwargs"].items()}


def _function(
    function: FunctionType, further: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    proxy = find_proxy(args, kwargs)
    if proxy is None:
        return further(*args, **kwargs)
    args, kwargs = _as_handed_on(function, args, kwargs)
    return type(proxy).__torch_function__(public(function), (type(proxy),), args, kwargs)


def _method(
    function: FunctionType, further: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    proxy = find_proxy(args[1:], kwargs)
    if proxy is None or not isinstance(args[0], Tensor):
        return further(*args, **kwargs)
    return type(proxy).__torch_function__(function, (type(proxy),), args, kwargs)


def _holds(
    function: FunctionType, further: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    return find_proxy(args) is not None or further(*args, **kwargs)


@cache
def _watches() -> list[Watch]:
    taking = [one for one in functions() if one not in methods()]
    return [Watch(taking, _function), Watch(methods(), _method), Watch([derive._holds_tensor], _holds)]


def target_name(function: Any) -> str:
    """The last part of the name by which PyTorch shows a function, of which its node's name is made."""
    return qualified_name(function).rpartition(".")[2]


def begin(reason: Any) -> None:
    """Let functions look for proxies, until `end` of the same reason."""
    if not _REASONS:
        for watch in _watches():
            watch.start()
    _REASONS.add(reason)


def end(reason: Any) -> None:
    """Let functions alone, if there is no other reason."""
    _REASONS.discard(reason)
    if not _REASONS:
        for watch in _watches():
            watch.stop()


def attend(proxy: Any) -> None:
    """Let functions look for proxies for as long as this one lives."""
    reason = next(_numbers)
    begin(reason)
    weakref.finalize(proxy, end, reason).atexit = False
