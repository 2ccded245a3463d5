"""Loss layers. They have no parameters: `MSELoss()({}, x, y)`, or the function in `fnnet.functional`.

Class weights are given as a sequence of numbers and kept as a tuple, so that a loss is a hashable value.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.functional.reduced import chosen_reduction
from fnnet.layers.layer import Layer, Scope

__all__ = ["CrossEntropyLoss", "MSELoss", "NLLLoss"]


def _as_tuple(values: Any) -> Any:
    """Nested tuples of numbers from an array or a sequence."""
    if isinstance(values, list | tuple):
        return tuple(_as_tuple(value) for value in values)
    return values


@dataclass(frozen=True, repr=False)
class _Loss(Layer):
    """A loss function whose options are the layer's fields."""

    function: ClassVar[Any]

    def __post_init__(self) -> None:
        if hasattr(self, "reduction"):
            old = getattr(self, "size_average", None), getattr(self, "reduce", None)
            object.__setattr__(self, "reduction", chosen_reduction(*old, self.reduction))
            for name in ("size_average", "reduce"):
                if getattr(self, name, None) is not None:
                    object.__setattr__(self, name, None)
        for name in ("weight", "pos_weight"):
            if getattr(self, name, None) is not None:
                object.__setattr__(self, name, _as_tuple(np.asarray(getattr(self, name)).tolist()))

    def forward(self, scope: Scope, /, input: jax.Array, *others: jax.Array) -> jax.Array:
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in ("weight", "pos_weight"):
            if options.get(name) is not None:
                options[name] = jnp.asarray(options[name], input.dtype)
        return type(self).function(input, *others, **options)


@dataclass(frozen=True, repr=False)
class MSELoss(_Loss):
    """Squared differences, as torch.nn.MSELoss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.mse_loss)


@dataclass(frozen=True, repr=False)
class NLLLoss(_Loss):
    """Negative log-likelihood, as torch.nn.NLLLoss."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.nll_loss)


@dataclass(frozen=True, repr=False)
class CrossEntropyLoss(_Loss):
    """Cross-entropy between logits and classes or probabilities, as torch.nn.CrossEntropyLoss."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0
    function = staticmethod(F.cross_entropy)
