"""Small classifiers of vectors."""

from __future__ import annotations

from typing import Any

import jax

from fnnet import functional as F
from fnnet.layers import Layer, Linear, ReLU, Sequential


class LogisticRegression(Layer):
    """log_softmax(linear(x)): (batch, in_features) -> logarithms of probabilities (batch, classes)."""

    def __init__(self, in_features: int, classes: int) -> None:
        self.linear = Linear(in_features, classes)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        return F.log_softmax(self.linear(p["linear"], x), dim=1)


def fizzbuzz_net(digits: int = 10, hidden: int = 100) -> Sequential:
    """The network that learns FizzBuzz: binary digits in, four classes out."""
    return Sequential(Linear(digits, hidden), ReLU(), Linear(hidden, 4))
