"""Modules as PyTorch's pickles have them: a class and its attributes, of which a layer is made again."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from typing import Any

import fnnet.functional as F
from fnnet.checkpoint.pickle_stream import Refusal
from fnnet.checkpoint.pt_write import named
from fnnet.torch.nn import attributes
from fnnet.torch.nn.derive import LayerModule
from fnnet.torch.nn.module import Module

__all__ = ["restore", "state_of"]

_FIRST = ("training", "_parameters", "_buffers", "_non_persistent_buffers_set")
_HOOKS = (
    "_backward_pre_hooks",
    "_backward_hooks",
    "_is_full_backward_hook",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_state_dict_hooks",
    "_state_dict_pre_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
"""What PyTorch's modules have between their buffers and their parts; nobody's are written."""
_PROPERTIES = frozenset(("_flat_weights", "_flat_weights_names", "_all_weights"))


def state_of(module: Any) -> dict[str, Any]:
    """The attributes that PyTorch's module of the same class has.

    Raises NotImplementedError for a module with hooks.
    """
    if "parametrizations" in module._modules:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
            "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
        )
    own = dict(vars(module))
    for name in [name for name in own if name.endswith("_hooks")]:
        if own.pop(name):
            raise NotImplementedError(
                f"torch.save: a {type(module).__name__} with hooks ({name}): remove them, or save its "
                "state_dict()"
            )
    layer = own.pop("_layer", None)
    state: dict[str, Any] = {name: own.pop(name) for name in _FIRST if name in own}
    state.update({name: None if name == "_is_full_backward_hook" else OrderedDict() for name in _HOOKS})
    state["_modules"] = own.pop("_modules", {})
    state.update({name: value for name, value in own.items() if name not in _HOOKS})
    if hasattr(type(module), "_further_state"):
        state.update(module._further_state())
    if layer is not None:
        for name, value in _further(module, layer).items():
            state.setdefault(name, value)
        families = attributes.families(layer)
        try:
            known = _shown(_layer(type(module), state)) == _shown(layer)
        except Refusal:
            known = False
        if not known:
            state["_layer"] = layer  # so that it is read here, though not by PyTorch
        if "TransformerEncoderLayer" in families or "TransformerDecoderLayer" in families:
            state["activation"] = named("torch.nn.functional", _named_by(layer.activation))
    return state


def restore(module: Any, state: dict[str, Any]) -> None:
    """Give a module of no attributes those of a file. Raises Refusal for those that it cannot have."""
    state = dict(state)
    for table in ("_parameters", "_buffers", "_modules"):
        if not isinstance(state.get(table), dict):
            raise Refusal(f"a {type(module).__name__} without its {table}")
    for name in [name for name in state if name.endswith(("_hooks", "_hooks_with_kwargs", "_always_called"))]:
        if state.pop(name):
            raise Refusal(
                f"a {type(module).__name__} with hooks ({name}), which are functions of its program"
            )
    state.pop("_is_full_backward_hook", None)
    if isinstance(module, LayerModule) and "_layer" not in state:
        layer = state["_layer"] = _layer(type(module), state)
        if "activation" in state:
            state["activation"] = layer.activation
    for name in _PROPERTIES & set(state):
        if isinstance(getattr(type(module), name, None), property):
            del state[name]
    module.__setstate__(state)


def _shown(layer: Any) -> dict[str, Any]:
    """What tells layers apart: a Transformer's activation, too, by its name."""
    found = attributes.of(layer)
    return {**found, "activation": _named_by(found["activation"])} if "activation" in found else found


def _further(module: Any, layer: Any) -> dict[str, Any]:
    """What PyTorch's module of this layer computes from its arguments, and keeps."""
    found: dict[str, Any] = {}
    families = attributes.families(layer)
    if "_Convolution" in families:
        found["_reversed_padding_repeated_twice"] = module._reversed_padding_repeated_twice
    name = families[0]
    if name == "ReLU6":
        found = {"min_val": 0.0, "max_val": 6.0}
    elif name.startswith("ZeroPad"):
        found = {"value": 0.0}
    elif name.startswith("Upsampl"):
        found = {"name": name}
    elif name == "TransformerEncoderLayer":
        found = {"activation_relu_or_gelu": {"relu": 1, "gelu": 2}.get(_named_by(layer.activation), 0)}
    elif name == "TransformerEncoder":
        found = {"use_nested_tensor": False}
    if "MultiheadAttention" in families:
        same = layer.kdim in (None, layer.embed_dim) and layer.vdim in (None, layer.embed_dim)
        found["_qkv_same_embed_dim"] = same
    return found


def _layer(kind: Any, state: dict[str, Any]) -> Any:
    """The layer of a module with these attributes. Raises Refusal if they do not say which."""
    layer_class = kind._layer_class
    given = _TAKEN.get(layer_class.__name__, _arguments)(layer_class, state)
    try:
        return layer_class(**given)
    except (TypeError, ValueError, RuntimeError, AttributeError, AssertionError):
        raise Refusal(f"a {kind.__name__} with other attributes than PyTorch's has") from None


def _arguments(layer_class: Any, state: dict[str, Any]) -> dict[str, Any]:
    parameters, buffers = state["_parameters"], state["_buffers"]
    hidden = attributes.hidden(layer_class)
    given: dict[str, Any] = {}
    for name, parameter in inspect.signature(layer_class).parameters.items():
        shown = attributes.shown(layer_class, name)
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if shown in state and name not in hidden:
            given[name] = state[shown]
        elif name == "bias" and (state.get("affine") is False or state.get("elementwise_affine") is False):
            continue  # it says nothing
        elif name == "bias":
            given[name] = any(parameters.get(one) is not None for one in ("bias", "in_proj_bias"))
        elif name == "add_bias_kv":
            given[name] = parameters.get("bias_k") is not None
        elif name in buffers or name in hidden:
            continue
        elif parameter.default is parameter.empty:
            raise Refusal(f"a {layer_class.__name__} without {name}")
    return given


def _transformer_layer(layer_class: Any, state: dict[str, Any]) -> dict[str, Any]:
    parts = state["_modules"]
    attention, wide, norm = parts.get("self_attn"), parts.get("linear1"), parts.get("norm1")
    if not all(isinstance(one, Module) for one in (attention, wide, norm, parts.get("dropout"))):
        raise Refusal(f"a {layer_class.__name__} without its parts")
    activation = state.get("activation", parts.get("activation"))
    given = {
        "d_model": attention.embed_dim,
        "nhead": attention.num_heads,
        "dim_feedforward": wide.out_features,
        "dropout": parts["dropout"].p,
        "layer_norm_eps": norm.eps,
        "batch_first": attention.batch_first,
        "norm_first": state.get("norm_first", False),
        "bias": wide._parameters.get("bias") is not None,
    }
    given["activation"] = {"relu": F.relu, "gelu": F.gelu}.get(_named_by(activation))
    if given["activation"] is None:
        raise Refusal(f"a {layer_class.__name__} with the activation {str(activation)[:40]}")
    return given


def _named_by(activation: Any) -> str:
    """The word "relu" of the function or the word itself."""
    return activation if isinstance(activation, str) else str(getattr(activation, "__name__", ""))


def _adaptive(layer_class: Any, state: dict[str, Any]) -> dict[str, Any]:
    head, cutoffs = state["_modules"].get("head"), state.get("cutoffs")
    if not isinstance(head, Module) or type(cutoffs) is not list:
        raise Refusal(f"a {layer_class.__name__} without its parts")
    plain = {name: state.get(name) for name in ("in_features", "n_classes", "div_value")}
    return {**plain, "cutoffs": cutoffs[:-1], "head_bias": head._parameters.get("bias") is not None}


_TAKEN = {
    "TransformerEncoderLayer": _transformer_layer,
    "TransformerDecoderLayer": _transformer_layer,
    "AdaptiveLogSoftmaxWithLoss": _adaptive,
}
"""Layers whose arguments their parts have."""
