"""Saved tensors that were written to unseen by autograd: backward reads them as they are then, as in PyTorch.

PyTorch keeps the tensors themselves, not their values. What is changed through `x.data`, by other memory for
`x.data` or by NumPy counts no version, so that backward raises nothing and computes with the new numbers.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from fnnet.torch.autograd.graph import AccumulateGrad, Node, PlanNode
from fnnet.torch.record import Value
from fnnet.torch.spec import Spec
from fnnet.torch.storage import UNSEEN, Storage

if TYPE_CHECKING:
    from fnnet.torch.tensor import Tensor

__all__ = ["as_now", "stale_accumulator", "stale_node"]


_BY_RESULT = (
    "{what} of {name} was modified through .data, or by NumPy, after it was computed. PyTorch takes the "
    "derivative from the result as it is now; fnnet takes it from the inputs, and does not go on with "
    "another one. Change a clone() of the {one}."
)


def as_now(node: PlanNode, values: list[Value]) -> list[Value]:
    """What a node saved, as memory holds it now. Raises RuntimeError where that has no meaning here."""
    values = list(values)
    for _, _, position, kept in node.checks:
        if position < 0:
            storage, number = kept
            if UNSEEN.at.get(storage, -1) > number:
                raise RuntimeError(_BY_RESULT.format(name=node.name(), what="the result", one="result"))
        elif position in node.saved:
            place = node.saved.index(position)
            if _written(kept, node.order, values[place]):
                if node.plan.keeps is not None and node.plan.keeps[1]:
                    raise RuntimeError(_BY_RESULT.format(name=node.name(), what="an input", one="input"))
                values[place] = _read(kept, node.plan.inputs[position], node, position)
    return values


def _written(tensor: Tensor, order: float, saved: Value) -> bool:
    storage: Storage = tensor._storage
    if UNSEEN.at.get(storage, -1) > order:
        return True
    host = storage.host
    if host is None or tensor._steps is not None or saved.array is None:
        return False
    before = np.asarray(saved.array)
    if (before.shape, before.dtype) != (host.shape, host.dtype):
        return True
    return bool((_bits(before) != _bits(host)).any())


def _bits(array: np.ndarray) -> np.ndarray:
    plain = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return plain if plain.size % 8 else plain.view(np.int64)


def _read(tensor: Tensor, spec: Spec, node: PlanNode, position: int) -> Value:
    if tensor._spec.shape != spec.shape:
        raise RuntimeError(_invalid(node.name(), position, tensor._spec, spec))
    if tensor._spec.dtype is not spec.dtype:
        return tensor.detach().to(spec.dtype)._value()
    return tensor._value()


def _invalid(name: str, index: int, got: Spec, expected: Spec) -> str:
    return (
        f"Function {name} returned an invalid gradient at index {index} - got {list(got.shape)} but expected "
        f"shape compatible with {list(expected.shape)}"
    )


class _Stale(Node):
    """Stands before the node of a tensor that was given data of another shape: no gradient fits both."""

    __slots__ = ()

    def __init__(self, before: Node, nr: int, spec: Spec) -> None:
        self._begin(((before, nr),), (spec,))

    def name(self) -> str:
        edge = self.edges[0]
        assert edge is not None
        return edge[0].name()

    def pull_values(self, gradients: list[Value | None]) -> Any:
        from fnnet.torch.autograd.engine import CURRENT

        edge = self.edges[0]
        assert edge is not None
        for node in CURRENT[-1].nodes:
            for index, one in enumerate(node.edges):
                if one is not None and one[0] is self:
                    raise RuntimeError(
                        _invalid(node.name(), index, self.outputs[0], edge[0].outputs[edge[1]])
                    )
        raise RuntimeError(_invalid("backward", 0, self.outputs[0], edge[0].outputs[edge[1]]))

    def pull_tensors(self, gradients: Any) -> Any:
        return self.pull_values(gradients)


def stale_node(tensor: Tensor, new: Spec) -> None:
    """Note that a tensor that some operation made is about to get data of another shape."""
    assert tensor._fn is not None
    tensor._fn, tensor._nr = _Stale(tensor._fn, tensor._nr, new), 0


def stale_accumulator(prior: weakref.ref[AccumulateGrad], new: Spec) -> Any:
    """In place of the reference to a leaf's node: the node that refuses gradients while the old one lives."""

    def reference() -> Node | None:
        before = prior()
        return None if before is None else _Stale(before, 0, new)

    return reference
