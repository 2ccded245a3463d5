"""Modules made without drawing, or laid out in a certain way."""

from __future__ import annotations

import inspect
from typing import Any

from fnnet.torch.nn.module import Module
from fnnet.torch.random import default_generator

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format", "skip_init"]


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose values are to be filled in: making it takes nothing from the default generator.

    Raises RuntimeError for what is not a module, or takes no `device`.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    before = default_generator.get_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        default_generator.set_state(before)


def convert_conv2d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module as it is: XLA chooses how weights lie in memory."""
    return module


def convert_conv3d_weight_memory_format(module: Any, memory_format: Any) -> Any:
    """The module as it is: XLA chooses how weights lie in memory."""
    return module
