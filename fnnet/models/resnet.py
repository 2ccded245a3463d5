"""Residual networks as torchvision has them.

He et al., 2015; Xie et al., 2016 (ResNeXt); Zagoruyko and Komodakis, 2016 (wide).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Layer, Linear, MaxPool2d, ReLU, Sequential
from fnnet.layers.layer import Params
from fnnet.models.redraw import redraw
from fnnet.random.source import Source

__all__ = ["VARIANTS", "BasicBlock", "Bottleneck", "ResNet", "resnet"]


def _conv3x3(inplanes: int, planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> Conv2d:
    return Conv2d(inplanes, planes, 3, stride, dilation, dilation, groups, bias=False)


def _conv1x1(inplanes: int, planes: int, stride: int = 1) -> Conv2d:
    return Conv2d(inplanes, planes, 1, stride, bias=False)


class _Block(Layer):
    """`depth` convolutions, each with a norm, added to the input or to what `downsample` makes of it."""

    expansion: ClassVar[int]
    depth: ClassVar[int]
    relu_after: ClassVar[int]
    """Behind which norm torchvision names `relu`."""

    def __init__(
        self,
        inplanes: int,
        planes: int,
        stride: int = 1,
        downsample: Layer | None = None,
        groups: int = 1,
        base_width: int = 64,
        dilation: int = 1,
        norm_layer: Callable[..., Layer] | None = None,
    ) -> None:
        norm = norm_layer or BatchNorm2d
        convolutions = self._convolutions(inplanes, planes, stride, groups, base_width, dilation)
        for i, convolution in enumerate(convolutions, 1):
            setattr(self, f"conv{i}", convolution)
            setattr(self, f"bn{i}", norm(convolution.out_channels))
            if i == self.relu_after:
                self.relu = ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def _convolutions(
        self, inplanes: int, planes: int, stride: int, groups: int, base_width: int, dilation: int
    ) -> list[Conv2d]:
        raise NotImplementedError

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        parts, out = self.children(), x
        for i in range(1, self.depth + 1):
            out = parts[f"conv{i}"](p[f"conv{i}"], out)
            out = parts[f"bn{i}"](p[f"bn{i}"], out)
            if i < self.depth:
                out = self.relu(p["relu"], out)
        out += x if self.downsample is None else self.downsample(p["downsample"], x)
        return self.relu(p["relu"], out)


class BasicBlock(_Block):
    """Two 3x3 convolutions, added to the input or to what `downsample` makes of it."""

    expansion, depth, relu_after = 1, 2, 1

    def _convolutions(
        self, inplanes: int, planes: int, stride: int, groups: int, base_width: int, dilation: int
    ) -> list[Conv2d]:
        if groups != 1 or base_width != 64:
            raise ValueError("BasicBlock only supports groups=1 and base_width=64")
        if dilation > 1:
            raise NotImplementedError("Dilation > 1 not supported in BasicBlock")
        return [_conv3x3(inplanes, planes, stride), _conv3x3(planes, planes)]


class Bottleneck(_Block):
    """Convolutions of 1x1, 3x3 (which has the stride) and 1x1, added to the input as in `BasicBlock`."""

    expansion, depth, relu_after = 4, 3, 3

    def _convolutions(
        self, inplanes: int, planes: int, stride: int, groups: int, base_width: int, dilation: int
    ) -> list[Conv2d]:
        width = int(planes * (base_width / 64.0)) * groups
        return [
            _conv1x1(inplanes, width),
            _conv3x3(width, width, stride, groups, dilation),
            _conv1x1(width, planes * self.expansion),
        ]


class ResNet(Layer):
    """A stem, four stages of blocks, the mean, a linear head: (N, 3, H, W) -> (N, num_classes).

    Args:
        block: `BasicBlock` or `Bottleneck`.
        layers: how many blocks each of the four stages has.
        num_classes: outputs.
        zero_init_residual: begin with blocks that are the identity: the last norm's weight is zero.
        groups, width_per_group: of the 3x3 convolutions of bottlenecks (ResNeXt, wide ResNet).
        replace_stride_with_dilation: for each of the last three stages, whether to widen instead of to step.
        norm_layer: makes a norm of a number of channels; BatchNorm2d unless given.
    """

    def __init__(
        self,
        block: Any,
        layers: Sequence[int],
        num_classes: int = 1000,
        zero_init_residual: bool = False,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] | None = None,
        norm_layer: Callable[..., Layer] | None = None,
    ) -> None:
        dilate = replace_stride_with_dilation or [False, False, False]
        if len(dilate) != 3:
            raise ValueError(
                "replace_stride_with_dilation should be None "
                f"or a 3-element tuple, got {replace_stride_with_dilation}"
            )
        self._norm_layer = norm_layer or BatchNorm2d
        self._zero_init_residual = zero_init_residual
        self.inplanes = 64
        self.dilation = 1
        self.groups = groups
        self.base_width = width_per_group
        self.conv1 = Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = self._norm_layer(64)
        self.relu = ReLU(inplace=True)
        self.maxpool = MaxPool2d(3, 2, 1)
        self.layer1 = self._stage(block, 64, layers[0], 1, False)
        self.layer2 = self._stage(block, 128, layers[1], 2, dilate[0])
        self.layer3 = self._stage(block, 256, layers[2], 2, dilate[1])
        self.layer4 = self._stage(block, 512, layers[3], 2, dilate[2])
        self.avgpool = AdaptiveAvgPool2d((1, 1))
        self.fc = Linear(512 * block.expansion, num_classes)

    def _stage(self, block: Any, planes: int, count: int, stride: int, dilate: bool) -> Sequential:
        first_dilation, planes_out = self.dilation, planes * block.expansion
        if dilate:
            self.dilation *= stride
            stride = 1
        downsample = None
        if stride != 1 or self.inplanes != planes_out:
            downsample = Sequential(_conv1x1(self.inplanes, planes_out, stride), self._norm_layer(planes_out))
        width = (self.groups, self.base_width)
        blocks = [block(self.inplanes, planes, stride, downsample, *width, first_dilation, self._norm_layer)]
        self.inplanes = planes_out
        for _ in range(1, count):
            blocks.append(block(planes_out, planes, 1, None, *width, self.dilation, self._norm_layer))
        return Sequential(*blocks)

    def draw(self, source: Source, dtype: DTypeLike) -> Params:
        def rule(layer: Layer, own: Params) -> Params:
            if isinstance(layer, Conv2d):
                shape = own["weight"].shape
                weight = init.kaiming_normal(source, shape, mode="fan_out", nonlinearity="relu", dtype=dtype)
                return {"weight": weight}
            return {}

        params = redraw(self, super().draw(source, dtype), rule)
        return _last_norms_zeroed(self, params) if self._zero_init_residual else params

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        x = self.relu(p["relu"], self.bn1(p["bn1"], self.conv1(p["conv1"], x)))
        x = self.maxpool(p["maxpool"], x)
        x = self.layer1(p["layer1"], x)
        x = self.layer2(p["layer2"], x)
        x = self.layer3(p["layer3"], x)
        x = self.layer4(p["layer4"], x)
        x = F.flatten(self.avgpool(p["avgpool"], x), 1)
        return self.fc(p["fc"], x)


def _last_norms_zeroed(layer: Layer, params: Params) -> Params:
    last = f"bn{layer.depth}" if isinstance(layer, _Block) else ""
    return {
        name: {**value, "weight": jnp.zeros_like(value["weight"])}
        if name == last and "weight" in value
        else _last_norms_zeroed(layer.children()[name], value)
        if name in layer.children()
        else value
        for name, value in params.items()
    }


VARIANTS: dict[str, tuple[type[Layer], tuple[int, int, int, int], dict[str, int]]] = {
    "resnet18": (BasicBlock, (2, 2, 2, 2), {}),
    "resnet34": (BasicBlock, (3, 4, 6, 3), {}),
    "resnet50": (Bottleneck, (3, 4, 6, 3), {}),
    "resnet101": (Bottleneck, (3, 4, 23, 3), {}),
    "resnet152": (Bottleneck, (3, 8, 36, 3), {}),
    "resnext50_32x4d": (Bottleneck, (3, 4, 6, 3), {"groups": 32, "width_per_group": 4}),
    "resnext101_32x8d": (Bottleneck, (3, 4, 23, 3), {"groups": 32, "width_per_group": 8}),
    "resnext101_64x4d": (Bottleneck, (3, 4, 23, 3), {"groups": 64, "width_per_group": 4}),
    "wide_resnet50_2": (Bottleneck, (3, 4, 6, 3), {"width_per_group": 128}),
    "wide_resnet101_2": (Bottleneck, (3, 4, 23, 3), {"width_per_group": 128}),
}
"""Block, blocks of each stage, and widths, by torchvision's names."""


def resnet(name: str, **options: Any) -> ResNet:
    """The network of a name in `VARIANTS`. Raises ValueError for another."""
    if name not in VARIANTS:
        raise ValueError(f"resnet: name: expected one of {sorted(VARIANTS)}, got {name!r}")
    block, layers, widths = VARIANTS[name]
    return ResNet(block, layers, **{**widths, **options})
