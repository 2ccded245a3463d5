"""Gradients that are sparse tensors: those of embeddings with `sparse=True`, and how they add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fnnet.torch.autograd.graph import RELEASED, Edge, Node
from fnnet.torch.mode import MODE, set_grad_enabled
from fnnet.torch.record import Value
from fnnet.torch.spec import Spec, spec_of
from fnnet.torch.tensor import Tensor, wrap


def has_sparse(gradients: Iterable[Any]) -> bool:
    """Whether one of the gradients of a walk, values or tensors, is a sparse tensor."""
    return any(isinstance(one, Tensor) and type(one._spec) is not Spec for one in gradients)


def add_sparse(a: Any, b: Any) -> Any:
    """The sum of two gradients, sparse if both are."""
    first, second = (b, a) if has_sparse((a,)) and not has_sparse((b,)) else (a, b)
    return first + second


def accumulated(old: Any, gradient: Any, create_graph: bool) -> Any:
    """What `.grad` is after a gradient was added to it: the same tensor where PyTorch adds in place."""
    if old is None:
        return gradient
    with set_grad_enabled(create_graph):
        if create_graph or (has_sparse((old,)) and not has_sparse((gradient,))):
            return add_sparse(old, gradient)
        return old.add_(gradient)


def values_of(tensor: Any) -> Any:
    """What the graph knows of a tensor: the values of a sparse one."""
    return tensor._numbers if isinstance(tensor, Tensor) and type(tensor._spec) is not Spec else tensor


def given_as(tensor: Any, gradient: Any) -> Any:
    """The gradient of what the graph knows of a tensor as the tensor's own."""
    if gradient is None or values_of(tensor) is tensor:
        return gradient
    return tensor._gradient(gradient)


class RowsNode(Node):
    """The node of a lookup whose gradient holds only the rows that were looked up.

    Attributes:
        rows: the rows (entries,), as a strided tensor of integers; of each entry the gradient is to hold.
        taken: if not all that was looked up counts (a padding), which places of it do.
        pull: from the gradient of the output, that of the entries (entries, columns).
    """

    __slots__ = ("pull", "rows", "shape", "taken")

    def __init__(self, edges: Sequence[Edge | None], output: Spec, rows: Any, shape: Any, pull: Any) -> None:
        self._begin(tuple(edges), (output,))
        self.rows, self.shape, self.pull = rows, tuple(shape), pull

    def pull_values(self, gradients: list[Value | None]) -> Sequence[Any]:
        spec = self.outputs[0]
        natural = spec_of(spec.shape, spec.dtype, spec.device)
        given = gradients[0]
        assert given is not None
        return self.pull_tensors([given if isinstance(given, Tensor) else wrap(given, natural)])

    def pull_tensors(self, gradients: list[Tensor | None]) -> Sequence[Any]:
        from fnnet.torch.autograd.engine import CURRENT

        if self.rows is None:
            raise RuntimeError(RELEASED)
        gradient: Any = gradients[0]
        CURRENT[-1].sparse = True
        return [*[None] * (len(self.edges) - 1), self.pull(self.rows, gradient)]

    def release(self) -> None:
        self.rows = None


_CLASSES: dict[str, Any] = {}


def rows_node(name: str, *args: Any) -> Any:
    """A node of this name."""
    found = _CLASSES.get(name)
    if found is None:
        found = _CLASSES[name] = type(name, (RowsNode,), {"__slots__": ()})
    return found(*args)


__all__ = ["MODE", "RowsNode", "accumulated", "add_sparse", "has_sparse", "rows_node"]
