"""Dimensions given by number, negative ones counted from the end."""

from __future__ import annotations

from collections.abc import Sequence


def canonical_dim(dim: int, ndim: int) -> int:
    """`dim` in 0 .. ndim - 1 (a scalar counts as one dimension). Raises IndexError, worded as PyTorch's."""
    span = max(ndim, 1)
    if not -span <= dim < span:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-span}, {span - 1}], but got {dim})"
        )
    return dim % span


def canonical_dims(dim: int | Sequence[int] | None, ndim: int) -> tuple[int, ...]:
    """The dimensions to reduce, all for None or (). Raises IndexError, RuntimeError for repetitions."""
    if dim is None or (not isinstance(dim, int) and len(dim) == 0):
        return tuple(range(ndim))
    dims = tuple(canonical_dim(one, ndim) for one in ([dim] if isinstance(dim, int) else dim))
    for one in dims:
        if dims.count(one) > 1:
            raise RuntimeError(f"dim {one} appears multiple times in the list of dims")
    return dims if ndim else ()
