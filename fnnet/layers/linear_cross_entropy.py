"""Cross-entropy of a linear layer's output, as one layer."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.layers.function_layer import hashable
from fnnet.layers.layer import Layer, Scope
from fnnet.layers.linear import Linear

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch cuts up linear_cross_entropy; without effect here, where XLA fuses it."""

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: Any = None


@dataclass(frozen=True, repr=False)
class LinearCrossEntropyLoss(Layer):
    """Cross-entropy of `linear` of the input, as torch.nn.LinearCrossEntropyLoss.

    Called with input (N, in_features) or (in_features,) and a target as cross_entropy takes it for logits
    (N, num_classes, *out_features).
    """

    in_features: int
    num_classes: int
    _: KW_ONLY
    out_features: tuple[int, ...] = ()
    bias: bool = False
    reduction: str = "mean"
    weight: Any = None
    ignore_index: int | None = None
    label_smoothing: float = 0.0
    options: LinearCrossEntropyOptions | None = None

    def __post_init__(self) -> None:
        if self.weight is not None:
            if np.shape(self.weight) != (self.num_classes,):
                raise RuntimeError(
                    f"expected weight shape to be {(self.num_classes,)}, got {np.shape(self.weight)}"
                )
            object.__setattr__(self, "weight", hashable(np.asarray(self.weight).tolist()))
        if not 0 <= self.label_smoothing <= 1:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {self.label_smoothing}")

    def children(self) -> dict[str, Layer]:
        rows = math.prod(self.out_features, start=self.num_classes)
        return {"linear": Linear(self.in_features, rows, self.bias)}

    def forward(self, scope: Scope, /, input: jax.Array, target: jax.Array) -> jax.Array:
        return self.loss(
            scope, input, target, None if self.weight is None else jnp.asarray(self.weight, input.dtype)
        )

    def loss(self, scope: Scope, input: jax.Array, target: jax.Array, weight: Any) -> jax.Array:
        """The loss, with the weights of the classes given."""
        shape = (self.num_classes, *self.out_features)
        linear = scope["linear"]
        return F.linear_cross_entropy(
            input,
            linear["weight"].reshape(*shape, self.in_features),
            target,
            linear_bias=linear["bias"].reshape(shape) if self.bias else None,
            weight=weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
        )

    def extra_repr(self) -> str:
        names = ("in_features", "num_classes", "out_features", "bias", "reduction", "ignore_index")
        shown = [f"{name}={getattr(self, name)}" for name in (*names, "label_smoothing", "options")]
        return ", ".join(shown)
