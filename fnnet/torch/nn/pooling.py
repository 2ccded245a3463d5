"""Fractional pooling with given random numbers, which are a buffer of the module."""

from __future__ import annotations

from typing import Any

from fnnet import layers
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.tensor import Tensor

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]

_Derived: Any = module_class(layers.pooling._FractionalMaxPoolNd)


class _FractionalMaxPoolNd(_Derived):
    """Maxima over windows at random steps."""

    def __init__(self, *args: Any, _random_samples: Tensor | None = None, **kwargs: Any) -> None:
        if len(args) == 5:  # PyTorch takes it as the last positional argument too
            *args, _random_samples = args  # type: ignore[assignment]
        super().__init__(*args, **kwargs)
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Tensor) -> Any:
        """The pooled input; with `return_indices` also the places of the maxima."""
        layer: Any = self._layer
        return type(layer).function(input, **layer.options(), _random_samples=self._random_samples)


CLASSES[layers.pooling._FractionalMaxPoolNd] = _FractionalMaxPoolNd
FractionalMaxPool2d: Any = module_class(layers.FractionalMaxPool2d)
FractionalMaxPool3d: Any = module_class(layers.FractionalMaxPool3d)
