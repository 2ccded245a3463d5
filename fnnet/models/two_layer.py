"""Fully connected networks of two layers, and of a depth that is decided in every call."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from fnnet import functional as F
from fnnet.layers import Layer, Linear


class TwoLayerNet(Layer):
    """linear2(clamp(linear1(x), min=0)): (batch, d_in) -> (batch, d_out)."""

    def __init__(self, d_in: int, hidden: int, d_out: int) -> None:
        self.linear1 = Linear(d_in, hidden)
        self.linear2 = Linear(hidden, d_out)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        return self.linear2(p["linear2"], F.clamp(self.linear1(p["linear1"], x), min=0))


class DynamicNet(Layer):
    """Between an input and an output layer, one middle layer `depth` times with the same weights.

    The depth of a call, from 0 to `deepest`, may be a traced integer: one program holds every depth and runs
    the one that it is given, so that a depth drawn in each step costs no compilation.
    """

    def __init__(self, d_in: int, hidden: int, d_out: int, deepest: int = 3) -> None:
        self.input_linear = Linear(d_in, hidden)
        self.middle_linear = Linear(hidden, hidden)
        self.output_linear = Linear(hidden, d_out)
        self.deepest = deepest

    def forward(self, p: Any, /, x: jax.Array, depth: Any) -> jax.Array:
        """(batch, d_in) -> (batch, d_out). Raises ValueError for a known depth out of range."""
        if not isinstance(depth, jax.core.Tracer) and not 0 <= int(depth) <= self.deepest:
            raise ValueError(f"DynamicNet: depth: expected 0 to {self.deepest}, got {int(depth)}")
        h = F.clamp(self.input_linear(p["input_linear"], x), min=0)
        middle = p["middle_linear"]

        def times(count: int) -> Any:
            def apply(h: jax.Array) -> jax.Array:
                for _ in range(count):
                    h = F.clamp(self.middle_linear(middle, h), min=0)
                return h

            return apply

        h = jax.lax.switch(jnp.asarray(depth, jnp.int32), [times(n) for n in range(self.deepest + 1)], h)
        return self.output_linear(p["output_linear"], h)

    def extra_repr(self) -> str:
        return f"deepest={self.deepest}"
