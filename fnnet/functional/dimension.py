"""Dimensions given by number, negative ones counted from the end."""

from __future__ import annotations


def canonical_dim(dim: int, ndim: int) -> int:
    """`dim` in 0 .. ndim - 1 (a scalar counts as one dimension). Raises IndexError, worded as PyTorch's."""
    span = max(ndim, 1)
    if not -span <= dim < span:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
        )
    return dim % span
