"""Initial values that a network gives its layers after they have drawn their own, as PyTorch's models do.

A network of that kind draws twice: first every layer by its own default, then a rule goes through the layers
in the order of `modules()` and draws some anew. From a Generator both count, since the first decides where in
the stream the second begins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax.numpy as jnp

from fnnet.layers import Layer
from fnnet.layers.layer import Params

__all__ = ["Rule", "redraw"]

Rule: TypeAlias = Callable[[Layer, Params], Params]
"""From a layer and its own parameters (those in no part) to those among them that get new values."""


def redraw(layer: Layer, params: Params, rule: Rule) -> Params:
    """The parameters, with the rule's for the layer itself and then for its parts, in order.

    A layer that has a method `redraw(rule)` is asked to do it itself.
    """
    own_way: Any = getattr(layer, "redraw", None)
    if own_way is not None:
        own_way(rule)
        return params
    parts = layer.children()
    own = {name: value for name, value in params.items() if name not in parts}
    changed = {**params, **rule(layer, own)}
    for name, part in parts.items():
        drawn = redraw(part, params.get(name, {}), rule)
        if name in params:
            changed[name] = drawn
    return changed


def zeros_for_bias(own: Params) -> Params:
    """The bias as zeros, where there is one."""
    return {"bias": jnp.zeros_like(own["bias"])} if "bias" in own else {}
