"""Weighted sums of a few known positions along one dimension, whose derivative is another such sum.

JAX's derivative scatters: that of enlarging 32 x 16 pictures of 32 x 32 twice took 13 ms (two cores, jaxlib
0.10.2), and XLA computed what was constant about it for 12 s. Here each position gathers what it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

__all__ = ["blend"]

_TERMS = 16
"""Up to how many terms the derivative is gathered."""


@dataclass(frozen=True, eq=False)
class _Table:
    """Positions among `size` and their weights, each (terms, out); a negative position stands for nothing."""

    size: int
    positions: np.ndarray
    weights: np.ndarray

    @cached_property
    def turned(self) -> _Table:
        """The table of the transposed sum."""
        terms, outs = np.nonzero(self.positions >= 0)
        sources = self.positions[terms, outs]
        order = np.lexsort((terms, outs, sources))
        sources, outs, weights = sources[order], outs[order], self.weights[terms, outs][order]
        rank = np.arange(len(sources)) - np.searchsorted(sources, sources)
        positions = np.full((rank.max(initial=0) + 1, self.size), -1)
        given = np.zeros(positions.shape, self.weights.dtype)
        positions[rank, sources], given[rank, sources] = outs, weights
        return _Table(self.positions.shape[1], positions, given)

    def summed(self, x: jax.Array, axis: int) -> jax.Array:
        """The sums of x along an axis counted from the end."""
        shape = (-1, *[1] * (-1 - axis))
        total: Any = None
        for positions, weights in zip(self.positions, self.weights, strict=True):
            given = positions >= 0
            term = jnp.take(x, np.maximum(positions, 0), axis=axis, mode="clip")
            if (weights != 1).any():
                term = term * jnp.asarray(weights.reshape(shape), x.dtype)
            if not given.all():
                term = jnp.where(given.reshape(shape), term, jnp.zeros((), x.dtype))
            total = term if total is None else total + term
        return total


@lru_cache(maxsize=1024)
def _table(size: int, shape: tuple[int, ...], positions: bytes, dtype: np.dtype, weights: bytes) -> _Table:
    """One object for equal tables, so that JAX knows a program again."""
    places, shares = np.frombuffer(positions, np.int64), np.frombuffer(weights, dtype)
    return _Table(size, places.reshape(shape), shares.reshape(shape))


blend_p = Primitive("blend")


def blend(
    x: jax.Array, dim: int, positions: Sequence[np.ndarray], weights: Sequence[np.ndarray] | None = None
) -> jax.Array:
    """The sum of weights[k] * x[positions[k]] along `dim`; all weights are 1 if none are given."""
    places = np.stack(list(positions)).astype(np.int64)
    shares = np.ones(places.shape, np.float32) if weights is None else np.stack(list(weights))
    table = _table(x.shape[dim], places.shape, places.tobytes(), shares.dtype, shares.tobytes())
    axis = dim - x.ndim
    if not jnp.issubdtype(x.dtype, jnp.floating) or table.turned.positions.shape[0] > _TERMS:
        return table.summed(x, axis)
    return blend_p.bind(x, table=table, axis=axis)


def _run(x: Any, *, table: _Table, axis: int) -> Any:
    return table.summed(x, axis)


@blend_p.def_abstract_eval
def _abstract(x: Any, *, table: _Table, axis: int) -> Any:
    shape = list(x.shape)
    shape[axis] = table.positions.shape[1]
    return x.update(shape=tuple(shape))


def _transposed(gradient: Any, x: Any, *, table: _Table, axis: int) -> list[Any]:
    return [blend_p.bind(gradient, table=table.turned, axis=axis)]


def _batched(arguments: Any, dims: Any, **params: Any) -> tuple[Any, int]:
    (x,), (dim,) = arguments, dims
    return blend_p.bind(jnp.moveaxis(x, dim, 0), **params), 0


blend_p.def_impl(jax.jit(_run, static_argnames=("table", "axis")))
ad.deflinear2(blend_p, _transposed)
batching.primitive_batchers[blend_p] = _batched
mlir.register_lowering(blend_p, mlir.lower_fun(_run, multiple_results=False))
