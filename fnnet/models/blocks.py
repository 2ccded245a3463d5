"""Layers in a row that several networks are built of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from fnnet.layers import BatchNorm2d, Conv2d, Dropout, Layer, Linear, ReLU, Sequential

__all__ = ["MLP", "Conv2dNormActivation"]


class Conv2dNormActivation(Sequential):
    """A convolution that keeps the size (by its default padding), a norm and an activation.

    Norm or activation may be None.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any = 3,
        stride: Any = 1,
        padding: Any = None,
        groups: int = 1,
        norm_layer: Callable[..., Layer] | None = BatchNorm2d,
        activation_layer: Callable[..., Layer] | None = ReLU,
        dilation: Any = 1,
        inplace: bool | None = True,
        bias: bool | None = None,
    ) -> None:
        if padding is None:
            kernels, steps = ((v, v) if isinstance(v, int) else tuple(v) for v in (kernel_size, dilation))
            padding = tuple((k - 1) // 2 * d for k, d in zip(kernels, steps, strict=True))
        bias = norm_layer is None if bias is None else bias
        layers: list[Layer] = [
            Conv2d(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias)
        ]
        if norm_layer is not None:
            layers.append(norm_layer(out_channels))
        if activation_layer is not None:
            layers.append(activation_layer(**({} if inplace is None else {"inplace": inplace})))
        super().__init__(*layers)
        self.out_channels = out_channels


class MLP(Sequential):
    """Linear layers: behind each a norm (if any), an activation and dropout; behind the last only dropout."""

    def __init__(
        self,
        in_channels: int,
        hidden_channels: Sequence[int],
        norm_layer: Callable[..., Layer] | None = None,
        activation_layer: Callable[..., Layer] = ReLU,
        inplace: bool | None = None,
        bias: bool = True,
        dropout: float = 0.0,
    ) -> None:
        options = {} if inplace is None else {"inplace": inplace}
        layers: list[Layer] = []
        *hidden, last = hidden_channels
        for width in hidden:
            layers.append(Linear(in_channels, width, bias))
            layers += [] if norm_layer is None else [norm_layer(width)]
            layers += [activation_layer(**options), Dropout(dropout, **options)]
            in_channels = width
        super().__init__(*layers, Linear(in_channels, last, bias), Dropout(dropout, **options))
