"""An entry of op_db as PyTorch and fnnet.torch spell it: function, method, in-place forms."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from judge.sides import Action, Side
from judge.tally import SEED

Call = Callable[..., Any]


class Missing(Exception):
    """fnnet.torch has no such name."""


def path(lib: Any, name: str) -> Any:
    """`torch.<name>`; None if there is none."""
    found = lib
    for part in name.split("."):
        found = getattr(found, part, None)
        if found is None:
            return None
    return found


def _rebound(function: Any, side: Side) -> Any:
    """A function of PyTorch's test data with `torch` meaning this side's."""
    import torch

    def seeded(op: Any, *args: Any, **kwargs: Any) -> Any:
        side.lib.manual_seed(SEED)
        return _translated_function(op, side)(*args, **kwargs)

    names = {"torch": side.lib, "wrapper_set_seed": seeded}
    del torch
    cells = function.__closure__
    made = types.FunctionType(
        function.__code__, {**function.__globals__, **names}, function.__name__, function.__defaults__, cells
    )
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def _translated_function(op: Any, side: Side) -> Any:
    name, module = getattr(op, "__name__", ""), getattr(op, "__module__", None) or ""
    if side.name == "torch" or module.startswith("fnnet"):
        return op
    own = [module.removeprefix("torch.") + "."] if module.startswith("torch.") else []
    for place in (*own, "", "nn.functional.", "linalg.", "special.", "fft."):
        if path(side.lib, place + name) is not None:
            return path(side.lib, place + name)
    return op


def function_of(entry: Any, side: Side) -> Call:
    """The operation of an entry as a function of this side. Raises Missing."""
    import torch

    if side.name == "torch":
        return entry.op
    name = entry.name
    if path(torch, name) is entry.op or getattr(torch, name, None) is entry.op:
        found = path(side.lib, name)
    elif getattr(torch.Tensor, name, None) is entry.op:
        found = getattr(side.lib.Tensor, name, None)
    elif isinstance(entry.op, types.FunctionType):
        return _rebound(entry.op, side)
    else:
        found = path(side.lib, name)
    if found is None:
        raise Missing(name)
    return found


def method_of(entry: Any, side: Side, variant: Any) -> Call | None:
    """A method of Tensor by PyTorch's own."""
    import torch

    if variant is None:
        return None
    if isinstance(variant, functools.partial):  # nn.functional.mish, inplace=True
        found = path(side.lib, f"nn.functional.{variant.func.__name__}")
        return functools.partial(found, **variant.keywords)
    if isinstance(variant, types.FunctionType) and variant.__module__.startswith("torch.testing"):
        return _rebound(variant, side)
    if side.name == "torch":
        return variant
    name = variant.__name__
    if getattr(torch.Tensor, name, None) is None:
        return None
    found = getattr(side.lib.Tensor, name, None)
    if found is None:
        raise Missing(f"Tensor.{name}")
    return found


def call_function(entry: Any) -> Action:
    """Calls the function of an entry."""
    return lambda side, args, kwargs: function_of(entry, side)(*args, **kwargs)


def inplaces(entry: Any) -> list[tuple[str, Callable[[Side], Call]]]:
    """The in-place forms of an entry by name."""
    found: list[tuple[str, Callable[[Side], Call]]] = []
    variant = entry.inplace_variant
    if variant is not None:
        found.append(("", lambda s: method_of(entry, s, variant)))  # type: ignore[arg-type, return-value]
    operator = getattr(entry, "inplace_operator_variant", None)
    if operator is not None:
        found.append((" operator", lambda s: operator))
    for alias in entry.aliases:
        if alias.inplace_variant is not None:
            found.append((f" {alias.name}", lambda s, v=alias.inplace_variant: method_of(entry, s, v)))  # type: ignore[misc]
    return found
