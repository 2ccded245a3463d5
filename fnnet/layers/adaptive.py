"""Adaptive softmax as a layer with its loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax

from fnnet import functional as F
from fnnet.layers.container import ModuleList, Sequential
from fnnet.layers.layer import Layer, Scope
from fnnet.layers.linear import Linear

__all__ = ["AdaptiveLogSoftmaxWithLoss"]


class _ASMoutput(NamedTuple):
    """Log-probabilities of the targets, and their negative mean."""

    output: Any
    loss: Any


@dataclass(frozen=True, repr=False)
class AdaptiveLogSoftmaxWithLoss(Layer):
    """Softmax over many classes in clusters by frequency, as torch.nn.AdaptiveLogSoftmaxWithLoss.

    Called with input (N, in_features) and target (N,), or (in_features,) and (), it gives (output, loss).
    `log_prob(params, input)` gives all log-probabilities, `predict(params, input)` the likeliest classes.
    """

    in_features: int
    n_classes: int
    cutoffs: Sequence[int]
    div_value: float = 4.0
    head_bias: bool = False

    def __post_init__(self) -> None:
        cutoffs = tuple(self.cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        rising = list(cutoffs) == sorted(set(cutoffs)) and all(int(c) == c for c in cutoffs)
        if not rising or cutoffs[0] <= 0 or cutoffs[-1] > self.n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                f"where each value is between 1 and n_classes-1, got {list(cutoffs)} and "
                f"n_classes={self.n_classes}"
            )
        object.__setattr__(self, "cutoffs", cutoffs)

    @property
    def bounds(self) -> tuple[int, ...]:
        """The cutoffs, then the number of classes."""
        return (*self.cutoffs, self.n_classes)

    def children(self) -> dict[str, Layer]:
        sizes = [end - first for first, end in zip(self.bounds, self.bounds[1:], strict=False)]
        clusters = []
        for i, size in enumerate(sizes):
            hidden = int(self.in_features // (self.div_value ** (i + 1)))
            clusters.append(Sequential(Linear(self.in_features, hidden, False), Linear(hidden, size, False)))
        head = Linear(self.in_features, self.cutoffs[0] + len(sizes), self.head_bias)
        return {"head": head, "tail": ModuleList(clusters)}

    def _scores(self, scope: Mapping[str, Any], input: jax.Array) -> tuple[Any, list[Any]]:
        """The scores of the head and of each cluster."""
        parts = self.children()
        tails = [part(scope["tail"][name], input) for name, part in parts["tail"].children().items()]
        return parts["head"](scope["head"], input), tails

    def forward(self, scope: Scope, /, input_: jax.Array, target_: jax.Array) -> _ASMoutput:
        if target_.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        if input_.ndim != target_.ndim + 1:
            raise RuntimeError(
                f"{target_.ndim}D target tensor expects {target_.ndim + 1}D input tensors, but found inputs "
                f"with size {input_.shape}"
            )
        if target_.ndim and input_.shape[0] != target_.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        input, target = (input_, target_) if target_.ndim else (input_[None], target_[None])
        output = F.adaptive_log_softmax(*self._scores(scope, input), target, self.bounds)
        return _ASMoutput(output if target_.ndim else output[0], (-output).mean())

    def log_prob(self, params: Mapping[str, Any], input: jax.Array) -> jax.Array:
        """The log-probabilities (N, n_classes) of input (N, in_features)."""
        return F.adaptive_log_prob(*self._scores(params, input), self.bounds)

    def predict(self, params: Mapping[str, Any], input: jax.Array) -> jax.Array:
        """The most probable classes (N,) of input (N, in_features)."""
        return F.adaptive_predict(*self._scores(params, input), self.bounds)
