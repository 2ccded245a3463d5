"""Names in graphs: what PyTorch calls a function, and names that no two nodes share."""

from __future__ import annotations

import builtins
import importlib
import inspect
import json
import keyword
import math
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FunctionType, GenericAlias, ModuleType
from typing import Any

from fnnet.torch.places import spell
from fnnet.torch.presented import is_own, place_of
from fnnet.torch.tensor import Tensor

__all__ = [
    "Namespace",
    "functions",
    "handed_on",
    "is_from_torch",
    "methods",
    "module_of",
    "public",
    "qualified_name",
    "type_name",
]

_PLACES = ("torch", "torch.nn.functional", "torch.linalg", "torch.special", "torch.fft")
_OPERATORS = {
    "__add__": "add", "__sub__": "sub", "__mul__": "mul", "__truediv__": "div", "__mod__": "remainder",
    "__pow__": "pow", "__matmul__": "matmul", "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le",
    "__gt__": "gt", "__ge__": "ge",
    **{
        f"__{name}__": f"__{name}__"
        for name in ("floordiv", "and", "or", "xor", "lshift", "rshift", "getitem")
    },
}  # fmt: skip
"""Operators of tensors, with the names by which they show if the other side is a proxy."""

_PRIVATE = ("_assert", "_assert_async", "_shape_as_tensor", "_weight_norm")
"""Functions that programs call though their names begin with an underscore."""

_PARTS = re.compile(r"^([a-zA-Z_][0-9a-zA-Z_]*?)(?:_(\d+))?$")
_NO_LETTERS = re.compile("[^0-9a-zA-Z_]+")
_HUMP = re.compile(r"(?<=[a-z])([A-Z])")


def module_of(place: str) -> ModuleType:
    """The module that PyTorch calls `place`, in fnnet."""
    return importlib.import_module(f"fnnet.{place}")


@cache
def calls() -> dict[str, dict[str, Any]]:
    """By name: how functions show in PyTorch's graphs that do not show as they are called; recorded."""
    found = json.loads(Path(__file__).with_name("calls.json").read_text(encoding="utf-8"))
    return dict(found)


@cache
def functions() -> dict[Any, str]:
    """The functions that take tensors, with the names by which programs call them."""
    found: dict[Any, str] = {}
    for place in _PLACES:
        for name, function in list(vars(module_of(place)).items()):
            if isinstance(function, FunctionType) and (name[0] != "_" or name in _PRIVATE):
                found.setdefault(function, f"{place}.{name}")
    by_name = {name: function for function, name in found.items()}
    for name, function in vars(module_of("torch.nn.functional"))["OPERATIONS"].items():
        for place in ("torch.nn.functional", "torch"):  # what layers call
            if f"{place}.{name}" in by_name:
                found.setdefault(function, f"{place}.{name}")
                break
    for name, told in calls().items():
        target = told.get("target")
        module, _, last = name.rpartition(".")
        function = vars(module_of(module)).get(last)
        if target is not None and function is not None and not _stands(target):
            where, _, key = target.rpartition(".")
            spell(f"fnnet.{where}", **{key: function})
    return found


def _stands(target: str) -> bool:
    thing: Any = module_of("torch")
    for part in target.split(".")[1:]:
        thing = getattr(thing, part, None)
    return thing is not None


def public(function: Any) -> Any:
    """The function that programs know by the same name."""
    name = functions().get(function)
    if name is None:
        return function
    module, _, last = name.rpartition(".")
    return vars(module_of(module)).get(last, function)


@cache
def methods() -> dict[Any, str]:
    """The methods of tensors, with the names by which they show."""
    found: dict[Any, str] = {}
    for name, method in sorted(vars(Tensor).items(), key=lambda one: one[0].startswith("_")):
        if isinstance(method, FunctionType) and (not name.startswith("_") or name in _OPERATORS):
            found.setdefault(method, _OPERATORS.get(name, name))
    return found


def handed_on(function: Any) -> dict[str, Any]:
    """How a function hands its arguments on to what shows in the graph; empty if as they are given."""
    return calls().get(functions().get(function, ""), {})


def _home(thing: Any) -> str:
    """The module in which PyTorch has a class or function of fnnet's; else its own."""
    module = getattr(thing, "__module__", None) or ""
    if not is_own(module):
        return str(module)
    own = module.removeprefix("fnnet.")
    return place_of(own, thing.__name__) or own


def qualified_name(function: Callable[..., Any]) -> str:
    """The name by which PyTorch's code calls a function: "torch.cat", "builtins" without a module.

    Raises RuntimeError for a lambda whose source is not to be had.
    """
    name = function.__name__
    if getattr(builtins, name, None) is function:
        return name
    try:
        spelled = functions().get(function)
    except TypeError:  # not hashable
        spelled = None
    if spelled is not None:
        return str(calls().get(spelled, {}).get("target", spelled))
    if vars(Tensor).get(name) is function:
        return f"torch.Tensor.{name}"
    if name == "<lambda>":
        try:
            name = inspect.getsource(function).split("=")[0].strip()
        except OSError as error:
            raise RuntimeError("Unable to represent lambda") from error
    return f"{_home(function)}.{name}"


def is_from_torch(thing: Any) -> bool:
    """Whether code names it by its path from `torch`."""
    try:
        if thing in functions():
            return True
    except TypeError:
        return False
    home = _home(thing) if hasattr(thing, "__name__") else ""
    return home == "torch" or home.startswith("torch.")


def type_name(thing: Any) -> str:
    """A type as annotations show it."""
    if isinstance(thing, type) and not isinstance(thing, GenericAlias):
        home = _home(thing)
        return thing.__qualname__ if home == "builtins" else f"{home}.{thing.__qualname__}"
    if thing is ...:
        return "..."
    return thing.__name__ if isinstance(thing, FunctionType) else repr(thing)


def snake_case(name: str) -> str:
    """`LayerNorm` as `layer_norm`."""
    return _HUMP.sub(r"_\1", name).lower()


@cache
def custom_builtins() -> dict[str, tuple[str, Any]]:
    """What all code finds among its globals: the line that would import it, and the thing."""
    torch = module_of("torch")
    pytree = module_of("torch.utils._pytree")
    return {
        "inf": ("from math import inf", math.inf),
        "nan": ("from math import nan", math.nan),
        "NoneType": ("NoneType = type(None)", type(None)),
        "torch": ("import torch", torch),
        "device": ("from torch import device", vars(torch)["device"]),
        "fx_pytree": ("import torch.fx._pytree as fx_pytree", module_of("torch.fx._pytree")),
        "pytree": ("import torch.utils._pytree as pytree", pytree),
    }


@cache
def _taken() -> dict[str, Any]:
    taken: dict[str, Any] = {word: object() for word in keyword.kwlist}
    taken.update(vars(builtins))
    taken.update({name: thing for name, (_, thing) in custom_builtins().items()})
    return taken


class Namespace:
    """Names that are given once each, and hide no builtin."""

    def __init__(self) -> None:
        self.names: dict[Any, str] = {}
        self.used: set[str] = set()
        self.counts: dict[str, int] = {}

    def create_name(self, candidate: str, thing: Any) -> str:
        """A name like `candidate` that is not given yet; the same again for the same thing."""
        if thing is not None and thing in self.names:
            return self.names[thing]
        parts = _PARTS.match(candidate)
        if parts is None:
            candidate = _NO_LETTERS.sub("_", candidate) or "_unnamed"
            if candidate[0].isdigit():
                candidate = f"_{candidate}"
            parts = _PARTS.match(candidate)
            assert parts is not None
        base, digits = parts.group(1, 2)
        if digits is None or candidate in self.used:
            number = self.counts.get(base, 0)
            if _taken().get(candidate, thing) is not thing:
                number += 1
                candidate = f"{base}_{number}"
        else:
            number = int(digits)
        while candidate in self.used:
            number += 1
            candidate = f"{base}_{number}"
        self.used.add(candidate)
        self.counts[base] = number
        if thing is not None:
            self.names[thing] = candidate
        return candidate

    def associate_name_with_obj(self, name: str, thing: Any) -> None:
        """Say that a thing has a name, which is given elsewhere."""
        if self.names.setdefault(thing, name) is not name:
            raise AssertionError("obj is already associated")

    def rename(self, thing: Any, name: str) -> None:
        """Give a thing another name."""
        self.names[thing] = name
        self.used.add(name)
