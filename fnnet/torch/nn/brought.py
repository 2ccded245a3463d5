"""Modules that a user brings to a network that is derived from a layer: blocks, norms, a shortcut.

Such a network is built of layers first. A module among its arguments stands there as a layer that gives the
module back; a class or function that makes modules becomes one that makes such layers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from fnnet.layers.layer import Layer, Scope
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.module import Module
from fnnet.torch.tensor import from_array

__all__ = ["Brought", "Factory"]

FACTORIES = frozenset({"block", "norm_layer", "activation_layer"})
"""Arguments that make layers of numbers, and may be anything that makes modules of them."""


class Brought(Layer):
    """The place of a module in a tree of layers."""

    def __init__(self, module: Module) -> None:
        self.module = module

    def forward(self, scope: Scope, /, *inputs: Any, **options: Any) -> Any:
        return self.module(*inputs, **options)

    def redraw(self, rule: Callable[[Layer, dict[str, Any]], dict[str, Any]]) -> None:
        """New values by a rule (`fnnet.models.redraw`) for the derived modules in it."""
        for module in self.module.modules():
            layer = module.__dict__.get("_layer")
            if layer is None:
                continue
            own = {
                name: jax.ShapeDtypeStruct(tuple(p.shape), p.dtype.numpy)
                for name, p in module._parameters.items()
                if p is not None
            }
            with jax.enable_x64(True), no_grad():
                for name, value in rule(layer, own).items():
                    module._parameters[name].copy_(from_array(value))

    def __repr__(self) -> str:
        return repr(self.module)


class Factory:
    """Makes `Brought` layers by something that makes modules; other attributes are that one's."""

    def __init__(self, make: Any, as_module: Callable[[Any], Any]) -> None:
        self.make = make
        self.as_module = as_module

    def __call__(self, *args: Any, **kwargs: Any) -> Layer:
        given = [self.as_module(value) for value in args]
        return Brought(self.make(*given, **{name: self.as_module(value) for name, value in kwargs.items()}))

    def __getattr__(self, name: str) -> Any:
        if name in ("make", "as_module"):
            raise AttributeError(name)
        return getattr(self.make, name)
