"""Covariances, histograms in several dimensions, and norms held within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import concrete, is_complex, is_integral, scalar_name, to_floating
from fnnet.functional.half import is_half, once_rounded
from fnnet.functional.operation import operation

__all__ = ["corrcoef", "cov", "histogram", "histogramdd", "renorm"]


class Histogram(NamedTuple):
    """The counts (or weights, or densities), and the edges of the bins."""

    hist: jax.Array
    bin_edges: Any


@operation("torch", "Tensor", to_float=True)
def cov(
    input: jax.Array,
    *,
    correction: int = 1,
    fweights: jax.Array | None = None,
    aweights: jax.Array | None = None,
) -> jax.Array:
    """The covariances of variables (rows) that are observed together (columns).

    `fweights` says how often each observation was made, `aweights` its weight. Raises RuntimeError for more
    than two dimensions and weights that do not fit.
    """
    if input.ndim > 2:
        raise RuntimeError(f"cov(): expected input to have two or fewer dimensions but got {input.ndim}")
    x = to_floating(input) if is_integral(input) else input
    x = x if x.ndim == 2 else x.reshape(1, -1)
    if is_half(x) and aweights is not None:
        x = x.astype(aweights.dtype)
    # The weights are summed in their own dtype, as in PyTorch.
    real = jnp.real(x).dtype if aweights is None or is_integral(aweights) else aweights.dtype
    weights: jax.Array | None = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.ndim > 1 or given.size != x.shape[1]:
            raise RuntimeError(
                f"cov(): expected {name} to have one value for each of {x.shape[1]} observations, got "
                f"{list(given.shape)}"
            )
        if name == "fweights" and not is_integral(given):
            raise RuntimeError(
                f"cov(): expected fweights to have integral dtype but got {scalar_name(given)}"
            )
        known = concrete(given)
        if known is not None and (known < 0).any():
            raise RuntimeError(f"cov(): {name} cannot be negative")
        one = given.reshape(-1).astype(real)
        weights = one if weights is None else weights * one
    total = jnp.asarray(x.shape[1], real) if weights is None else weights.sum()
    mean = (x if weights is None else x * weights.astype(x.dtype)).sum(1, keepdims=True) / total.astype(
        x.dtype
    )
    if weights is not None and aweights is not None and correction != 0:
        norm = total - correction * (weights * aweights.astype(real)).sum() / total
    else:
        norm = total - correction
    norm = jnp.maximum(norm, 0)
    off = x - mean
    weighed = off if weights is None else off * weights.astype(x.dtype)
    result = jnp.matmul(weighed, jnp.conj(off).T, precision="highest") / norm.astype(x.dtype)
    return result.squeeze()


@operation("torch", "Tensor", to_float=True)
def corrcoef(input: jax.Array) -> jax.Array:
    """Pearson's correlations of variables (rows). Raises RuntimeError for more than two dimensions."""
    if input.ndim > 2:
        raise RuntimeError(f"corrcoef(): expected input to have two or fewer dimensions but got {input.ndim}")
    c = cov(input)
    if c.ndim == 0:
        return c / c
    scale = jnp.sqrt(jnp.real(jnp.diagonal(c))).astype(c.dtype)
    c = c / scale[:, None] / scale[None, :]
    if is_complex(c):
        return jax.lax.complex(jnp.clip(jnp.real(c), -1, 1), jnp.clip(jnp.imag(c), -1, 1))
    return jnp.clip(c, -1, 1)


@operation("torch", "Tensor", in_place=True, grad_fn="RenormBackward0")
@once_rounded
def renorm(input: jax.Array, p: float, dim: int, maxnorm: float) -> jax.Array:
    """Each slice along `dim` scaled down to a p-norm of maxnorm where it exceeds that."""
    from fnnet.functional.statistics import linalg_vector_norm

    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.ndim < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.ndim} dimensions")
    axis = canonical_dim(dim, input.ndim)
    others = [one for one in range(input.ndim) if one != axis]
    norms = linalg_vector_norm(input, p, others, True)
    scale = jnp.where(norms > maxnorm, maxnorm / (norms + 1e-7), jnp.ones((), norms.dtype))
    return input * scale.astype(input.dtype)


def _edges(
    given: Any, values: np.ndarray | jax.Array, range: Sequence[float] | None, dtype: Any
) -> jax.Array:
    if hasattr(given, "ndim"):
        if given.ndim != 1:
            raise RuntimeError("histogram(): bins tensor should have one dimension")
        return given
    if given <= 0:
        raise RuntimeError(f"histogram(): bins must be > 0, but got {given}")
    if range is not None:
        low, high = (jnp.asarray(one, dtype) for one in range)
    elif values.size:
        low, high = values.min(), values.max()
    else:
        low, high = jnp.zeros((), dtype), jnp.ones((), dtype)
    apart = (low == high).astype(dtype)
    return jnp.linspace(low - apart / 2, high + apart / 2, int(given) + 1, dtype=dtype)


def _bin(values: jax.Array, edges: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The bin of each value, and whether it is in one; the last bin has its right edge."""
    at = jnp.searchsorted(edges, values, side="right") - 1
    last = edges.shape[0] - 2
    at = jnp.where(values == edges[-1], last, at)
    return jnp.clip(at, 0, last), (values >= edges[0]) & (values <= edges[-1])


@operation("torch", "Tensor")
def histogram(
    input: jax.Array,
    bins: int | jax.Array = 100,
    *,
    range: Sequence[float] | None = None,
    weight: jax.Array | None = None,
    density: bool = False,
) -> Histogram:
    """How many elements are in each of so many bins, or in the bins between given edges."""
    values = input.reshape(-1)
    edges = _edges(bins, values, range, input.dtype)
    made = _count(values[:, None], [edges], weight, density)
    return Histogram(made, edges)


def _count(
    values: jax.Array, edges: Sequence[jax.Array], weight: jax.Array | None, density: bool
) -> jax.Array:
    places = [_bin(values[:, i], one) for i, one in enumerate(edges)]
    inside = jnp.ones(values.shape[0], bool)
    for _, one in places:
        inside = inside & one
    weights = jnp.ones(values.shape[0], values.dtype) if weight is None else weight.reshape(-1)
    shape = tuple(one.shape[0] - 1 for one in edges)
    counted = jnp.zeros(shape, values.dtype)
    counted = counted.at[tuple(at for at, _ in places)].add(
        jnp.where(inside, weights, 0).astype(values.dtype)
    )
    if density:
        counted = counted / counted.sum()
        for axis, one in enumerate(edges):
            counted = counted / jnp.diff(one).reshape([-1 if i == axis else 1 for i in np.arange(len(edges))])
    return counted


@operation("torch")
def histogramdd(
    input: jax.Array,
    bins: Any,
    range: Sequence[float] | None = None,
    weight: jax.Array | None = None,
    density: bool = False,
) -> Histogram:
    """How many points (..., D) are in each cell of a grid of D dimensions."""
    if input.ndim < 2:
        raise RuntimeError(f"histogramdd(): input tensor should have at least 2 dimensions, got {input.ndim}")
    dimensions = input.shape[-1]
    values = input.reshape(-1, dimensions)
    given = [bins] * dimensions if isinstance(bins, int) else list(bins)
    if len(given) != dimensions:
        raise RuntimeError(f"histogramdd(): expected {dimensions} sequences of bin edges, got {len(given)}")
    spans = [None] * dimensions if range is None else np.reshape(range, (dimensions, 2)).tolist()
    edges = [
        _edges(one, values[:, i], span, input.dtype)
        for i, (one, span) in enumerate(zip(given, spans, strict=True))
    ]
    return Histogram(_count(values, edges, weight, density), tuple(edges))
