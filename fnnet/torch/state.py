"""A module's state as arguments: `functional_call` and `stack_module_state` of torch.func."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fnnet.layers.normalization import _BatchNorm
from fnnet.torch.functionalize import swapped
from fnnet.torch.nn.derive import module_class
from fnnet.torch.nn.module import Module


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call the module with the given tensors in place of its own of these names.

    Raises ValueError for what is no dictionary and for a name given twice, RuntimeError for names that do
    not fit if `strict`.
    """
    dicts = parameter_and_buffer_dicts
    if isinstance(dicts, Mapping):
        dicts = (dicts,)
    if not isinstance(dicts, Sequence) or not all(isinstance(one, Mapping) for one in dicts):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(parameter_and_buffer_dicts)}"
        )
    given: dict[str, Any] = {}
    for one in dicts:
        for name in one:
            if name in given:
                raise ValueError(
                    f"{name} appears in multiple dictionaries; behavior of functional call is ambiguous"
                )
        given.update(one)
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    unexpected = [name for name in given if name not in own]
    missing = [name for name in own if name not in given] if strict else []
    if strict and (unexpected or missing):
        raise RuntimeError(
            f"Error(s) in functional_call: Unexpected key(s): {unexpected}; Missing key(s): {missing}."
        )
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with swapped(module, {name: value for name, value in given.items() if name in own}, tie_weights):
        return module(*args, **(kwargs or {}))


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and buffers of equal modules, stacked along a new first dimension, for vmap."""
    from fnnet.torch.call import call
    from fnnet.torch.declare import OPS

    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if not (all(one.training for one in models) or not any(one.training for one in models)):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if not all(type(one) is type(models[0]) for one in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")

    def stacked(tables: list[dict[str, Any]]) -> dict[str, Any]:
        made = {}
        for name, first in tables[0].items():
            tensor = call(OPS["stack"], (tuple(table[name].detach() for table in tables),), {})
            made[name] = tensor.requires_grad_() if first.requires_grad else tensor
        return made

    return (
        stacked([dict(one.named_parameters()) for one in models]),
        stacked([dict(one.named_buffers()) for one in models]),
    )


def replace_all_batch_norm_modules_(root: Any) -> Any:
    """Let a module's batch norms, or it itself, take the statistics of their batch and keep none."""
    for module in root.modules():
        if isinstance(module, module_class(_BatchNorm)) and module.track_running_stats:
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
