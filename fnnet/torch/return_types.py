"""torch.return_types: named tuples of operations that return several tensors, with PyTorch's text."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import jax

_TYPES: dict[tuple[str, tuple[str, ...]], Any] = {}


def type_of(name: str, fields: tuple[str, ...]) -> Any:
    """The named tuple of an operation."""
    found = _TYPES.get((name, fields))
    if found is None:
        make: Any = namedtuple
        plain: Any = make(name, fields)

        def text(self: Any) -> str:
            shown = ",\n".join(f"{field}={value!r}" for field, value in zip(fields, self, strict=True))
            return f"torch.return_types.{name}(\n{shown})"

        found = type(name, (plain,), {"__repr__": text, "__slots__": (), "__module__": __name__})
        _TYPES[name, fields] = found
    return found


def renamed(name: str, tree: Any) -> Any:
    """The structure `tree` with the named tuple of this operation in place of the function's own."""
    if tree is None or not tree.num_leaves:
        return tree
    filled = tree.unflatten(range(tree.num_leaves))
    fields = getattr(filled, "_fields", None)
    if fields is None or any(not isinstance(one, int | tuple) for one in filled):
        return tree
    return jax.tree.structure(type_of(name, fields)(*filled))


def __getattr__(name: str) -> Any:
    for (known, _), found in _TYPES.items():
        if known == name:
            return found
    raise AttributeError(f"module 'torch.return_types' has no attribute '{name}' until one was returned")
