"""PyTorch's names on modules, classes and functions, for programs that say `import torch`.

A program that runs unmodified may ask a class for its `__module__`, print one, pickle an object by it, or
compare `torch.__name__`. `python -m fnnet run` therefore renames fnnet's modules, as each is loaded, to what
PyTorch calls them. Where `fnnet.torch` is imported under its own name nothing is renamed, for pickles must
find what they name.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import json
import sys
import types
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TypeGuard

__all__ = ["is_own", "make", "present", "start"]

_MIRRORS = ("fnnet.torch", "fnnet.torchvision")


@cache
def _places() -> dict[str, dict[str, str]]:
    """By module of PyTorch and by place: the module's names that live there; recorded from PyTorch."""
    found: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("places.json").read_text("utf-8"))
    return found


@cache
def _listed() -> frozenset[str]:
    """Every module of PyTorch that has a name of its own, and those above it."""
    names = {"torch"}
    for module, places in _places().items():
        for name in (module, *places):
            while name not in names:
                names.add(name)
                name = name.rpartition(".")[0]
    return frozenset(names)


def is_own(module: str) -> bool:
    """Whether a class or function that says that it is in `module` is fnnet's, by either name."""
    root = module.partition(".")[0]
    return root == "fnnet" or (
        root in ("torch", "torchvision") and sys.modules.get(root) is sys.modules.get(f"fnnet.{root}", root)
    )


def _of_mirror(module: str | None) -> bool:
    return module is not None and module.startswith(_MIRRORS)


def _named(thing: object) -> TypeGuard[type | types.FunctionType]:
    return isinstance(thing, type | types.FunctionType) and _of_mirror(thing.__module__)


@cache
def _place_of(module: str) -> dict[str, str]:
    """By name: where PyTorch has what a module, or one above it, names."""
    above = _place_of(module.rpartition(".")[0]) if "." in module else {}
    return above | {key: place for place, keys in _places().get(module, {}).items() for key in keys.split()}


def place_of(module: str, name: str) -> str | None:
    """The module in which PyTorch has what is seen as `name` in `module`, one of PyTorch's or below one."""
    return _place_of(module).get(name)


def _stands_at_home(thing: type | types.FunctionType) -> bool:
    """Whether a pickle that names a thing by its module finds it: not so for what was derived."""
    return vars(sys.modules[thing.__module__]).get(thing.__qualname__) is thing


def present(module: types.ModuleType) -> None:
    """Give a loaded module of a mirror, its classes and its functions the names that PyTorch gives them."""
    names = vars(module)
    own = module.__name__.removeprefix("fnnet.")
    known = own in _listed() or own.startswith("torchvision")
    places = _place_of(own)
    for key, thing in list(names.items()):
        if not _named(thing) or thing.__qualname__ != key or key.startswith("__"):
            continue
        place = places.get(key)
        if place is not None:
            thing.__module__ = place
            if (home := sys.modules.get(f"fnnet.{place}")) is not None:
                vars(home).setdefault(key, thing)
        elif known and (thing.__module__ == f"fnnet.{own}" or not _stands_at_home(thing)):
            thing.__module__ = own
    if known:
        if not hasattr(module, "__file__"):
            _complete(module, own)
        module.__name__ = own


def _present_below(name: str) -> None:
    for below, module in list(sys.modules.items()):
        if (
            (below == name or below.startswith(name + "."))
            and module is not None
            and _of_mirror(module.__name__)
        ):
            present(module)


def elsewhere(place: str, key: str) -> object:
    """What PyTorch has in a place, from there in fnnet or from a module above; None if it is not loaded."""
    while place:
        thing = vars(sys.modules.get(f"fnnet.{place}", NO_MODULE)).get(key)
        if thing is not None:
            return thing
        place = place.rpartition(".")[0]
    return None


NO_MODULE = types.ModuleType("none")


def _complete(module: types.ModuleType, name: str) -> bool:
    """Give a module the names that PyTorch's has and that stand elsewhere in fnnet; whether there are any."""
    found = False
    listed = _places().get(name) or {
        name: " ".join(places[name] for places in _places().values() if name in places)
    }
    for place, keys in listed.items():
        for key in keys.split():
            if key not in vars(module) and (thing := elsewhere(place, key)) is not None:
                vars(module)[key] = thing
                found = True
    return found


def make(name: str) -> types.ModuleType | None:
    """A module of PyTorch that is no file here, of what fnnet has of it elsewhere; or None."""
    made = types.ModuleType(name, f"{name}: names that stand elsewhere in fnnet.")
    return made if _complete(made, name) else None


class _PresentingLoader(importlib.abc.Loader):
    """Loads a module as its own loader does, and presents it."""

    def __init__(self, loader: importlib.abc.Loader) -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)  # get_source and the like, which tracebacks ask for

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: types.ModuleType) -> None:
        self._loader.exec_module(module)
        _present_below(module.__name__)  # with the modules that it made while it was loaded


class _PresentingFinder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith(_MIRRORS):
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)
        if found is not None and found.loader is not None:
            found.loader = _PresentingLoader(found.loader)
        return found


def start() -> None:
    """Present what is loaded of the mirrors, and from now on what will be."""
    if any(isinstance(finder, _PresentingFinder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _PresentingFinder())
    for name in _MIRRORS:
        _present_below(name)
