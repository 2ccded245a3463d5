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

__all__ = ["Bilinear", "Linear"]


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

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        return F.linear(input, scope["weight"], scope["bias"] if self.bias else None)

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias}"


@dataclass(frozen=True, repr=False)
class Bilinear(Layer):
    """y_k = x1ᵀ W_k x2 + b_k, as torch.nn.Bilinear: weight (out, in1, in2), bias (out,)."""

    in1_features: int
    in2_features: int
    out_features: int
    bias: bool = True

    def __post_init__(self) -> None:
        if self.in1_features <= 0:
            raise ValueError(f"Bilinear: in1_features must be > 0, but got {self.in1_features}")

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        shape = (self.out_features, self.in1_features, self.in2_features)
        params = {"weight": init.fan_in_uniform(source, shape, self.in1_features, dtype)}
        if self.bias:
            params["bias"] = init.fan_in_uniform(source, (self.out_features,), self.in1_features, dtype)
        return params

    def forward(self, scope: Scope, /, input1: jax.Array, input2: jax.Array) -> jax.Array:
        return F.bilinear(input1, input2, scope["weight"], scope["bias"] if self.bias else None)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias}"
        )
