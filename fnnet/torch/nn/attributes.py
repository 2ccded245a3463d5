"""Which attributes the modules derived from layers have: the layers' fields, as PyTorch shows them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from fnnet.layers.layer import Layer

__all__ = ["families", "field_of", "hidden", "of", "optional", "shown"]

_HIDDEN: dict[str, frozenset[str]] = {
    "_Loss": frozenset({"size_average", "reduce", "weight", "pos_weight"}),
    "MultiheadAttention": frozenset({"bias", "add_bias_kv"}),
    "_TransformerLayer": frozenset(
        {"d_model", "nhead", "dim_feedforward", "dropout", "layer_norm_eps", "batch_first", "bias"}
    ),
    "_RunningNorm": frozenset({"bias"}),
    "LayerNorm": frozenset({"bias"}),
    "GroupNorm": frozenset({"bias"}),
    "Linear": frozenset({"bias"}),
    "LinearCrossEntropyLoss": frozenset({"in_features", "bias", "weight"}),
    "Bilinear": frozenset({"bias"}),
    "_Convolution": frozenset({"bias"}),
}
"""Fields that the module does not have as attributes, or has as parameters."""

_NAMED = {("PReLU", "initial"): "init", ("PairwiseDistance", "p"): "norm"}
"""Fields under another name."""

_FURTHER: dict[str, dict[str, Callable[[Any], Any]]] = {
    "_Recurrent": {"mode": lambda layer: layer.mode, "proj_size": lambda layer: layer.proj_size},
    "AdaptiveLogSoftmaxWithLoss": {
        "cutoffs": lambda layer: list(layer.bounds),
        "shortlist_size": lambda layer: layer.cutoffs[0],
        "n_clusters": lambda layer: len(layer.cutoffs),
        "head_size": lambda layer: layer.cutoffs[0] + len(layer.cutoffs),
    },
    "MultiheadAttention": {
        "kdim": lambda layer: layer.kdim or layer.embed_dim,
        "vdim": lambda layer: layer.vdim or layer.embed_dim,
        "head_dim": lambda layer: layer.embed_dim // layer.num_heads,
        "bias_k": lambda layer: None,
        "bias_v": lambda layer: None,
    },
    "_Convolution": {
        "transposed": lambda layer: layer.transposed,
        "output_padding": lambda layer: getattr(layer, "output_padding", (0,) * layer.dimensions),
    },
}
"""What PyTorch's modules hold beside their arguments."""

_OPTIONAL: dict[str, dict[str, tuple[str, ...]]] = {
    "_RunningNorm": {
        "parameters": ("weight", "bias"),
        "buffers": ("running_mean", "running_var", "num_batches_tracked"),
    },
    "LayerNorm": {"parameters": ("weight", "bias")},
    "GroupNorm": {"parameters": ("weight", "bias")},
    "RMSNorm": {"parameters": ("weight",)},
    "Linear": {"parameters": ("weight", "bias")},
    "Bilinear": {"parameters": ("weight", "bias")},
    "_Convolution": {"parameters": ("weight", "bias")},
    "_Cell": {"parameters": ("weight_ih", "weight_hh", "bias_ih", "bias_hh")},
    "MultiheadAttention": {
        "parameters": (
            "in_proj_weight",
            "q_proj_weight",
            "k_proj_weight",
            "v_proj_weight",
            "in_proj_bias",
        )
    },
    "NLLLoss": {"buffers": ("weight",)},
    "CrossEntropyLoss": {"buffers": ("weight",)},
    "BCELoss": {"buffers": ("weight",)},
    "BCEWithLogitsLoss": {"buffers": ("weight", "pos_weight")},
    "MultiMarginLoss": {"buffers": ("weight",)},
    "MultiLabelSoftMarginLoss": {"buffers": ("weight",)},
}
"""Names that are registered though an option leaves them None."""


def families(layer: Any) -> list[str]:
    """The names of a layer's class and of those above it."""
    return [cls.__name__ for cls in type(layer).__mro__]


def hidden(layer_class: type[Layer]) -> set[str]:
    """Fields that modules of this class do not have as attributes."""
    return {name for cls in layer_class.__mro__ for name in _HIDDEN.get(cls.__name__, ())}


def shown(layer_class: type[Layer], field: str) -> str:
    """The attribute that shows a field."""
    return _NAMED.get((layer_class.__name__, field), field)


def _fields(layer: Any) -> list[str]:
    if dataclasses.is_dataclass(layer):
        return [field.name for field in dataclasses.fields(layer)]
    return [n for n, v in vars(layer).items() if not n.startswith("_") and not isinstance(v, Layer)]


def of(layer: Any) -> dict[str, Any]:
    """The attributes of the module of a layer."""
    without = hidden(type(layer))
    found = {shown(type(layer), name): getattr(layer, name) for name in _fields(layer) if name not in without}
    for family in families(layer):
        found.update({name: value(layer) for name, value in _FURTHER.get(family, {}).items()})
    return found


def field_of(layer: Any, attribute: str) -> str:
    """The field of the layer that an attribute of its module sets; "" if none."""
    if layer is None:
        return ""
    for (family, field), name in _NAMED.items():
        if name == attribute and family in families(layer):
            return field
    return attribute if attribute in _fields(layer) else ""


def optional(layer: Any, kind: str) -> tuple[str, ...]:
    """Names of `kind` ("parameters", "buffers") that the module has, be it as None, in PyTorch's order."""
    for family in families(layer):
        if family in _OPTIONAL:
            return _OPTIONAL[family].get(kind, ())
    return ()
