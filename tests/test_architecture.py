"""The order in which the parts of fnnet import each other is the one that docs/architecture.md tells."""

from __future__ import annotations

import ast
from pathlib import Path

import fnnet

PACKAGE = Path(fnnet.__file__).parent
ORDER = (
    {"random", "checkpoint", "evaluation"},
    {"functional", "init", "data"},
    {"layers", "optim", "audio"},
    {"models", "train"},
    {"torch", "torchvision", "tensorflow"},
    {"parity"},
)
LEVEL = {part: level for level, parts in enumerate(ORDER) for part in parts}
ALONGSIDE = {("torchvision", "torch")}
"""The one of two parts on a level that may import the other."""


def imported(tree):
    """The modules of fnnet that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "fnnet":
            yield from (f"fnnet.{one.name}" for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_imports_run_one_way():
    wrong = []
    for path in sorted(PACKAGE.rglob("*.py")):
        part = part_of(path)
        if part not in LEVEL:
            continue
        for module in imported(ast.parse(path.read_text(encoding="utf-8"))):
            root, _, rest = module.partition(".")
            other = rest.partition(".")[0]
            if root != "fnnet" or other == part or (part, other) in ALONGSIDE or other not in LEVEL:
                continue
            if LEVEL[other] >= LEVEL[part]:
                wrong.append(f"{path.relative_to(PACKAGE)}: {module}")
    assert not wrong


def test_every_part_has_its_place():
    parts = {part_of(path) for path in PACKAGE.rglob("*.py")}
    assert parts - {"__init__", "__main__", "examples", "reference"} == set(LEVEL)
