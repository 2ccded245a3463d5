"""What convolutions and pooling share: sizes given once or for each dimension, and inputs without a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax

Sizes: TypeAlias = int | Sequence[int]


def per_dimension(function: str, argument: str, value: Any, n: int) -> tuple[int, ...]:
    """`value` for each of n dimensions. Raises TypeError or RuntimeError for another kind or length."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        sizes = tuple(value)
        if len(sizes) == 1:
            sizes = sizes * n
    else:
        sizes = (value,) * n
    if len(sizes) != n:
        raise RuntimeError(f"{function}: {argument} must be a single int or a tuple of {n} ints, got {value}")
    try:
        return tuple(size.__index__() for size in sizes)
    except AttributeError:
        raise TypeError(
            f"{function}: {argument}: expected an int or a tuple of {n} ints, got {value!r}"
        ) from None


def batched(function: str, input: jax.Array, n: int, compute: Callable[[jax.Array], Any]) -> Any:
    """`compute` on input (N, C, d1..dn), or on (C, d1..dn) with a batch dimension added and taken away."""
    if input.ndim == n + 2:
        return compute(input)
    if input.ndim == n + 1:
        return jax.tree.map(lambda output: output[0], compute(input[None]))
    raise RuntimeError(
        f"{function}: Expected {n + 1}D (unbatched) or {n + 2}D (batched) input, but got input of size: "
        f"{list(input.shape)}"
    )
