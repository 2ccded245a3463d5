"""Dotted names, as a state_dict has them, and nested dicts, as fnnet's parameters are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one, by dotted name, in their order: parameters as a state_dict."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        leaves |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return leaves


class AmbiguousNameError(ValueError):
    """A name that is both a leaf and a branch."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"checkpoint.nested: {name!r}: {reason}")
        self.name, self.reason = name, reason


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Leaves by dotted name, such as a state_dict, as nested dicts: the form of fnnet's parameters.

    Raises:
        ValueError: for a name that is both a leaf and a branch.
    """
    tree: dict[str, Any] = {}
    branches: set[int] = set()
    for name, leaf in flat.items():
        *parts, last = name.split(".")
        place = tree
        for part in parts:
            if part not in place:
                made: dict[str, Any] = {}
                place[part] = made
                branches.add(id(made))
            place = place[part]
            if id(place) not in branches:
                raise AmbiguousNameError(name, f"{part!r} is a leaf and a branch")
        if last in place:
            raise AmbiguousNameError(name, "a leaf and a branch")
        place[last] = leaf
    return tree
