"""Layers made of layers."""

from __future__ import annotations

from typing import Any

from fnnet.layers.layer import Layer


class Sequential(Layer):
    """Layers applied in turn; the parts are named "0", "1", ... as in PyTorch."""

    def __init__(self, *layers: Layer) -> None:
        for position, layer in enumerate(layers):
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"Sequential: argument {position}: expected a Layer, got {type(layer).__name__}"
                )
        self._layers = {str(position): layer for position, layer in enumerate(layers)}

    def children(self) -> dict[str, Layer]:
        return dict(self._layers)

    def __len__(self) -> int:
        return len(self._layers)

    def __getitem__(self, position: int) -> Layer:
        return list(self._layers.values())[position]

    def forward(self, scope: Any, /, x: Any) -> Any:
        for name, layer in self._layers.items():
            x = layer(scope[name], x)
        return x
