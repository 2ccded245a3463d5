"""Affine layers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet import init
from fnnet.layers.layer import Layer, Params, Scope
from fnnet.random.source import Source

__all__ = ["Linear"]


@dataclass(frozen=True, repr=False)
class Linear(Layer):
    """y = x Wᵀ + b, as torch.nn.Linear: weight (out_features, in_features), bias (out_features,)."""

    in_features: int
    out_features: int
    bias: bool = True

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        shape = (self.out_features, self.in_features)
        params = {"weight": init.kaiming_uniform(source, shape, a=math.sqrt(5), dtype=dtype)}
        if self.bias:
            params["bias"] = init.fan_in_uniform(source, (self.out_features,), self.in_features, dtype)
        return params

    def forward(self, scope: Scope, /, x: jax.Array) -> jax.Array:
        return F.linear(x, scope["weight"], scope["bias"] if self.bias else None)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias}"
