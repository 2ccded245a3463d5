"""Containers taken apart by a structure that is known."""

from __future__ import annotations

from typing import Any

from fnnet.torch.utils import _pytree as pytree

__all__ = ["tree_flatten_spec"]


def tree_flatten_spec(tree: Any, spec: Any) -> list[Any]:
    """The leaves of what has this structure."""
    given = tuple(tree) if spec.type is tuple else tree
    leaves: list[Any] = pytree.tree_leaves(given)
    return leaves
