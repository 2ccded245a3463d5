"""MobileNetV2 (Sandler et al., 2018), as torchvision has it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import BatchNorm2d, Conv2d, Dropout, Layer, Linear, ReLU6, Sequential
from fnnet.layers.layer import Params
from fnnet.models.blocks import Conv2dNormActivation
from fnnet.models.redraw import redraw, zeros_for_bias
from fnnet.random.source import Source

__all__ = ["InvertedResidual", "MobileNetV2"]

_SETTING = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _rounded(channels: float, divisor: int) -> int:
    """The multiple of divisor that is nearest, or the next above it where that is less than nine tenths."""
    near = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return near + divisor if near < 0.9 * channels else near


class InvertedResidual(Layer):
    """Channels widened by 1x1, each convolved alone by 3x3, narrowed by 1x1; with the input added."""

    def __init__(
        self,
        inp: int,
        oup: int,
        stride: int,
        expand_ratio: int,
        norm_layer: Callable[..., Layer] | None = None,
    ) -> None:
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm = norm_layer or BatchNorm2d
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": ReLU6}
        hidden = round(inp * expand_ratio)
        layers: list[Layer] = []
        if expand_ratio != 1:
            layers.append(Conv2dNormActivation(inp, hidden, 1, **options))
        layers.append(Conv2dNormActivation(hidden, hidden, stride=stride, groups=hidden, **options))
        layers += [Conv2d(hidden, oup, 1, bias=False), norm(oup)]
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.conv = Sequential(*layers)
        self.out_channels = oup

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        out = self.conv(p["conv"], x)
        return x + out if self.use_res_connect else out


class MobileNetV2(Layer):
    """(N, 3, H, W) -> (N, num_classes).

    Args:
        num_classes: outputs.
        width_mult: factor of all widths, which are rounded to multiples of `round_nearest`.
        inverted_residual_setting: rows of expansion, channels, repeats and stride.
        round_nearest: see width_mult.
        block: makes a block; `InvertedResidual` unless given.
        norm_layer: makes a norm of a number of channels; BatchNorm2d unless given.
        dropout: before the classifier.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: Sequence[Sequence[int]] | None = None,
        round_nearest: int = 8,
        block: Callable[..., Layer] | None = None,
        norm_layer: Callable[..., Layer] | None = None,
        dropout: float = 0.2,
    ) -> None:
        setting = _SETTING if inverted_residual_setting is None else inverted_residual_setting
        if len(setting) == 0 or len(setting[0]) != 4:
            raise ValueError(
                "inverted_residual_setting should be non-empty or a 4-element list, "
                f"got {inverted_residual_setting}"
            )
        make, norm = block or InvertedResidual, norm_layer or BatchNorm2d
        options: dict[str, Any] = {"norm_layer": norm, "activation_layer": ReLU6}
        channels = _rounded(32 * width_mult, round_nearest)
        self.last_channel = _rounded(1280 * max(1.0, width_mult), round_nearest)
        features: list[Layer] = [Conv2dNormActivation(3, channels, stride=2, **options)]
        for expansion, width, repeats, stride in setting:
            after = _rounded(width * width_mult, round_nearest)
            for i in range(repeats):
                step = stride if i == 0 else 1
                features.append(make(channels, after, step, expand_ratio=expansion, norm_layer=norm))
                channels = after
        features.append(Conv2dNormActivation(channels, self.last_channel, 1, **options))
        self.features = Sequential(*features)
        self.classifier = Sequential(Dropout(dropout), Linear(self.last_channel, num_classes))

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        def rule(layer: Layer, own: Params) -> Params:
            if isinstance(layer, Conv2d):
                weight = init.kaiming_normal(source, own["weight"].shape, mode="fan_out", dtype=dtype)
                return {"weight": weight, **zeros_for_bias(own)}
            if isinstance(layer, Linear):
                weight = init.normal(source, own["weight"].shape, 0, 0.01, dtype)
                return {"weight": weight, **zeros_for_bias(own)}
            return {}

        return redraw(self, super().draw(source, dtype), rule)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = F.adaptive_avg_pool2d(self.features(p["features"], x), (1, 1))
        return self.classifier(p["classifier"], F.flatten(x, 1))
