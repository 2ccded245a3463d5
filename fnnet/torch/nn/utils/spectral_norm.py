"""The older spectral norm, which computes the weight before each call."""

from __future__ import annotations

from typing import Any

from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.mode import no_grad
from fnnet.torch.nn.parameter import Parameter
from fnnet.torch.nn.uninitialized import is_lazy
from fnnet.torch.nn.utils.parametrizations import dimension_of, drawn_direction
from fnnet.torch.nn.utils.weight_norm import hook_of
from fnnet.torch.tensor import Tensor

__all__ = ["SpectralNorm", "remove_spectral_norm", "spectral_norm"]


class SpectralNorm:
    """The hook that computes a weight from `<name>_orig` and the vectors `<name>_u` and `<name>_v`."""

    _version = 1

    def __init__(
        self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name, self.dim, self.n_power_iterations, self.eps = name, dim, n_power_iterations, eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Tensor:
        """The weight now; with power iterations the module's vectors move."""
        weight, u, v = (getattr(module, self.name + end) for end in ("_orig", "_u", "_v"))
        if do_power_iteration:
            with no_grad():
                moved = (weight, u, v, self.dim, self.n_power_iterations, self.eps, True)
                new_u, new_v = call(OPS["power_iterations"], moved, {})
                u.copy_(new_u)
                v.copy_(new_v)
                u, v = new_u, new_v
        return call(OPS["spectrally_normalised"], (weight, u, v, self.dim), {})

    def remove(self, module: Any) -> None:
        """Make the weight a plain parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for end in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + end)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))

    def note_version(self, module: Any, state_dict: Any, prefix: str, local_metadata: Any) -> None:
        """Say in the metadata of a state_dict that the vectors are in it."""
        local_metadata.setdefault("spectral_norm", {})[self.name + ".version"] = self._version


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Let a weight have spectral norm 1; parametrizations.spectral_norm is the newer form."""
    if hook_of(module, SpectralNorm, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    hook = SpectralNorm(name, n_power_iterations, dimension_of(module, dim), eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    if is_lazy(weight):
        raise ValueError(
            "The module passed to `SpectralNorm` can't have uninitialized parameters. Make sure to run the "
            "dummy forward before applying spectral normalization"
        )
    with no_grad():
        rows = weight.shape[hook.dim]
        u, v = (drawn_direction(weight, count, eps) for count in (rows, weight.numel() // rows))
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    module._register_state_dict_hook(hook.note_version)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo spectral_norm. Raises ValueError if there is none of that parameter."""
    found = hook_of(module, SpectralNorm, name)
    if found is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    number, hook = found
    hook.remove(module)
    del module._forward_pre_hooks[number]
    for number, other in list(module._state_dict_hooks.items()):
        if getattr(other, "__self__", None) is hook:
            del module._state_dict_hooks[number]
    return module
