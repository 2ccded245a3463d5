"""What is known of a tensor without computing it: shape, dtype, device and strides, as one interned object.

Equal specs are the same object, so that a tuple of specs is a cheap dictionary key.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import index
from typing import Any

import jax

from fnnet.torch.devices import CPU, device
from fnnet.torch.dtypes import dtype


class Size(tuple[int, ...]):
    """A tensor's shape: a tuple that prints as `torch.Size([2, 3])`."""

    __slots__ = ()

    def __new__(cls, sizes: Iterable[Any] = (), /) -> Size:
        """The lengths given. Raises TypeError for what is no integer."""
        made = tuple.__new__(cls, sizes)
        plain = True
        for place, one in enumerate(made):
            if type(one) is not int:
                plain = False
                if not hasattr(one, "__index__"):
                    raise TypeError(
                        f"torch.Size() takes an iterable of 'int' (item {place} is '{type(one).__name__}')"
                    )
        return made if plain else tuple.__new__(cls, map(index, made))

    def numel(self) -> int:
        """The number of elements."""
        count = 1
        for length in self:
            count *= length
        return count

    def __repr__(self) -> str:
        return f"torch.Size({list(self)})"

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))

    def __radd__(self, other: Any) -> Any:
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, times: Any) -> Any:
        return Size(tuple.__mul__(self, times))

    __rmul__ = __mul__

    def __reduce__(self) -> Any:
        return _size, (tuple(self),)


Size.__module__ = "torch"  # as it prints; what pickles refer to is the function below


def _size(lengths: tuple[int, ...]) -> Size:
    return Size(lengths)


@lru_cache(maxsize=4096)
def contiguous_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a row-major tensor, counted in elements."""
    strides, step = [], 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


class Spec:
    """Shape, dtype, device and strides. Made by `spec_of`, never directly."""

    __slots__ = (
        "aval",
        "contiguous",
        "device",
        "differentiable",
        "dtype",
        "ndim",
        "numel",
        "shape",
        "strides",
    )

    def __init__(self, shape: Size, dtype: dtype, device: device, strides: tuple[int, ...]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.device = device
        self.strides = strides
        self.ndim = len(shape)
        self.numel = shape.numel()
        self.contiguous = self.numel == 0 or all(
            length == 1 or stride == natural
            for length, stride, natural in zip(shape, strides, contiguous_strides(shape), strict=True)
        )
        self.differentiable = dtype.differentiable
        with jax.enable_x64(True):
            self.aval = jax.ShapeDtypeStruct(tuple(shape), dtype.numpy)

    def __repr__(self) -> str:
        return f"Spec({list(self.shape)}, {self.dtype.name}, {self.device}, strides={list(self.strides)})"


_SPECS: dict[tuple[Any, ...], Spec] = {}


def spec_of(
    shape: Sequence[int], dtype: dtype, device: device = CPU, strides: tuple[int, ...] | None = None
) -> Spec:
    """The spec with these properties; row-major unless strides are given."""
    shape = tuple(shape)
    if strides is None:
        strides = contiguous_strides(shape)
    key = (shape, dtype, device, strides)
    found = _SPECS.get(key)
    if found is None:
        if len(_SPECS) > 100_000:  # shapes that never repeat; plans hold on to the specs that they need
            _SPECS.clear()
        found = _SPECS[key] = Spec(Size(shape), dtype, device, strides)
    return found
