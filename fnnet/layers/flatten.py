"""Layers that change the shape only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax

from fnnet.functional.dimension import canonical_dim
from fnnet.layers.layer import Layer, Scope

__all__ = ["Flatten", "Unflatten"]


@dataclass(frozen=True, repr=False)
class Flatten(Layer):
    """Dimensions start_dim to end_dim as one, as torch.nn.Flatten."""

    start_dim: int = 1
    end_dim: int = -1

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        start = canonical_dim(self.start_dim, input.ndim)
        end = canonical_dim(self.end_dim, input.ndim)
        if start > end:
            raise RuntimeError("Flatten: start_dim cannot come after end_dim")
        shape = input.shape
        return input.reshape(*shape[:start], _product(shape[start : end + 1]), *shape[end + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


def _product(sizes: tuple[int, ...]) -> int:
    product = 1
    for size in sizes:
        product *= size
    return product


@dataclass(frozen=True, repr=False)
class Unflatten(Layer):
    """Dimension dim as several, one of which may be -1, as torch.nn.Unflatten."""

    dim: int
    unflattened_size: Any

    def __post_init__(self) -> None:
        sizes = self.unflattened_size
        if not isinstance(sizes, tuple | list) or not all(isinstance(size, int) for size in sizes):
            raise TypeError(f"Unflatten: unflattened_size must be a tuple of ints, but found {sizes!r}")
        object.__setattr__(self, "unflattened_size", tuple(sizes))

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        dim = canonical_dim(self.dim, input.ndim)
        known = abs(_product(self.unflattened_size))
        size = input.shape[dim]
        if self.unflattened_size.count(-1) > 1 or (
            size % known if -1 in self.unflattened_size and known else size != known
        ):
            raise RuntimeError(
                f"unflatten: Provided sizes {list(self.unflattened_size)} don't multiply up to the size of "
                "dim "
                f"{dim} ({size}) in the input tensor"
            )
        sizes = tuple(size // known if part == -1 else part for part in self.unflattened_size)
        return input.reshape(*input.shape[:dim], *sizes, *input.shape[dim + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
