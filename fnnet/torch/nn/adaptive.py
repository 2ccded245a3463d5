"""The layers' methods beside forward, as methods of their modules."""

from __future__ import annotations

from typing import Any

from fnnet import layers
from fnnet.torch.nn.derive import CLASSES, ModuleScope, module_class
from fnnet.torch.tensor import Tensor

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_Derived: Any = module_class(layers.AdaptiveLogSoftmaxWithLoss)


class AdaptiveLogSoftmaxWithLoss(_Derived):
    """Softmax over many classes in clusters by frequency, as torch.nn.AdaptiveLogSoftmaxWithLoss."""

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities (N, n_classes) of input (N, in_features)."""
        return self._layer.log_prob(ModuleScope(self), input)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable classes (N,) of input (N, in_features)."""
        return self._layer.predict(ModuleScope(self), input)

    def reset_parameters(self) -> None:
        """Draw the initial values anew."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()


CLASSES[layers.AdaptiveLogSoftmaxWithLoss] = AdaptiveLogSoftmaxWithLoss
