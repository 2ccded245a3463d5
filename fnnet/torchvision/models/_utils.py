"""A network's intermediate outputs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from fnnet.torch.nn import Module, ModuleDict

__all__ = ["IntermediateLayerGetter"]


class IntermediateLayerGetter(ModuleDict):
    """The direct parts of a network in turn up to the last one wanted; the wanted outputs by name.

    Args:
        model: a network that applies its parts one after another.
        return_layers: from names of parts to names in the output. ValueError for a part that is not there.
    """

    def __init__(self, model: Module, return_layers: Mapping[str, str]) -> None:
        children = dict(model.named_children())
        if not set(return_layers) <= set(children):
            raise ValueError("return_layers are not present in model")
        wanted = {str(name): str(given) for name, given in return_layers.items()}
        last = max((list(children).index(name) for name in wanted), default=len(children))
        super().__init__(OrderedDict(list(children.items())[: last + 1]))
        self.return_layers = return_layers

    def forward(self, x: Any) -> OrderedDict[str, Any]:
        """The wanted outputs, in the order of the parts."""
        wanted: OrderedDict[str, Any] = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                wanted[self.return_layers[name]] = x
        return wanted
