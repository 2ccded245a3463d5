"""LinearCrossEntropyLoss, whose class weights are a buffer."""

from __future__ import annotations

from typing import Any

from fnnet import layers
from fnnet.torch.nn.derive import CLASSES, ModuleScope, module_class
from fnnet.torch.tensor import Tensor

__all__ = ["LinearCrossEntropyLoss"]

_Derived: Any = module_class(layers.LinearCrossEntropyLoss)


class LinearCrossEntropyLoss(_Derived):
    """Cross-entropy of `linear` of the input, as torch.nn.LinearCrossEntropyLoss."""

    def __init__(self, *args: Any, weight: Tensor | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if weight is not None and tuple(weight.shape) != (self.num_classes,):
            raise RuntimeError(
                f"expected weight shape to be {(self.num_classes,)}, got {tuple(weight.shape)}"
            )
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """The loss."""
        return self._layer.loss(ModuleScope(self), input, target, self.weight)


CLASSES[layers.LinearCrossEntropyLoss] = LinearCrossEntropyLoss
