"""Attaching methods to Tensor, so that its file holds only what everything stands on."""

from __future__ import annotations

from typing import Any

from fnnet.torch.tensor import Tensor


def method(function: Any) -> Any:
    """Attach to Tensor under the function's own name."""
    function.__qualname__ = f"Tensor.{function.__name__}"
    setattr(Tensor, function.__name__, function)
    return function
