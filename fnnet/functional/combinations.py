"""All combinations of elements, and powers of them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dtypes import index_dtype, is_integral, scalar_name
from fnnet.functional.operation import operation

__all__ = ["cartesian_prod", "combinations", "linalg_vander", "unravel_index", "vander"]


@operation("torch", grad_fn="StackBackward0")
def cartesian_prod(*tensors: jax.Array) -> jax.Array:
    """All tuples of one element of each vector, as rows; of a single vector, itself."""
    for one in tensors:
        if one.ndim != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(one.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    grid = jnp.meshgrid(*tensors, indexing="ij")
    return jnp.stack([one.reshape(-1) for one in grid], 1)


@operation("torch", grad_fn="StackBackward0")
def combinations(input: jax.Array, r: int = 2, with_replacement: bool = False) -> jax.Array:
    """The combinations of r elements of a vector, as rows, in the order of itertools."""
    if input.ndim != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    chosen = list(choose(range(input.shape[0]), r))
    if r == 0 or not chosen:
        return jnp.zeros((0,) if r == 0 else (0, r), input.dtype)
    return input[np.asarray(chosen)]


def _powers(x: jax.Array, n: int) -> jax.Array:
    """1, x, x^2, ... along a new last dimension; by products, for the derivative at 0."""
    ones = jnp.ones((*x.shape, 1), x.dtype)
    spread = jnp.broadcast_to(x[..., None], (*x.shape, max(n - 1, 0)))
    return jnp.concatenate([ones, jnp.cumprod(spread, -1)], -1)[..., :n]


@operation("torch")
def vander(x: jax.Array, N: int | None = None, increasing: bool = False) -> jax.Array:
    """The powers of a vector's elements along rows, falling unless increasing."""
    if x.ndim != 1:
        raise RuntimeError(f"vander(): x must be a one-dimensional tensor, got {x.ndim}")
    x = x.astype(index_dtype()) if is_integral(x) else x
    made = _powers(x, x.shape[0] if N is None else N)
    return made if increasing else made[:, ::-1]


@operation("linalg", spelled="vander", grad_fn="CatBackward0")
def linalg_vander(x: jax.Array, *, N: int | None = None) -> jax.Array:
    """The powers 0 .. N - 1 of the elements along a new last dimension."""
    x = jnp.atleast_1d(x)
    x = x.astype(index_dtype()) if is_integral(x) else x
    size = x.shape[-1] if N is None else N
    if size < 2:
        raise RuntimeError(f"N must be greater than 1, got {size}")
    return _powers(x, size)


@operation("torch")
def unravel_index(indices: jax.Array, shape: int | Sequence[int]) -> tuple[jax.Array, ...]:
    """The index in each dimension of flat indices into a shape. Raises TypeError for no integers."""
    if not is_integral(indices) or indices.dtype == np.bool_:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {scalar_name(indices)}")
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    if any(size < 0 for size in sizes):
        raise ValueError(f"'shape' cannot have negative values, but got {sizes}")
    if 0 in sizes:
        raise RuntimeError("ZeroDivisionError")
    indices = jnp.asarray(indices).astype(index_dtype())
    found = []
    after = 1
    for size in reversed(sizes):
        found.append((indices // after) % size)
        after *= size
    return tuple(reversed(found))
