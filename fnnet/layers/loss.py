"""Loss layers. They have no parameters: `MSELoss()({}, x, y)`, or the function in `fnnet.functional`.

Class weights are given as a sequence of numbers and kept as a tuple, so that a loss is a hashable value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet import functional as F
from fnnet.functional.reduced import chosen_reduction
from fnnet.layers.function_layer import FunctionLayer, hashable
from fnnet.layers.layer import Layer, Scope
from fnnet.layers.spatial import PairwiseDistance

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CTCLoss",
    "CosineEmbeddingLoss",
    "CrossEntropyLoss",
    "GaussianNLLLoss",
    "HingeEmbeddingLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "MSELoss",
    "MarginRankingLoss",
    "MultiLabelMarginLoss",
    "MultiLabelSoftMarginLoss",
    "MultiMarginLoss",
    "NLLLoss",
    "PoissonNLLLoss",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "TripletMarginLoss",
    "TripletMarginWithDistanceLoss",
]


@dataclass(frozen=True, repr=False)
class _Loss(FunctionLayer):
    """A loss function whose options are the layer's fields."""

    def __post_init__(self) -> None:
        old = {name: getattr(self, name, None) for name in ("size_average", "reduce")}
        reduction: str = getattr(self, "reduction")  # noqa: B009
        if reduction != "batchmean" or any(value is not None for value in old.values()):
            chosen = chosen_reduction(old["size_average"], old["reduce"], reduction)
            object.__setattr__(self, "reduction", chosen)
        for name, value in old.items():
            if value is not None:
                object.__setattr__(self, name, None)
        for name in ("weight", "pos_weight"):
            if getattr(self, name, None) is not None:
                object.__setattr__(self, name, hashable(np.asarray(getattr(self, name)).tolist()))

    def forward(self, scope: Scope, /, *inputs: Any) -> Any:
        options = self.options()
        for name in ("weight", "pos_weight"):
            if options.get(name) is not None:
                options[name] = jnp.asarray(options[name], inputs[0].dtype)
        return type(self).function(*inputs, **options)


@dataclass(frozen=True, repr=False)
class _WeightedLoss(_Loss):
    """A loss that can weigh classes or elements, as PyTorch's class of that name."""


@dataclass(frozen=True, repr=False)
class MSELoss(_Loss):
    """Squared differences, as torch.nn.MSELoss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.mse_loss)


@dataclass(frozen=True, repr=False)
class NLLLoss(_WeightedLoss):
    """Negative log-likelihood, as torch.nn.NLLLoss."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.nll_loss)


@dataclass(frozen=True, repr=False)
class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy between logits and classes or probabilities, as torch.nn.CrossEntropyLoss."""

    weight: Any = None
    size_average: bool | None = None
    ignore_index: int = -100
    reduce: bool | None = None
    reduction: str = "mean"
    label_smoothing: float = 0.0
    function = staticmethod(F.cross_entropy)


@dataclass(frozen=True, repr=False)
class L1Loss(_Loss):
    """Absolute differences, as torch.nn.L1Loss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.l1_loss)


@dataclass(frozen=True, repr=False)
class SmoothL1Loss(_Loss):
    """Squares of small, absolute values of large differences, as torch.nn.SmoothL1Loss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    beta: float = 1.0
    function = staticmethod(F.smooth_l1_loss)


@dataclass(frozen=True, repr=False)
class HuberLoss(_Loss):
    """Squares of small, absolute values of large differences, scaled by delta, as torch.nn.HuberLoss."""

    reduction: str = "mean"
    delta: float = 1.0
    function = staticmethod(F.huber_loss)


@dataclass(frozen=True, repr=False)
class KLDivLoss(_Loss):
    """Kullback-Leibler divergence from log-probabilities, as torch.nn.KLDivLoss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    log_target: bool = False
    function = staticmethod(F.kl_div)


@dataclass(frozen=True, repr=False)
class PoissonNLLLoss(_Loss):
    """Negative log-likelihood of Poisson counts, as torch.nn.PoissonNLLLoss."""

    log_input: bool = True
    full: bool = False
    size_average: bool | None = None
    eps: float = 1e-8
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.poisson_nll_loss)


@dataclass(frozen=True, repr=False)
class GaussianNLLLoss(_Loss):
    """Negative log-likelihood of normal values: input, target, variance, as torch.nn.GaussianNLLLoss."""

    _: KW_ONLY
    full: bool = False
    eps: float = 1e-6
    reduction: str = "mean"
    function = staticmethod(F.gaussian_nll_loss)


@dataclass(frozen=True, repr=False)
class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities, as torch.nn.BCELoss."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.binary_cross_entropy)


@dataclass(frozen=True, repr=False)
class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of logits, as torch.nn.BCEWithLogitsLoss."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    pos_weight: Any = None
    function = staticmethod(F.binary_cross_entropy_with_logits)


@dataclass(frozen=True, repr=False)
class HingeEmbeddingLoss(_Loss):
    """Hinge loss of distances, as torch.nn.HingeEmbeddingLoss."""

    margin: float = 1.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.hinge_embedding_loss)


@dataclass(frozen=True, repr=False)
class MarginRankingLoss(_Loss):
    """Ranking of two inputs with a margin, as torch.nn.MarginRankingLoss."""

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.margin_ranking_loss)


@dataclass(frozen=True, repr=False)
class CosineEmbeddingLoss(_Loss):
    """Cosine distance of equal and of different pairs, as torch.nn.CosineEmbeddingLoss."""

    margin: float = 0.0
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.cosine_embedding_loss)


@dataclass(frozen=True, repr=False)
class SoftMarginLoss(_Loss):
    """log(1 + exp(-target input)), as torch.nn.SoftMarginLoss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.soft_margin_loss)


@dataclass(frozen=True, repr=False)
class MultiMarginLoss(_WeightedLoss):
    """Multi-class hinge loss, as torch.nn.MultiMarginLoss."""

    p: int = 1
    margin: float = 1.0
    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.multi_margin_loss)


@dataclass(frozen=True, repr=False)
class MultiLabelMarginLoss(_Loss):
    """Multi-label hinge loss, as torch.nn.MultiLabelMarginLoss."""

    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.multilabel_margin_loss)


@dataclass(frozen=True, repr=False)
class MultiLabelSoftMarginLoss(_WeightedLoss):
    """Mean over the labels of binary cross-entropies, as torch.nn.MultiLabelSoftMarginLoss."""

    weight: Any = None
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.multilabel_soft_margin_loss)


@dataclass(frozen=True, repr=False)
class TripletMarginLoss(_Loss):
    """Distance to a positive against that to a negative, as torch.nn.TripletMarginLoss."""

    margin: float = 1.0
    p: float = 2.0
    eps: float = 1e-6
    swap: bool = False
    size_average: bool | None = None
    reduce: bool | None = None
    reduction: str = "mean"
    function = staticmethod(F.triplet_margin_loss)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.margin <= 0:
            raise ValueError(
                f"TripletMarginLoss: expected margin to be greater than 0, got {self.margin} instead"
            )


@dataclass(frozen=True, repr=False)
class TripletMarginWithDistanceLoss(_Loss):
    """Triplet loss with any distance, a function or a layer, as torch.nn.TripletMarginWithDistanceLoss."""

    _: KW_ONLY
    distance_function: Callable[..., Any] | None = None
    margin: float = 1.0
    swap: bool = False
    reduction: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.distance_function is None:
            object.__setattr__(self, "distance_function", PairwiseDistance())

    def forward(self, scope: Scope, /, *inputs: Any) -> Any:
        options = self.options()
        distance = options.pop("distance_function")
        if isinstance(distance, Layer):
            options["distance_function"] = lambda x, y: distance({}, x, y)
        else:
            options["distance_function"] = distance
        return F.triplet_margin_with_distance_loss(*inputs, **options)


@dataclass(frozen=True, repr=False)
class CTCLoss(_Loss):
    """Connectionist temporal classification, as torch.nn.CTCLoss."""

    blank: int = 0
    reduction: str = "mean"
    zero_infinity: bool = False
    function = staticmethod(F.ctc_loss)
