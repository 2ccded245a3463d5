"""Nodes of operations that PyTorch has no derivative of: they stand in the graph, and backward raises."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from fnnet.torch.autograd.graph import Node, edge_of
from fnnet.torch.mode import MODE

if TYPE_CHECKING:
    from fnnet.torch.tensor import Tensor

__all__ = ["without_derivative"]


class _Refusing(Node):
    __slots__ = ("of",)
    of: str

    def pull_values(self, gradients: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{self.of}' is not implemented.")

    pull_tensors = pull_values


@cache
def _named(name: str) -> type[_Refusing]:
    return type(name, (_Refusing,), {"__slots__": ()})


def without_derivative(results: Sequence[Tensor], given: Sequence[Tensor], name: str, of: str) -> None:
    """Give results, where gradients could flow into the given tensors, a node of this name that refuses."""
    if not MODE.enabled or not any(one.requires_grad for one in given):
        return
    smooth = [one for one in results if one._spec.differentiable]
    node = _named(name)()
    node.of = of
    node._begin(tuple(edge_of(one) for one in given), tuple(one._spec for one in smooth))
    for nr, one in enumerate(smooth):
        one._fn, one._nr = node, nr
