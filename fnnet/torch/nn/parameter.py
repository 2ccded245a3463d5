"""Tensors that a module owns: parameters and buffers."""

from __future__ import annotations

from typing import Any

from fnnet.torch.tensor import Tensor

__all__ = ["Buffer", "Parameter"]


class Parameter(Tensor):
    """A tensor that a module trains: a leaf that shares the data it is made of."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        raise NotImplementedError("completed when the tensor core is in place")


class Buffer(Tensor):
    """A tensor that is part of a module's state but not trained."""

    persistent: bool
