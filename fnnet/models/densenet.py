"""DenseNet (Huang et al., 2016), as torchvision has it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import (
    AvgPool2d,
    BatchNorm2d,
    Conv2d,
    Layer,
    Linear,
    MaxPool2d,
    ModuleDict,
    ReLU,
    Sequential,
)
from fnnet.layers.layer import Params
from fnnet.models.redraw import redraw, zeros_for_bias
from fnnet.random.source import Source

__all__ = ["VARIANTS", "DenseNet", "current_name", "densenet"]


class _DenseLayer(Layer):
    """norm-relu-convolution of 1x1 and of 3x3: a list of maps -> (N, growth_rate, H, W)."""

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        width = bn_size * growth_rate
        self.norm1 = BatchNorm2d(num_input_features)
        self.relu1 = ReLU(inplace=True)
        self.conv1 = Conv2d(num_input_features, width, 1, bias=False)
        self.norm2 = BatchNorm2d(width)
        self.relu2 = ReLU(inplace=True)
        self.conv2 = Conv2d(width, growth_rate, 3, padding=1, bias=False)
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def forward(self, p: Any, /, input: Any) -> jax.Array:
        x = F.cat(input if isinstance(input, list | tuple) else [input], 1)
        x = self.conv1(p["conv1"], self.relu1(p["relu1"], self.norm1(p["norm1"], x)))
        x = self.conv2(p["conv2"], self.relu2(p["relu2"], self.norm2(p["norm2"], x)))
        if self.drop_rate > 0:
            x = F.dropout(x, self.drop_rate, p.training, key=p.source if p.training else None)
        return x


class _DenseBlock(ModuleDict):
    """Layers each of which sees the maps of all before it: they are joined in the end."""

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        options = (growth_rate, bn_size, drop_rate, memory_efficient)
        super().__init__(
            (f"denselayer{i + 1}", _DenseLayer(num_input_features + i * growth_rate, *options))
            for i in range(num_layers)
        )

    def forward(self, p: Any, /, init_features: jax.Array) -> jax.Array:
        features = [init_features]
        for name, layer in self.items():
            features.append(layer(p[name], features))
        return F.cat(features, 1)


class _Transition(Sequential):
    """Fewer channels and half the size."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__(
            {
                "norm": BatchNorm2d(num_input_features),
                "relu": ReLU(inplace=True),
                "conv": Conv2d(num_input_features, num_output_features, 1, bias=False),
                "pool": AvgPool2d(2, 2),
            }
        )


class DenseNet(Layer):
    """(N, 3, H, W) -> (N, num_classes).

    Args:
        growth_rate: channels that each layer adds.
        block_config: layers of each block.
        num_init_features: channels of the first convolution.
        bn_size: the width of a layer's 1x1 convolution, in growth_rates.
        drop_rate: of each layer's output.
        num_classes: outputs.
        memory_efficient: accepted; to trade time for memory put jax.checkpoint around the call.
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: Sequence[int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        channels = num_init_features
        features: dict[str, Layer] = {
            "conv0": Conv2d(3, channels, 7, 2, 3, bias=False),
            "norm0": BatchNorm2d(channels),
            "relu0": ReLU(inplace=True),
            "pool0": MaxPool2d(3, 2, 1),
        }
        for i, count in enumerate(block_config, start=1):
            block = _DenseBlock(count, channels, bn_size, growth_rate, drop_rate, memory_efficient)
            features[f"denseblock{i}"] = block
            channels += count * growth_rate
            if i < len(block_config):
                features[f"transition{i}"] = _Transition(channels, channels // 2)
                channels //= 2
        features["norm5"] = BatchNorm2d(channels)
        self.features = Sequential(features)
        self.classifier = Linear(channels, num_classes)

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        def rule(layer: Layer, own: Params) -> Params:
            if isinstance(layer, Conv2d):
                return {"weight": init.kaiming_normal(source, own["weight"].shape, dtype=dtype)}
            return zeros_for_bias(own) if isinstance(layer, Linear) else {}

        return redraw(self, super().draw(source, dtype), rule)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = F.relu(self.features(p["features"], x))
        x = F.flatten(F.adaptive_avg_pool2d(x, (1, 1)), 1)
        return self.classifier(p["classifier"], x)


VARIANTS: dict[str, tuple[int, tuple[int, int, int, int], int]] = {
    "densenet121": (32, (6, 12, 24, 16), 64),
    "densenet161": (48, (6, 12, 36, 24), 96),
    "densenet169": (32, (6, 12, 32, 32), 64),
    "densenet201": (32, (6, 12, 48, 32), 64),
}
"""growth_rate, block_config and num_init_features, by torchvision's names."""


def densenet(name: str, **options: Any) -> DenseNet:
    """The network of a name in `VARIANTS`. Raises ValueError for another."""
    if name not in VARIANTS:
        raise ValueError(f"densenet: name: expected one of {sorted(VARIANTS)}, got {name!r}")
    return DenseNet(*VARIANTS[name], **options)


_FORMER = re.compile(r"(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.\w+)")


def current_name(name: str) -> str:
    """What a name in the published files, which are older than the present names, is called now."""
    former = _FORMER.fullmatch(name)
    return name if former is None else former[1] + former[2]
