"""`x.new_zeros(2, 3)` and its kin: new tensors with the dtype and on the device of another."""

from __future__ import annotations

from typing import Any

from fnnet.torch import creation
from fnnet.torch.attach import method
from fnnet.torch.interchange import empty_strided
from fnnet.torch.tensor import Tensor


def _like(self: Tensor, options: dict[str, Any]) -> dict[str, Any]:
    for name, own in (("dtype", self.dtype), ("device", self.device)):
        if options.get(name) is None:
            options[name] = own
    return options


@method
def new_zeros(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Zeros of another size."""
    return creation.zeros(*size, **_like(self, options))


@method
def new_ones(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """Ones of another size."""
    return creation.ones(*size, **_like(self, options))


@method
def new_empty(self: Tensor, *size: Any, **options: Any) -> Tensor:
    """A tensor of another size."""
    return creation.empty(*size, **_like(self, options))


@method
def new_empty_strided(self: Tensor, size: Any, stride: Any, **options: Any) -> Tensor:
    """A tensor of another size with the given strides."""
    return empty_strided(size, stride, **_like(self, options))


@method
def new_full(self: Tensor, size: Any, fill_value: Any, **options: Any) -> Tensor:
    """A tensor of another size filled with a number."""
    if isinstance(size, int):
        raise TypeError("new_full(): argument 'size' (position 1) must be tuple of ints, not int")
    return creation.full(size, fill_value, **_like(self, options))


@method
def new_tensor(self: Tensor, data: Any, **options: Any) -> Tensor:
    """A copy of the data as a tensor."""
    return creation.tensor(data, called="tensor.new_tensor", **_like(self, options))
