"""What a script needs of PyTorch, found by reading it: which names it uses, and which of them fnnet lacks."""

from __future__ import annotations

import ast
import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fnnet.torch.script import ALIASES

__all__ = ["Use", "examine"]


@dataclass(frozen=True)
class Use:
    """A PyTorch name that a script uses.

    Attributes:
        name: dotted, "torch.nn.Linear"; a tensor's attribute is "Tensor.clamp".
        lines: where it is used.
        present: whether fnnet has it.
    """

    name: str
    lines: tuple[int, ...]
    present: bool


@cache
def tensor_names() -> frozenset[str]:
    """Every public attribute of torch.Tensor, recorded from PyTorch."""
    return frozenset(json.loads(Path(__file__).with_name("tensor_names.json").read_text()))


class _Names(ast.NodeVisitor):
    """Collects dotted names that start at an imported module, and attributes of everything else."""

    def __init__(self) -> None:
        self.aliases: dict[str, str] = {}
        self.found: dict[str, set[int]] = {}

    def _add(self, name: str, line: int) -> None:
        self.found.setdefault(name, set()).add(line)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            root = alias.name.partition(".")[0]
            if root in ALIASES:
                self.aliases[alias.asname or root] = alias.name if alias.asname else root
                if alias.name != root:
                    self._add(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.module is None or node.level or node.module.partition(".")[0] not in ALIASES:
            return
        for alias in node.names:
            if alias.name == "*":
                self._add(node.module, node.lineno)
                continue
            self.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
            self._add(f"{node.module}.{alias.name}", node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        parts, inner = [node.attr], node.value
        while isinstance(inner, ast.Attribute):
            parts.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name) and inner.id in self.aliases:
            self._add(".".join([self.aliases[inner.id], *reversed(parts)]), node.lineno)
            return
        if node.attr in tensor_names():
            self._add(f"Tensor.{node.attr}", node.lineno)
        self.visit(node.value)


def _resolve(name: str) -> bool:
    """Whether fnnet has a dotted name of a mirrored package."""
    root, _, rest = name.partition(".")
    target: Any = importlib.import_module(ALIASES[root])
    path = ALIASES[root]
    for part in rest.split(".") if rest else ():
        if not isinstance(target, type(importlib)) and not isinstance(target, type):
            return True  # an attribute of an object, whose type reading the script does not tell
        try:
            target = getattr(target, part)
        except (AttributeError, NotImplementedError):
            try:
                target = importlib.import_module(f"{path}.{part}")
            except ImportError:
                return False
        path = f"{path}.{part}"
    return True


def _uses(found: dict[str, set[int]]) -> Iterator[Use]:
    from fnnet.torch import Tensor

    for name, lines in sorted(found.items(), key=lambda item: (min(item[1]), item[0])):
        if name.startswith("Tensor."):
            present = hasattr(Tensor, name.removeprefix("Tensor."))
        else:
            try:
                present = _resolve(name)
            except ImportError:
                present = False
        yield Use(name, tuple(sorted(lines)), present)


def examine(source: str, filename: str = "<script>") -> list[Use]:
    """The PyTorch names that `source` uses, in the order of their first use. Nothing in it is run.

    An attribute of an object counts as a tensor's if torch.Tensor has one of that name.

    Raises:
        SyntaxError: if the script is not Python 3.
    """
    names = _Names()
    tree = ast.parse(source, filename)
    for node in ast.walk(tree):  # imports first: a name may be used above the line that imports it
        if isinstance(node, ast.Import):
            names.visit_Import(node)
        elif isinstance(node, ast.ImportFrom):
            names.visit_ImportFrom(node)
    names.visit(tree)
    return list(_uses(names.found))
