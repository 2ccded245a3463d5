"""The older weight norm, which computes the weight before each call."""

from __future__ import annotations

import warnings
from typing import Any

from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.nn.uninitialized import is_lazy
from fnnet.torch.tensor import Tensor

__all__ = ["WeightNorm", "remove_weight_norm", "weight_norm"]


class WeightNorm:
    """The hook that computes a weight from its norm `<name>_g` and direction `<name>_v`."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Tensor:
        """The weight now."""
        norm, direction = getattr(module, self.name + "_g"), getattr(module, self.name + "_v")
        return call(OPS["_weight_norm"], (direction, norm, self.dim), {})

    def remove(self, module: Any) -> None:
        """Make the weight a plain parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        del module._parameters[self.name + "_g"], module._parameters[self.name + "_v"]
        setattr(module, self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def hook_of(module: Any, kind: type[Any], name: str) -> tuple[int, Any] | None:
    """The number of a module's hook of a kind and for a parameter, and the hook."""
    for number, marked in module._forward_pre_hooks.items():
        hook = getattr(marked, "hook", marked)
        if isinstance(hook, kind) and hook.name == name:
            return number, hook
    return None


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Let a weight be a norm times a direction; deprecated for parametrizations.weight_norm."""
    warnings.warn(
        "`torch.nn.utils.weight_norm` is deprecated in favor of "
        "`torch.nn.utils.parametrizations.weight_norm`.",
        FutureWarning,
        stacklevel=2,
    )
    if hook_of(module, WeightNorm, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook, weight = WeightNorm(name, dim), getattr(module, name)
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `WeightNorm` can't have uninitialized parameters. Make sure to run the "
            "dummy forward before applying weight normalization"
        )
    del module._parameters[name]
    norm = call(OPS["norm_except_dim"], (weight, 2, hook.dim), {})
    module.register_parameter(name + "_g", Parameter(norm.detach()))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo weight_norm. Raises ValueError if there is none of that parameter."""
    found = hook_of(module, WeightNorm, name)
    if found is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    found[1].remove(module)
    del module._forward_pre_hooks[found[0]]
    return module
