"""The node of a copy to another device: it takes gradients back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax

from fnnet.torch.autograd.graph import Node, edge_of
from fnnet.torch.devices import jax_device
from fnnet.torch.record import Value
from fnnet.torch.spec import Spec

if TYPE_CHECKING:
    from fnnet.torch.tensor import Tensor


class TransferNode(Node):
    """`ToCopyBackward0` between devices."""

    __slots__ = ("back",)

    def __init__(self, tensor: Tensor, spec: Spec) -> None:
        self._begin((edge_of(tensor),), (spec,))
        self.back = tensor._spec

    def name(self) -> str:
        return "ToCopyBackward0"

    def pull_values(self, gradients: list[Value | None]) -> Sequence[Value | None]:
        gradient = gradients[0]
        if gradient is None:
            return [None]
        return [Value(jax.device_put(gradient.get(), jax_device(self.back.device)))]

    def pull_tensors(self, gradients: list[Any]) -> Sequence[Any]:
        gradient = gradients[0]
        return [None if gradient is None else gradient.to(self.back.device)]
