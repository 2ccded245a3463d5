"""SqueezeNet (Iandola et al., 2016), as torchvision has it."""

from __future__ import annotations

from typing import Any

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import AdaptiveAvgPool2d, Conv2d, Dropout, Layer, MaxPool2d, ReLU, Sequential
from fnnet.layers.layer import Params
from fnnet.models.redraw import redraw, zeros_for_bias
from fnnet.random.source import Source

__all__ = ["Fire", "SqueezeNet"]


class Fire(Layer):
    """Channels squeezed by 1x1, then expanded by 1x1 and by 3x3 side by side."""

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        self.inplanes = inplanes
        self.squeeze = Conv2d(inplanes, squeeze_planes, 1)
        self.squeeze_activation = ReLU(inplace=True)
        self.expand1x1 = Conv2d(squeeze_planes, expand1x1_planes, 1)
        self.expand1x1_activation = ReLU(inplace=True)
        self.expand3x3 = Conv2d(squeeze_planes, expand3x3_planes, 3, padding=1)
        self.expand3x3_activation = ReLU(inplace=True)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = self.squeeze_activation(p["squeeze_activation"], self.squeeze(p["squeeze"], x))
        ones = self.expand1x1_activation(p["expand1x1_activation"], self.expand1x1(p["expand1x1"], x))
        threes = self.expand3x3_activation(p["expand3x3_activation"], self.expand3x3(p["expand3x3"], x))
        return F.cat([ones, threes], 1)


_EXPANDING = ((64, 16, 64), (128, 16, 64), (128, 32, 128), (256, 32, 128), (256, 48, 192), (384, 48, 192))
_LAST = ((384, 64, 256), (512, 64, 256))
_VERSIONS: dict[str, tuple[Conv2d, tuple[Any, ...]]] = {
    "1_0": (
        Conv2d(3, 96, 7, 2),
        ("M", (96, 16, 64), *_EXPANDING[1:3], "M", *_EXPANDING[3:], _LAST[0], "M", _LAST[1]),
    ),
    "1_1": (
        Conv2d(3, 64, 3, 2),
        ("M", *_EXPANDING[:2], "M", *_EXPANDING[2:4], "M", *_EXPANDING[4:], *_LAST),
    ),
}
"""The first convolution, and what follows: "M" is pooling; a Fire's inputs, squeezed and half its outputs."""


def _feature(part: Any) -> Layer:
    if part == "M":
        return MaxPool2d(3, 2, ceil_mode=True)
    inputs, squeezed, expanded = part
    return Fire(inputs, squeezed, expanded, expanded)


class SqueezeNet(Layer):
    """(N, 3, H, W) -> (N, num_classes); version "1_0" or "1_1". Raises ValueError for another."""

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        if version not in _VERSIONS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        first, rest = _VERSIONS[version]
        self.num_classes = num_classes
        self.features = Sequential(
            first,
            ReLU(inplace=True),
            *map(_feature, rest),
        )
        self.classifier = Sequential(
            Dropout(dropout),
            Conv2d(512, num_classes, 1),
            ReLU(inplace=True),
            AdaptiveAvgPool2d((1, 1)),
        )

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        last = self.classifier[1]

        def rule(layer: Layer, own: Params) -> Params:
            if not isinstance(layer, Conv2d):
                return {}
            shape = own["weight"].shape
            if layer is last:
                weight = init.normal(source, shape, 0.0, 0.01, dtype)
            else:
                weight = init.kaiming_uniform(source, shape, dtype=dtype)
            return {"weight": weight, **zeros_for_bias(own)}

        return redraw(self, super().draw(source, dtype), rule)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = self.features(p["features"], x)
        return F.flatten(self.classifier(p["classifier"], x), 1)
