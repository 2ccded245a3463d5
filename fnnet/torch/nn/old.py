"""Names of torch.nn that PyTorch keeps for old programs."""

from __future__ import annotations

import warnings
from typing import Any

from fnnet import layers
from fnnet.torch.nn.derive import CLASSES, module_class
from fnnet.torch.nn.module import Module

__all__ = ["Container", "DataParallel", "Hardtanh", "NLLLoss2d", "factory_kwargs"]

_NLLLoss: Any = module_class(layers.NLLLoss)


class Container(Module):
    """A module with parts given by keyword; PyTorch deprecates it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__()
        warnings.warn(
            "nn.Container is deprecated. All of it's functionality is now implemented in nn.Module. "
            "Subclass that instead.",
            FutureWarning,
            stacklevel=2,
        )
        for name, module in kwargs.items():
            self.add_module(name, module)


class NLLLoss2d(_NLLLoss):
    """NLLLoss under its old name."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            "NLLLoss2d has been deprecated. Please use NLLLoss instead as a drop-in replacement and see "
            "https://pytorch.org/docs/main/nn.html#torch.nn.NLLLoss for more details.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(*args, **kwargs)


class DataParallel(Module):
    """A module as it is, under the name `module`: one process drives one device here.

    To spread a batch over devices, use fnnet's pure functions with jax.sharding.
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.dim = dim
        self.module = module
        self.device_ids: list[Any] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """The output of the module."""
        return self.module(*inputs, **kwargs)


def factory_kwargs(kwargs: dict[str, Any] | None) -> dict[str, Any]:
    """The arguments that make tensors, out of `factory_kwargs` and the rest; TypeError for others."""
    if kwargs is None:
        return {}
    names = {"device", "dtype", "memory_format"}
    if set(kwargs) - names - {"factory_kwargs"}:
        raise TypeError(f"unexpected kwargs {kwargs.keys()}")
    made = dict(kwargs.get("factory_kwargs", {}))
    if set(made) - names:
        raise TypeError(f"unexpected kwargs {made.keys()}")
    for name in names & set(kwargs):
        if name in made:
            raise TypeError(f"{name} specified twice, in **kwargs and in factory_kwargs")
        made[name] = kwargs[name]
    return made


_Hardtanh: Any = module_class(layers.Hardtanh)


class Hardtanh(_Hardtanh):
    """Hardtanh, with the old names of its bounds."""

    def __init__(self, *args: Any, min_value: Any = None, max_value: Any = None, **kwargs: Any) -> None:
        for old, new, value in (("min_value", "min_val", min_value), ("max_value", "max_val", max_value)):
            if value is not None:
                warnings.warn(
                    f"keyword argument `{old}` is deprecated and rename to `{new}`",
                    FutureWarning,
                    stacklevel=2,
                )
                kwargs[new] = value
        super().__init__(*args, **kwargs)


CLASSES[layers.Hardtanh] = Hardtanh
