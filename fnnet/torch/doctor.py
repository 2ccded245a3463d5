"""What a script needs of PyTorch, found by reading it: which names it uses, and which of them fnnet lacks."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from fnnet.torch.dtypes import dtype
from fnnet.torch.missing import tensor_names
from fnnet.torch.script import ALIASES

__all__ = ["Use", "examine"]


@dataclass(frozen=True)
class Use:
    """A PyTorch name that a script uses.

    Attributes:
        name: dotted, "torch.nn.Linear"; a tensor's attribute is "Tensor.clamp".
        lines: where it is used.
        present: whether fnnet has it.
        certain: whether it is PyTorch's name for sure. An attribute of an object whose type the text does not
            tell is a tensor's only possibly; so is a name that the script binds to something else as well.
    """

    name: str
    lines: tuple[int, ...]
    present: bool
    certain: bool = True


class _Bindings(ast.NodeVisitor):
    """What each name of the script stands for; found first, for a name may be used above its import."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}
        self.imported: dict[str, list[tuple[str, int]]] = {}
        self.foreign: set[str] = set()
        self.rebound: set[str] = set()
        self.given: set[str] = set()
        """Attributes that the script itself sets, as it writes them."""

    def _import(self, name: str, line: int) -> None:
        self.imported.setdefault(name, []).append((name, line))

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root not in ALIASES:
                self.foreign.add(alias.asname or root)
                continue
            self.aliases[alias.asname or root] = alias.name if alias.asname else root
            self._import(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        ours = node.module is not None and not node.level and node.module.partition(".")[0] in ALIASES
        for alias in node.names:
            if not ours:
                self.foreign.add(alias.asname or alias.name)
            elif alias.name == "*":
                assert node.module is not None
                self._import(node.module, node.lineno)
                for name in _public(node.module):
                    self.aliases.setdefault(name, f"{node.module}.{name}")
            else:
                self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                self._import(f"{node.module}.{alias.name}", node.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        nothing = isinstance(node.value, ast.Constant) and node.value.value is None
        root, *parts = ast.unparse(node.value).split(".")
        name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
        module = ".".join([self.aliases.get(root, ""), *parts])
        if parts and name and len(node.targets) == 1 and _is_module(module):
            if self.aliases.setdefault(name, module) != module:
                self.rebound.add(name)
            self.visit(node.value)
        elif not nothing:  # "torch = None" stands where the import failed
            self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.given.add(ast.unparse(node))
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load):
            self.rebound.add(node.id)

    def visit_arg(self, node: ast.arg) -> None:
        self.rebound.add(node.arg)
        self.generic_visit(node)

    def _definition(self, node: Any) -> None:
        self.rebound.add(node.name)
        self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _definition


class _Names(ast.NodeVisitor):
    """Collects dotted names that start at a mirrored module, and attributes of objects of unknown type."""

    def __init__(self, bindings: _Bindings) -> None:
        self.aliases = bindings.aliases
        self.foreign = bindings.foreign - bindings.aliases.keys() - bindings.rebound
        self.rebound = bindings.rebound
        self.given = bindings.given
        self.found: dict[tuple[str, bool], set[int]] = {}
        for places in bindings.imported.values():
            for name, line in places:
                self._add(name, line)

    def _add(self, name: str, line: int, certain: bool = True) -> None:
        self.found.setdefault((name, certain), set()).add(line)

    def _add_dotted(self, root: str, parts: list[str], line: int) -> None:
        written = {".".join([root, *parts[:count]]) for count in range(1, len(parts) + 1)}
        certain = root not in self.rebound and not self.given & written
        self._add(".".join([self.aliases[root], *parts]), line, certain)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) and "." in self.aliases.get(node.id, ""):
            self._add_dotted(node.id, [], node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            if inner.id in self.aliases and not isinstance(node.ctx, ast.Load):
                return  # what the script sets is its own
            if inner.id in self.aliases:
                self._add_dotted(inner.id, parts[::-1], node.lineno)
                return
            if inner.id in self.foreign:
                return
        if node.attr in tensor_names():
            self._add(f"Tensor.{node.attr}", node.lineno, certain=False)
        self.visit(node.value)


def _public(module: str) -> list[str]:
    """What `from module import *` would bind, as far as fnnet has it."""
    try:
        mirrored = importlib.import_module(
            ALIASES[module.partition(".")[0]] + module[len(module.partition(".")[0]) :]
        )
    except ImportError:
        return []
    return [name for name in getattr(mirrored, "__all__", vars(mirrored)) if not name.startswith("_")]


def _is_module(name: str) -> bool:
    """Whether a dotted name is a module of a mirrored package, as in `F = torch.nn.functional`."""
    root, _, rest = name.partition(".")
    path = f"{ALIASES[root]}.{rest}" if root in ALIASES else ""
    try:
        return bool(path) and isinstance(importlib.import_module(path), ModuleType)
    except ImportError:
        return False


def _resolve(name: str) -> bool:
    """Whether fnnet has a dotted name of a mirrored package."""
    root, _, rest = name.partition(".")
    path = ALIASES[root]
    try:
        target: Any = importlib.import_module(path)
    except ModuleNotFoundError:
        return False
    for part in rest.split(".") if rest else ():
        if isinstance(target, dtype):
            return hasattr(target, part)
        if not isinstance(target, ModuleType | type):
            return True  # an attribute of an object, whose type reading the script does not tell
        path = f"{path}.{part}"
        try:
            target = getattr(target, part)
        except (AttributeError, NotImplementedError):
            try:
                target = importlib.import_module(path)
            except ModuleNotFoundError:
                return False
    return not hasattr(target, "refused_name")  # what raises whenever it is called is not had


def _uses(found: dict[tuple[str, bool], set[int]]) -> Iterator[Use]:
    from fnnet.torch import Tensor

    for (name, certain), lines in sorted(found.items(), key=lambda item: (min(item[1]), item[0])):
        tensor, _, attribute = name.partition(".")
        present = hasattr(Tensor, attribute) if tensor == "Tensor" else _resolve(name)
        yield Use(name, tuple(sorted(lines)), present, certain)


def examine(source: str | bytes, filename: str = "<script>") -> list[Use]:
    """The mirrored names that `source` uses, in the order of their first use. Nothing in it is run.

    In a program that imports PyTorch, an attribute of an object counts as a tensor's if torch.Tensor has one
    of that name.

    Raises:
        SyntaxError: if the script is not Python 3.
    """
    try:
        tree = ast.parse(source, filename)
    except ValueError as error:  # a null byte, in Python 3.11
        raise SyntaxError(str(error)) from None
    bindings = _Bindings()
    bindings.visit(tree)
    names = _Names(bindings)
    names.visit(tree)
    if b"torch" not in (source if isinstance(source, bytes) else source.encode()):
        names.found = {key: lines for key, lines in names.found.items() if not key[0].startswith("Tensor.")}
    return list(_uses(names.found))
