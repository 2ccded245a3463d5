"""Padding layers: the value and the dimensions are in the name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from fnnet import functional as F
from fnnet.functional.spatial import per_dimension
from fnnet.layers.function_layer import FunctionLayer
from fnnet.layers.layer import Scope

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


@dataclass(frozen=True, repr=False)
class _Pad(FunctionLayer):
    """Padding of `dimensions` spatial dimensions; a single size holds for all sides."""

    padding: int | Sequence[int]

    dimensions: ClassVar[int]
    mode: ClassVar[str] = "constant"
    shown: ClassVar[tuple[str, ...]] = ("=padding",)

    def __post_init__(self) -> None:
        sizes = per_dimension(type(self).__name__, "padding", self.padding, 2 * self.dimensions)
        object.__setattr__(self, "padding", sizes)

    def forward(self, scope: Scope, /, *inputs: Any) -> jax.Array:
        return F.pad(inputs[0], self.padding, self.mode, getattr(self, "value", None))  # type: ignore[arg-type]


@dataclass(frozen=True, repr=False)
class _ConstantPad(_Pad):
    value: float
    shown = ("padding", "value")


class _ReflectionPad(_Pad):
    mode = "reflect"


class _ReplicationPad(_Pad):
    mode = "replicate"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, scope: Scope, /, *inputs: Any) -> jax.Array:
        few = self.dimensions + 1
        if inputs[0].ndim not in (few, few + 1):
            raise ValueError(
                f"{type(self).__name__}: expected {few}D or {few + 1}D input (got {inputs[0].ndim}D input)"
            )
        return super().forward(scope, *inputs)


class ConstantPad1d(_ConstantPad):
    """Padding by `value`, as torch.nn.ConstantPad1d."""

    dimensions = 1


class ConstantPad2d(_ConstantPad):
    """Padding by `value`, as torch.nn.ConstantPad2d."""

    dimensions = 2


class ConstantPad3d(_ConstantPad):
    """Padding by `value`, as torch.nn.ConstantPad3d."""

    dimensions = 3


class ZeroPad1d(_Pad):
    """Padding by zeros, as torch.nn.ZeroPad1d."""

    dimensions = 1


class ZeroPad2d(_Pad):
    """Padding by zeros, as torch.nn.ZeroPad2d."""

    dimensions = 2


class ZeroPad3d(_Pad):
    """Padding by zeros, as torch.nn.ZeroPad3d."""

    dimensions = 3


class ReflectionPad1d(_ReflectionPad):
    """Padding by reflection, as torch.nn.ReflectionPad1d."""

    dimensions = 1


class ReflectionPad2d(_ReflectionPad):
    """Padding by reflection, as torch.nn.ReflectionPad2d."""

    dimensions = 2


class ReflectionPad3d(_ReflectionPad):
    """Padding by reflection, as torch.nn.ReflectionPad3d."""

    dimensions = 3


class ReplicationPad1d(_ReplicationPad):
    """Padding by the elements at the edge, as torch.nn.ReplicationPad1d."""

    dimensions = 1


class ReplicationPad2d(_ReplicationPad):
    """Padding by the elements at the edge, as torch.nn.ReplicationPad2d."""

    dimensions = 2


class ReplicationPad3d(_ReplicationPad):
    """Padding by the elements at the edge, as torch.nn.ReplicationPad3d."""

    dimensions = 3


class CircularPad1d(_CircularPad):
    """Padding by the other end, as torch.nn.CircularPad1d."""

    dimensions = 1


class CircularPad2d(_CircularPad):
    """Padding by the other end, as torch.nn.CircularPad2d."""

    dimensions = 2


class CircularPad3d(_CircularPad):
    """Padding by the other end, as torch.nn.CircularPad3d."""

    dimensions = 3
