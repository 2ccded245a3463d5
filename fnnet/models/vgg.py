"""VGG (Simonyan and Zisserman, 2014) and AlexNet (Krizhevsky, 2014), as torchvision has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import (
    AdaptiveAvgPool2d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
    Sequential,
)
from fnnet.layers.layer import Params
from fnnet.models.redraw import redraw, zeros_for_bias
from fnnet.random.source import Source

__all__ = ["STAGES", "VARIANTS", "VGG", "AlexNet", "make_layers", "vgg"]

STAGES: dict[str, list[int | str]] = {
    "A": [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "B": [64, 64, "M", 128, 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"],
    "D": [64, 64, "M", 128, 128, "M", *[256] * 3, "M", *[512] * 3, "M", *[512] * 3, "M"],
    "E": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4, "M"],
}
"""Channels of the convolutions, and M where the picture is halved, by the paper's letters."""

VARIANTS: dict[str, tuple[str, bool]] = {
    f"vgg{depth}{suffix}": (letter, batch_norm)
    for depth, letter in ((11, "A"), (13, "B"), (16, "D"), (19, "E"))
    for suffix, batch_norm in (("", False), ("_bn", True))
}
"""The letter, and whether there is batch normalisation, by torchvision's names."""


def make_layers(cfg: Sequence[int | str], batch_norm: bool = False) -> Sequential:
    """The features of a list as in `STAGES`."""
    layers: list[Layer] = []
    channels = 3
    for entry in cfg:
        if isinstance(entry, str):
            layers.append(MaxPool2d(2, 2))
            continue
        layers.append(Conv2d(channels, entry, 3, padding=1))
        layers += [BatchNorm2d(entry)] if batch_norm else []
        layers.append(ReLU(inplace=True))
        channels = entry
    return Sequential(*layers)


class _Classified(Layer):
    """Features, pooled to a fixed size, and a classifier of them."""

    features: Layer
    avgpool: Layer
    classifier: Layer

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = self.avgpool(p["avgpool"], self.features(p["features"], x))
        return self.classifier(p["classifier"], F.flatten(x, 1))


class VGG(_Classified):
    """(N, 3, H, W) -> (N, num_classes), of features as `make_layers` gives, with 512 channels at the end.

    `init_weights` says whether the layers' values are drawn anew by the paper's rule.
    """

    def __init__(
        self, features: Layer, num_classes: int = 1000, init_weights: bool = True, dropout: float = 0.5
    ) -> None:
        self.features = features
        self.avgpool = AdaptiveAvgPool2d((7, 7))
        self.classifier = Sequential(
            Linear(512 * 7 * 7, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, num_classes),
        )
        self._init_weights = init_weights

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        def rule(layer: Layer, own: Params) -> Params:
            if isinstance(layer, Conv2d):
                shape = own["weight"].shape
                weight = init.kaiming_normal(source, shape, mode="fan_out", nonlinearity="relu", dtype=dtype)
                return {"weight": weight, **zeros_for_bias(own)}
            if isinstance(layer, Linear):
                weight = init.normal(source, own["weight"].shape, 0, 0.01, dtype)
                return {"weight": weight, **zeros_for_bias(own)}
            return {}

        params = super().draw(source, dtype)
        return redraw(self, params, rule) if self._init_weights else params


class AlexNet(_Classified):
    """(N, 3, H, W) -> (N, num_classes)."""

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        self.features = Sequential(
            Conv2d(3, 64, 11, 4, 2),
            ReLU(inplace=True),
            MaxPool2d(3, 2),
            Conv2d(64, 192, 5, padding=2),
            ReLU(inplace=True),
            MaxPool2d(3, 2),
            Conv2d(192, 384, 3, padding=1),
            ReLU(inplace=True),
            Conv2d(384, 256, 3, padding=1),
            ReLU(inplace=True),
            Conv2d(256, 256, 3, padding=1),
            ReLU(inplace=True),
            MaxPool2d(3, 2),
        )
        self.avgpool = AdaptiveAvgPool2d((6, 6))
        self.classifier = Sequential(
            Dropout(dropout),
            Linear(256 * 6 * 6, 4096),
            ReLU(inplace=True),
            Dropout(dropout),
            Linear(4096, 4096),
            ReLU(inplace=True),
            Linear(4096, num_classes),
        )


def vgg(name: str, **options: Any) -> VGG:
    """The network of a name in `VARIANTS`. Raises ValueError for another."""
    if name not in VARIANTS:
        raise ValueError(f"vgg: name: expected one of {sorted(VARIANTS)}, got {name!r}")
    letter, batch_norm = VARIANTS[name]
    return VGG(make_layers(STAGES[letter], batch_norm), **options)
