"""Outputs of parts inside a network, by the parts' names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnnet.torch.nn import Module

__all__ = ["create_feature_extractor", "get_graph_node_names"]


class _Extractor(Module):
    """The network, whose call gives what the named parts put out."""

    def __init__(self, model: Module, wanted: Mapping[str, str]) -> None:
        super().__init__()
        self.model = model
        self.wanted = dict(wanted)

    def forward(self, *inputs: Any) -> dict[str, Any]:
        """The wanted outputs by the names that they were given."""
        seen: dict[str, Any] = {}

        def noting(name: str) -> Any:
            def note(module: Module, args: Any, output: Any) -> None:
                seen[name] = output

            return note

        handles = [self.model.get_submodule(n).register_forward_hook(noting(n)) for n in self.wanted]
        try:
            self.model(*inputs)
        finally:
            for handle in handles:
                handle.remove()
        return {given: seen[name] for name, given in self.wanted.items()}


def get_graph_node_names(model: Module, *args: Any, **kwargs: Any) -> tuple[list[str], list[str]]:
    """The names of a network's parts, in training and in evaluation; torchvision lists operations too."""
    names = [name for name, module in model.named_modules() if name and not list(module.children())]
    return names, list(names)


def create_feature_extractor(
    model: Module, return_nodes: Sequence[str] | Mapping[str, str] | None = None, **options: Any
) -> Module:
    """A module that gives the outputs of parts: `return_nodes` names them, or maps them to names.

    The whole network runs, with hooks on the parts (torchvision traces it and cuts off the rest). Raises
    ValueError for a name that is no part: single operations such as "flatten" are not to be had.
    """
    if return_nodes is None:
        raise ValueError("create_feature_extractor: return_nodes: expected the names of parts")
    wanted = (
        {str(name): str(given) for name, given in return_nodes.items()}
        if isinstance(return_nodes, Mapping)
        else {str(name): str(name) for name in return_nodes}
    )
    parts = dict(model.named_modules())
    for name in wanted:
        if name not in parts:
            raise ValueError(
                f"node: '{name}' is not present in model. Hint: use `get_graph_node_names` to make sure the "
                "`return_nodes` you specified are present; operations that are no modules are not to be had"
            )
    return _Extractor(model, wanted)
