"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.tensor import Tensor

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All elements of all parameters, one after another, part of the graph."""
    return call(OPS["cat"], ([parameter.reshape(-1) for parameter in parameters],), {})


def vector_to_parameters(vec: Tensor, parameters: Iterable[Any]) -> None:
    """Let the parameters' data be views of the slices of a vector."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"expected torch.Tensor, but got: {type(vec)}")
    start = 0
    for parameter in parameters:
        count = parameter.numel()
        parameter.data = vec.narrow(0, start, count).view_as(parameter).data
        start += count
