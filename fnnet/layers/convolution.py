"""Convolution layers in 1, 2 and 3 dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.functional.convolution import same_padding
from fnnet.functional.spatial import Sizes, per_dimension
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.random.source import Source

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Layer):
    """What both directions share: checks, initial values and the text."""

    dimensions: ClassVar[int]
    transposed: ClassVar[bool] = False
    in_channels: int
    out_channels: int
    kernel_size: Any
    stride: Any
    groups: int
    bias: bool
    padding_mode: str

    def _settle(self, *per_dim: str) -> None:
        name = type(self).__name__
        if self.groups <= 0:
            raise ValueError(f"{name}: groups must be a positive integer, got {self.groups}")
        for argument in ("in_channels", "out_channels"):
            if getattr(self, argument) % self.groups:
                raise ValueError(
                    f"{name}: {argument} must be divisible by groups, got {getattr(self, argument)} and "
                    f"{self.groups}"
                )
        if self.padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"{name}: padding_mode must be one of {_PADDING_MODES}, got {self.padding_mode!r}"
            )
        for argument in ("kernel_size", "stride", "dilation", *per_dim):
            value = per_dimension(name, argument, getattr(self, argument), self.dimensions)
            object.__setattr__(self, argument, value)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """The shape of the weight."""
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        return (first, second // self.groups, *self.kernel_size)

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        shape = self.weight_shape
        params = {"weight": init.kaiming_uniform(source, shape, a=math.sqrt(5), dtype=dtype)}
        if self.bias:
            params["bias"] = init.fan_in_uniform(source, (self.out_channels,), math.prod(shape[1:]), dtype)
        return params

    def _bias(self, scope: Scope) -> jax.Array | None:
        return scope["bias"] if self.bias else None

    def extra_repr(self) -> str:
        ones, zeros = (1,) * self.dimensions, (0,) * self.dimensions
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        for argument, quiet in (
            ("padding", zeros),
            ("dilation", ones),
            ("output_padding", zeros),
            ("groups", 1),
            ("bias", True),
        ):
            value = getattr(self, argument, quiet)
            if value != quiet:
                text += f", {argument}={value}"
        return text if self.padding_mode == "zeros" else text + f", padding_mode={self.padding_mode}"


@dataclass(frozen=True, repr=False)
class _ConvNd(_Convolution):
    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes | str = 0
    dilation: Sizes = 1
    groups: int = 1
    bias: bool = True
    padding_mode: str = "zeros"

    function: ClassVar[Callable[..., jax.Array]]

    def __post_init__(self) -> None:
        self._settle(*(() if isinstance(self.padding, str) else ("padding",)))
        if isinstance(self.padding, str):
            if self.padding not in ("same", "valid"):
                raise ValueError(
                    f"{type(self).__name__}: Invalid padding string {self.padding!r}, should be one of "
                    "'valid', 'same'"
                )
            if self.padding == "same" and set(self.stride) != {1}:  # type: ignore[arg-type]
                raise ValueError(
                    f"{type(self).__name__}: padding='same' is not supported for strided convolutions"
                )

    def _margins(self) -> list[tuple[int, int]]:
        if self.padding == "same":
            return same_padding(self.kernel_size, self.dilation)  # type: ignore[arg-type]
        if self.padding == "valid":
            return []
        return [(size, size) for size in self.padding]  # type: ignore[union-attr,misc]

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        padding = self.padding
        if self.padding_mode != "zeros":
            widths = [size for margin in reversed(self._margins()) for size in margin]
            input = F.pad(input, widths, mode=self.padding_mode)
            padding = 0
        return type(self).function(
            input, scope["weight"], self._bias(scope), self.stride, padding, self.dilation, self.groups
        )


class Conv1d(_ConvNd):
    """Convolution of (N, in_channels, L) or (in_channels, L), as torch.nn.Conv1d."""

    dimensions = 1
    function = staticmethod(F.conv1d)


class Conv2d(_ConvNd):
    """Convolution of (N, in_channels, H, W) or (in_channels, H, W), as torch.nn.Conv2d."""

    dimensions = 2
    function = staticmethod(F.conv2d)


class Conv3d(_ConvNd):
    """Convolution of (N, in_channels, D, H, W) or (in_channels, D, H, W), as torch.nn.Conv3d."""

    dimensions = 3
    function = staticmethod(F.conv3d)


@dataclass(frozen=True, repr=False)
class _ConvTransposeNd(_Convolution):
    in_channels: int
    out_channels: int
    kernel_size: Sizes
    stride: Sizes = 1
    padding: Sizes = 0
    output_padding: Sizes = 0
    groups: int = 1
    bias: bool = True
    dilation: Sizes = 1
    padding_mode: str = "zeros"

    transposed: ClassVar[bool] = True
    function: ClassVar[Callable[..., jax.Array]]

    def __post_init__(self) -> None:
        if self.padding_mode != "zeros":
            raise ValueError(
                f'{type(self).__name__}: Only "zeros" padding mode is supported, got {self.padding_mode!r}'
            )
        self._settle("padding", "output_padding")

    def _output_padding(self, input: jax.Array, output_size: Sequence[int] | None) -> Any:
        if output_size is None:
            return self.output_padding
        n = self.dimensions
        wanted = tuple(output_size)
        if len(wanted) == input.ndim and input.ndim != n:
            wanted = wanted[-n:]
        if len(wanted) != n:
            raise ValueError(
                f"{type(self).__name__}: for {input.ndim}D input, output_size must have {n} or {input.ndim} "
                f"elements (got {len(wanted)})"
            )
        geometry: Any = zip(
            input.shape[-n:],
            *(getattr(self, name) for name in ("stride", "padding", "dilation", "kernel_size")),
            strict=True,
        )
        shortest = [(size - 1) * s - 2 * p + d * (k - 1) + 1 for size, s, p, d, k in geometry]
        longest = [low + s - 1 for low, s in zip(shortest, self.stride, strict=True)]  # type: ignore[arg-type]
        if any(not low <= size <= high for low, size, high in zip(shortest, wanted, longest, strict=True)):
            raise ValueError(
                f"{type(self).__name__}: requested an output size of {wanted}, but valid sizes range from "
                f"{shortest} to {longest} (for an input of {tuple(input.shape[-n:])})"
            )
        return tuple(size - low for size, low in zip(wanted, shortest, strict=True))

    def forward(
        self, scope: Scope, /, input: jax.Array, output_size: Sequence[int] | None = None
    ) -> jax.Array:
        return type(self).function(
            input,
            scope["weight"],
            self._bias(scope),
            self.stride,
            self.padding,
            self._output_padding(input, output_size),
            self.groups,
            self.dilation,
        )


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution of (N, in_channels, L) or (in_channels, L), as torch.nn.ConvTranspose1d."""

    dimensions = 1
    function = staticmethod(F.conv_transpose1d)


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution of (N, in_channels, H, W) or (in_channels, H, W), as
    torch.nn.ConvTranspose2d.
    """

    dimensions = 2
    function = staticmethod(F.conv_transpose2d)


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution of (N, in_channels, D, H, W) or (in_channels, D, H, W), as
    torch.nn.ConvTranspose3d.
    """

    dimensions = 3
    function = staticmethod(F.conv_transpose3d)
