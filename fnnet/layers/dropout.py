"""Dropout layers: they draw in training from the key of the call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax

from fnnet import functional as F
from fnnet.layers.layer import Layer, Scope

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


@dataclass(frozen=True, repr=False)
class _Dropout(Layer):
    p: float = 0.5
    inplace: bool = False

    function: ClassVar[Any]

    def __post_init__(self) -> None:
        if not 0 <= self.p <= 1:
            raise ValueError(
                f"{type(self).__name__}: dropout probability has to be between 0 and 1, but got {self.p}"
            )

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        draws = scope.training and 0 < self.p < 1
        return type(self).function(input, self.p, scope.training, key=scope.source if draws else None)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """Zeroes elements with probability p and divides the others by 1 - p, as torch.nn.Dropout."""

    function = staticmethod(F.dropout)


class Dropout1d(_Dropout):
    """Zeroes channels of (N, C, L) or (C, L), as torch.nn.Dropout1d."""

    function = staticmethod(F.dropout1d)


class Dropout2d(_Dropout):
    """Zeroes channels of (N, C, H, W), as torch.nn.Dropout2d."""

    function = staticmethod(F.dropout2d)


class Dropout3d(_Dropout):
    """Zeroes channels of (N, C, D, H, W) or (C, D, H, W), as torch.nn.Dropout3d."""

    function = staticmethod(F.dropout3d)


class AlphaDropout(_Dropout):
    """Dropout that keeps mean and variance of SELU's activations, as torch.nn.AlphaDropout."""

    function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """Alpha dropout of whole channels, as torch.nn.FeatureAlphaDropout."""

    function = staticmethod(F.feature_alpha_dropout)
