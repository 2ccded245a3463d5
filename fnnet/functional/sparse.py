"""Sparse matrices and tensors as the arrays that hold them: where the entries stand, and what they are.

A tensor in coordinates (COO) of the given size is `indices` (sparse dimensions, entries) and
`values` (entries, *dense dimensions). Entries at one place add up. A compressed one (CSR) has `crow_indices`
(rows + 1) in place of the rows. Indices are not looked at: what stands outside of the size is dropped, or
read as NaN.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dimension import canonical_dim

__all__ = [
    "coo_added",
    "coo_coalesce",
    "coo_mask",
    "coo_matmul",
    "coo_places",
    "coo_softmax",
    "coo_sum_entries",
    "coo_to_dense",
    "csr_rows",
    "distinct_rows",
    "known_places",
    "sampled_products",
]


def coo_places(indices: jax.Array, size: Sequence[int]) -> jax.Array:
    """The number of each entry's place, as places are numbered row by row: (entries,).

    An index that is outside of its dimension gives a number outside of them all.
    """
    count = math.prod(size)
    place = jnp.zeros(indices.shape[1:], indices.dtype)
    inside = jnp.ones(indices.shape[1:], bool)
    for index, length in zip(indices, size, strict=True):
        place = place * length + index
        inside &= (index >= 0) & (index < length)
    return jnp.where(inside, place, count)


def known_places(indices: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """`coo_places` of indices that are known, and inside of their dimensions."""
    place = np.zeros(indices.shape[1:], np.int64)
    for index, length in zip(indices, size, strict=True):
        place = place * length + index
    return place


def _numbered(indices: jax.Array, size: Sequence[int]) -> jax.Array:
    """`coo_places`, spared where one dimension is its own number."""
    return indices[0] if len(size) == 1 else coo_places(indices, size)


def coo_to_dense(indices: jax.Array, values: jax.Array, size: Sequence[int]) -> jax.Array:
    """The tensor of `size` with these entries, and zeros elsewhere."""
    sparse = tuple(size[: indices.shape[0]])
    whole = jnp.zeros((math.prod(sparse), *values.shape[1:]), values.dtype)
    at = whole.at[_numbered(indices, sparse)]
    made = at.max(values, mode="drop") if values.dtype == bool else at.add(values, mode="drop")
    return made.reshape(tuple(size))


def coo_added(dense: jax.Array, indices: jax.Array, values: jax.Array) -> jax.Array:
    """A dense tensor with the entries of a sparse one added."""
    count = indices.shape[0]
    if not count:
        return dense + jnp.sum(values, 0)
    flat = dense.reshape(math.prod(dense.shape[:count]), *dense.shape[count:])
    place = _numbered(indices, dense.shape[:count])
    return flat.at[place].add(values, mode="drop").reshape(dense.shape)


def coo_mask(indices: jax.Array, dense: jax.Array) -> jax.Array:
    """The values that a dense tensor has at these places: (entries, *dense dimensions)."""
    count = indices.shape[0]
    flat = dense.reshape(math.prod(dense.shape[:count]), *dense.shape[count:])
    return jnp.take(flat, _numbered(indices, dense.shape[:count]), 0, mode="clip")


def coo_coalesce(
    indices: jax.Array | np.ndarray, size: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How entries are brought into the order of their places, those of one place as one.

    Returns:
        order (entries,), in which they are taken; owner (entries,), the place's number for each of them in
        that order; and the indices of the places (sparse dimensions, places). `coo_sum_entries` applies them.

    Raises RuntimeError for indices outside of `size`. The indices have to be known: not inside jit.
    """
    known = np.asarray(indices)
    sparse = tuple(size[: known.shape[0]])
    for dim, (index, length) in enumerate(zip(known, sparse, strict=True)):
        if index.size and (index.min() < 0 or index.max() >= length):
            wrong = index.min() if index.min() < 0 else index.max()
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {dim}, size is {length} but found index {wrong}"
            )
    place = known_places(known, sparse)
    order = np.argsort(place, kind="stable")
    ordered = place[order]
    first = np.ones(ordered.shape, bool)
    first[1:] = ordered[1:] != ordered[:-1]
    owner = np.cumsum(first) - 1
    return order, owner, known[:, order[first]]


def coo_sum_entries(values: jax.Array, order: jax.Array, owner: jax.Array, count: int) -> jax.Array:
    """The values (count, *dense dimensions) of the places that `coo_coalesce` found."""
    taken = values[order]
    if count == values.shape[0]:
        return taken
    at = jnp.zeros((count, *values.shape[1:]), values.dtype).at[owner]
    return at.max(taken) if values.dtype == bool else at.add(taken)


def coo_matmul(indices: jax.Array, values: jax.Array, size: Sequence[int], dense: jax.Array) -> jax.Array:
    """The product of a sparse matrix of `size` (n, m) with a dense one (m, k) or a vector (m,)."""
    taken = jnp.take(dense, indices[1], 0)
    products = taken * (values[:, None] if dense.ndim == 2 else values)
    return jnp.zeros((size[0], *dense.shape[1:]), products.dtype).at[indices[0]].add(products, mode="drop")


def sampled_products(indices: jax.Array, left: jax.Array, right: jax.Array) -> jax.Array:
    """The elements of `left @ right`, (n, k) with (k, m), at these places alone: (entries,)."""
    rows = jnp.take(left, indices[0], 0)
    columns = jnp.take(right, indices[1], 1)
    return jnp.sum(rows * columns.T, 1)


def coo_softmax(
    indices: jax.Array, values: jax.Array, size: Sequence[int], dim: int, log: bool = False
) -> jax.Array:
    """The values of the softmax along `dim`, as if what has no entry were minus infinity.

    No place may have two entries (see `coo_coalesce`). With `log`, its logarithm.
    """
    sparse = indices.shape[0]
    dim = canonical_dim(dim, len(size))
    if dim >= sparse:
        along = jax.nn.log_softmax if log else jax.nn.softmax
        return along(values, axis=dim - sparse + 1)
    others = tuple(i for i in range(sparse) if i != dim)
    lengths = [size[i] for i in others]
    count = math.prod(lengths)
    group = coo_places(indices[np.asarray(others, int)], lengths)
    empty = (count, *values.shape[1:])
    greatest = jnp.full(empty, -jnp.inf, values.dtype).at[group].max(jax.lax.stop_gradient(values))
    shifted = values - greatest[group]
    powers = jnp.exp(shifted)
    total = jnp.zeros(empty, values.dtype).at[group].add(powers)[group]
    return shifted - jnp.log(total) if log else powers / total


def csr_rows(crow_indices: jax.Array, entries: int) -> jax.Array:
    """The row of each of so many entries, from where the rows begin: (*batch, entries)."""
    places = jnp.arange(entries, dtype=crow_indices.dtype)
    find = lambda starts: jnp.searchsorted(starts[1:], places, side="right")  # noqa: E731
    for _ in range(crow_indices.ndim - 1):
        find = jax.vmap(find)
    return find(crow_indices).astype(crow_indices.dtype)


def distinct_rows(rows: jax.Array, values: jax.Array, count: int) -> tuple[jax.Array, jax.Array]:
    """The rows (entries,) in order, each once, and the sums (entries, ...) of their values.

    What is left over has the row `count`, which is one too many, and zeros. So it can be traced: its shape
    does not depend on how many rows are the same.
    """
    order = jnp.argsort(rows, stable=True)
    ordered = rows[order]
    first = jnp.concatenate([jnp.ones((1,), bool), ordered[1:] != ordered[:-1]])[: rows.shape[0]]
    owner = jnp.cumsum(first) - 1
    sums = jnp.zeros_like(values).at[owner].add(values[order])
    return jnp.full_like(rows, count).at[owner].set(ordered), sums
