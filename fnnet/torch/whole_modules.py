"""Whole modules in files of `torch.save`: which classes a file may name, how objects are written.

A file names them; it brings no code. An object is made without calling anything of its class, and only of a
class that the running program has defined or imported already: a network, a part of fnnet,
`argparse.Namespace`, or a plain class of the script and of the modules beside it. Of functions it may name
the script's own and those that compute. Nothing is imported but fnnet's own.
"""

from __future__ import annotations

import argparse
import copyreg
import enum
import importlib
import re
import sys
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from fnnet.checkpoint.pickle_stream import Refusal
from fnnet.checkpoint.pt_vocabulary import Torch
from fnnet.checkpoint.pt_write import Name, named
from fnnet.layers.layer import Layer
from fnnet.torch.presented import NO_MODULE, elsewhere, is_own, place_of
from fnnet.torch.return_types import type_of
from fnnet.torch.tensor import Tensor

__all__ = ["SAFE", "find", "object_of", "reduced", "reference", "state_into"]

SAFE: list[Any] = []
"""What `add_safe_globals` allows a file to name that is read with weights_only=True."""

_CUSTOM = (
    "__reduce__",
    "__reduce_ex__",
    "__setstate__",
    "__getstate__",
    "__new__",
    "__del__",
    "__getnewargs_ex__",
)
_TWO = frozenset(
    ("cummax", "cummin", "kthvalue", "max", "median", "min", "mode", "nanmedian", "sort", "topk")
)
"""Operations that return values and their indices."""
_NO_LIBRARIES = sys.stdlib_module_names | {"__main__", "torch", "fnnet"}
_COMPUTING = ("declare", "function_forms", "nn.functional", "nn.init")
"""Where fnnet's functions are defined that a file may name: they compute, and open, run and set nothing."""
_INSTALLED = frozenset(("site-packages", "dist-packages"))
"""Folders of libraries: an environment often lies beside the script."""
_PLACES_OF_C = {"torch._C._nn": "torch.nn.functional"}
_PLACES = ("fnnet.torch.nn.functional", "fnnet.torch.nn.modules.linear", "fnnet.torch")


def _base() -> type:
    from fnnet.torch.nn.module import Module

    return Module


def find(module: str, name: str, weights_only: bool) -> Any:
    """The class or function of that name, if the program has it and a file may name it; else None."""
    for given in SAFE:
        if isinstance(given, tuple) and _named_as(given) == f"{module}.{name}":
            return given[0] if isinstance(given[0], type | FunctionType) and _allowed(given[0]) else None
    module = _PLACES_OF_C.get(module, module)
    if module.partition(".")[0] in ("torch", "torchvision"):
        module = f"fnnet.{module}"
        if module.startswith("fnnet.torch.nn.modules"):
            importlib.import_module("fnnet.torch.nn.modules")  # where PyTorch says that its own are
    if module == "fnnet.torch.return_types" and name in _TWO and not weights_only:
        return type_of(name, ("values", "indices"))
    thing: Any = sys.modules.get(module, NO_MODULE if module.startswith("fnnet.torch.") else None)
    for part in name.split("."):
        if thing is None or not (isinstance(thing, type | ModuleType)):
            return None
        found = vars(thing).get(part)
        if found is None and isinstance(thing, ModuleType) and module.startswith("fnnet."):
            found = elsewhere(module.removeprefix("fnnet."), part)
        thing = found
    if not isinstance(thing, type | FunctionType) or not (_allowed(thing) or _is_own_class(thing)):
        return None
    trusted = isinstance(thing, type) and issubclass(thing, Layer)
    return thing if trusted or not weights_only or any(thing is one for one in SAFE) else None


def _is_own_class(thing: Any) -> bool:
    return isinstance(thing, type) and is_own(thing.__module__)


def is_safe(module: str, name: str) -> bool:
    """Whether `add_safe_globals` was given what files know by this name."""
    module = {"__builtin__": "builtins"}.get(module, module)
    return any(_named_as(one) == f"{module}.{name}" for one in SAFE)


def _named_as(given: Any) -> str:
    """The name that files have for what `add_safe_globals` was given."""
    if not isinstance(given, tuple):
        return f"{getattr(given, '__module__', None)}.{getattr(given, '__qualname__', None)}"
    if len(given) != 2:
        raise ValueError(
            "Expected tuple of length 2 (global, str of callable full path), but got tuple of length: "
            f"{len(given)}"
        )
    if type(given[1]) is not str:
        raise TypeError(
            f"Expected second item in tuple to be str of callable full path, but got: {type(given[1])}"
        )
    return given[1]


def value_of(kind: Any, arguments: tuple[Any, ...]) -> Any:
    """A named tuple or a member of an enumeration, made without calling its class."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        members = kind._value2member_map_
        if len(arguments) == 1 and type(arguments[0]) in (int, str) and arguments[0] in members:
            return members[arguments[0]]
        raise Refusal(f"a {kind.__name__} that it does not have")
    if kind.__module__ == type_of.__module__ and len(arguments) == 2 and type(arguments[0]) is tuple:
        arguments = arguments[0]  # and nothing of what such tuples hold without showing it
    if _is_named_tuple(kind) and len(arguments) == len(kind._fields):
        return tuple.__new__(kind, arguments)
    raise Refusal(f"a {getattr(kind, '__name__', 'thing')} of arguments")


def _is_named_tuple(kind: Any) -> bool:
    return (
        isinstance(kind, type)
        and issubclass(kind, tuple)
        and type(getattr(kind, "_fields", None)) is tuple
        and any(base in (kind, kind.__base__) for base in kind.__mro__ if base.__base__ is tuple)
    )


def _allowed(thing: type | FunctionType) -> bool:
    own = _is_of_program(thing.__module__)
    if isinstance(thing, FunctionType):
        return own or thing.__module__.removeprefix("fnnet.torch.") in _COMPUTING
    if issubclass(thing, _base()):
        return not any(_overrides(thing, name) for name in _CUSTOM)
    if issubclass(thing, Layer) or thing is argparse.Namespace:
        return True
    if own and (issubclass(thing, enum.Enum) or _is_named_tuple(thing)):
        return True
    if issubclass(thing, Tensor):
        return own and not any(_overrides(thing, name) for name in _CUSTOM)
    return own and "__dict__" in dir(thing) and not any(_overrides(thing, name) for name in _CUSTOM)


def _overrides(kind: type, name: str) -> bool:
    for one in kind.__mro__:
        if name in vars(one):
            return one is not object and one is not _base() and one is not Tensor
    return False


def _is_of_program(module: str) -> bool:
    """Whether a module is the script itself, or lies in the script's folder and is no installed library."""
    if module == "__main__":
        return True
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    file = getattr(sys.modules.get(module), "__file__", None)
    if script is None or file is None or module.partition(".")[0] in sys.stdlib_module_names:
        return False
    folder = Path(script).absolute().parent
    path = Path(file).absolute()
    return path.is_relative_to(folder) and _INSTALLED.isdisjoint(path.relative_to(folder).parts)


def names_a_library(refused: str) -> bool:
    """Whether a refusal is of a class of an installed library, and not of Python, fnnet or the program.

    Modules are not meant: for them there are state_dicts.
    """
    found = re.search(rf"it names '([\w.]+)\.(\w+)', {re.escape(Torch.needs)}", refused)
    if found is None:
        return False
    module, name = found.groups()
    if module.partition(".")[0] in _NO_LIBRARIES or is_own(module) or _is_of_program(module):
        return False
    thing = vars(sys.modules.get(module, NO_MODULE)).get(name)
    return isinstance(thing, type) and not issubclass(thing, (_base(), Tensor))


def object_of(kind: type) -> Any:
    """An object of a class without its state; no code of the class runs."""
    if not _allowed(kind) or issubclass(kind, enum.Enum | tuple | Tensor):
        raise Refusal(f"an object of {kind.__module__}.{kind.__qualname__}, which is only named")
    return object.__new__(kind)


def state_into(made: Any, state: dict[str, Any]) -> None:
    """Give an object its attributes."""
    if isinstance(made, _base()):
        from fnnet.torch.nn.stored import restore

        restore(made, state)
    else:
        made.__dict__.update(state)


def reference(thing: Any) -> Name:
    """How a class or function of fnnet is named in a file: by PyTorch's name, if it has one.

    Raises NotImplementedError for one that a file could not name.
    """
    name = thing.__qualname__
    own = thing.__module__.removeprefix("fnnet.")
    for module in (place_of(own, name), thing.__module__, *_PLACES):
        if module is not None and find(module, name, False) is thing:
            return named(module.removeprefix("fnnet.") if module.startswith("fnnet.torch") else module, name)
    raise NotImplementedError(
        f"torch.save: {thing!r} cannot be named in a file: it is no class or function of a module"
    )


def reduced(made: Any) -> Any:
    """The reduction of an object: its class and its attributes. NotImplemented for what is no module.

    Raises NotImplementedError for a module with hooks.
    """
    kind = type(made)
    if not isinstance(made, _base()):
        return NotImplemented
    from fnnet.torch.nn.stored import state_of

    return copyreg.__newobj__, (kind,), state_of(made)  # type: ignore[attr-defined]
