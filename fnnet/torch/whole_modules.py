"""Whole modules in files of `torch.save`: which classes a file may name, how objects are written.

A file names them; it brings no code. An object is made without calling anything of its class, and only of a
class that the running program has defined or imported already: a network, a part of fnnet,
`argparse.Namespace`, or a plain class of the script and of the modules beside it. Nothing is imported but
fnnet's own.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from fnnet.checkpoint.pt_write import Global
from fnnet.layers.layer import Layer
from fnnet.torch.presented import is_own

__all__ = ["SAFE", "find", "is_of_pytorch", "object_of", "reference", "state_into", "write_object"]

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
_PLACES = ("fnnet.torch.nn.functional", "fnnet.torch.nn.modules.linear", "fnnet.torch")


def _base() -> type:
    from fnnet.torch.nn.module import Module

    return Module


def find(module: str, name: str, weights_only: bool) -> Any:
    """The class or function of that name, if the program has it and a file may name it; else None."""
    if module.partition(".")[0] in ("torch", "torchvision"):
        module = f"fnnet.{module}"
        if module.startswith("fnnet.torch.nn.modules"):
            importlib.import_module("fnnet.torch.nn.modules")  # where PyTorch says that its own are
    thing: Any = sys.modules.get(module)
    for part in name.split("."):
        if thing is None or not (isinstance(thing, type) or thing is sys.modules.get(module)):
            return None
        thing = vars(thing).get(part)
    if not isinstance(thing, type | FunctionType) or not _allowed(thing):
        return None
    trusted = isinstance(thing, type) and issubclass(thing, Layer)
    return thing if trusted or not weights_only or any(thing is one for one in SAFE) else None


def _allowed(thing: type | FunctionType) -> bool:
    own = _is_of_program(thing.__module__)
    if isinstance(thing, FunctionType):
        return own or is_own(thing.__module__)
    if issubclass(thing, _base()):
        return not any(_overrides(thing, name) for name in _CUSTOM)
    if issubclass(thing, Layer) or thing is argparse.Namespace:
        return True
    return own and "__dict__" in dir(thing) and not any(_overrides(thing, name) for name in _CUSTOM)


def _overrides(kind: type, name: str) -> bool:
    for one in kind.__mro__:
        if name in vars(one):
            return one is not object and one is not _base()
    return False


def _is_of_program(module: str) -> bool:
    """Whether a module is the script itself, or lies in the script's folder."""
    if module == "__main__":
        return True
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    file = getattr(sys.modules.get(module), "__file__", None)
    if script is None or file is None:
        return False
    return os.path.dirname(os.path.abspath(file)).startswith(os.path.dirname(os.path.abspath(script)))


def object_of(kind: type) -> Any:
    """An object of a class without its state; no code of the class runs."""
    return object.__new__(kind)


def is_of_pytorch(made: Any, state: dict[str, Any]) -> bool:
    """Whether this is a module as PyTorch writes it, with its hooks, and with other attributes than here."""
    return isinstance(made, _base()) and any(str(name).endswith("_hooks") for name in state)


def state_into(made: Any, state: dict[str, Any]) -> None:
    """Give an object its attributes."""
    if isinstance(made, _base()):
        _base().__setstate__(made, state)  # type: ignore[attr-defined]
    else:
        made.__dict__.update(state)


def reference(thing: Any) -> Global | None:
    """How a class or function is named in a file; None if a file could not name it."""
    for module in (getattr(thing, "__module__", None), *_PLACES):
        if isinstance(module, str) and find(module, thing.__qualname__, False) is thing:
            return Global(module, thing.__qualname__)
    return None


def write_object(made: Any) -> Global | None:
    """How an object is written: its class and its attributes. None if it is not one of those that are read.

    Raises NotImplementedError for a module with hooks, or of a class that pickles in its own way.
    """
    kind = type(made)
    if isinstance(made, type | FunctionType):
        named = reference(made)
        if named is None:
            raise NotImplementedError(
                f"torch.save: {made!r} cannot be named in a file: it is no class or function of a module"
            )
        return named
    is_module = isinstance(made, _base())
    if not (is_module or isinstance(made, Layer | argparse.Namespace) or _is_of_program(kind.__module__)):
        return None
    named = reference(kind)
    if named is None:
        raise NotImplementedError(
            f"torch.save: an object of {kind.__module__}.{kind.__qualname__}: its class is local, has "
            "slots, or pickles in its own way; save the module's state_dict() instead"
        )
    state = dict(_plain_state(made)) if is_module else dict(vars(made))
    if hasattr(kind, "_further_state"):
        state.update(made._further_state())
    return Global(named.module, named.name, (), state, new=True)


def _plain_state(module: Any) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        if name.endswith("_hooks"):
            if value:
                raise NotImplementedError(
                    f"torch.save: a {type(module).__name__} with hooks ({name}): remove them, or save its "
                    "state_dict()"
                )
        else:
            yield name, value
