"""Norms along a dimension, and distances and similarities built on them.

The derivative of a norm at zero is zero, as in PyTorch.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.dtypes import to_floating
from fnnet.functional.half import once_rounded
from fnnet.functional.operation import operation

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def magnitude(x: jax.Array) -> jax.Array:
    """|x| with derivative 0 at 0 (jnp.abs has 1)."""
    return x * lax.stop_gradient(jnp.sign(x))


@once_rounded
def norm_along(x: jax.Array, p: float, dim: int, keepdim: bool = False) -> jax.Array:
    """The p-norm of the vectors along `dim`, which is real."""
    if jnp.iscomplexobj(x):
        x = jnp.abs(x)
    if p == 0:
        return jnp.sum((x != 0).astype(x.dtype), axis=dim, keepdims=keepdim)
    if p == 1:
        return jnp.sum(magnitude(x), axis=dim, keepdims=keepdim)
    if p == np.inf:
        return jnp.max(magnitude(x), axis=dim, keepdims=keepdim, initial=0)
    if p == -np.inf:
        return jnp.min(magnitude(x), axis=dim, keepdims=keepdim, initial=jnp.inf)
    # Replacing what has no derivative (the root of a zero sum, powers below 1 of zero elements) by ones keeps
    # NaN out of the gradient; the values are put right afterwards.
    if p == 2:
        powers = jnp.sum(jnp.square(x), axis=dim, keepdims=keepdim)
    else:
        absent = x == 0
        terms = jnp.where(absent, 0, jnp.where(absent, jnp.ones_like(x), magnitude(x)) ** p)
        powers = jnp.sum(terms, axis=dim, keepdims=keepdim)
    nothing = powers == 0
    safe = jnp.where(nothing, jnp.ones_like(powers), powers)
    root = jnp.sqrt(safe) if p == 2 else safe ** (1.0 / p)
    return jnp.where(nothing, jnp.zeros_like(root), root)


def farthest(difference: jax.Array) -> jax.Array:
    """The greatest |difference| along the last dimension; all that are as great have the full derivative."""
    sizes = magnitude(difference)
    fixed = lax.stop_gradient(sizes)
    greatest = jnp.max(fixed, axis=-1, initial=0)
    return greatest + jnp.sum(jnp.where(fixed == greatest[..., None], sizes - fixed, 0), axis=-1)


def raised_to(x: jax.Array, least: float) -> jax.Array:
    """max(x, least) whose derivative passes as if it were x (PyTorch clamps these in place, unrecorded)."""
    return jnp.where(x < least, jnp.asarray(least, x.dtype) + (x - lax.stop_gradient(x)), x)


@operation("nn.functional", grad_fn="DivBackward0")
def normalize(input: jax.Array, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> jax.Array:
    """Input over max(its p-norm along `dim`, eps)."""
    dim = canonical_dim(dim, input.ndim)
    if input.ndim == 0:
        return normalize(input[None], p, 0, eps)[0]
    length = norm_along(input, p, dim, keepdim=True)
    return input / jnp.where(length < eps, jnp.asarray(eps, length.dtype), length).astype(input.dtype)


@operation("torch", "nn.functional", grad_fn="SumBackward1", promote=("x1", "x2"))
def cosine_similarity(x1: jax.Array, x2: jax.Array, dim: int = 1, eps: float = 1e-8) -> jax.Array:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`, after broadcasting."""
    x1, x2 = jnp.broadcast_arrays(x1, x2)
    dim = canonical_dim(dim, x1.ndim)
    if x1.ndim == 0:
        x1, x2 = x1[None], x2[None]
    units = [x / raised_to(norm_along(x, 2, dim, keepdim=True), eps) for x in (x1, x2)]
    return jnp.sum(units[0] * units[1], axis=dim)


@operation("torch", "nn.functional", grad_fn="LinalgVectorNormBackward0", promote=("x1", "x2"))
def pairwise_distance(
    x1: jax.Array, x2: jax.Array, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> jax.Array:
    """The p-norm of x1 - x2 + eps along the last dimension."""
    difference = to_floating(jnp.subtract(x1, x2)) + eps
    if jnp.iscomplexobj(difference):
        difference = jnp.abs(difference)
    if difference.ndim == 0:
        difference = difference[None]
        return norm_along(difference, p, -1, keepdim)
    return norm_along(difference, p, -1, keepdim)


@operation("torch", "nn.functional", grad_fn="PdistBackward0")
def pdist(input: jax.Array, p: float = 2.0) -> jax.Array:
    """The p-norm distances between all pairs of rows of input (N, M), in the order (0,1), (0,2), ..., (1,2),
    ...
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    first, second = np.triu_indices(input.shape[0], k=1)
    difference = input[first] - input[second]
    if p == 0:
        return jnp.sum(jnp.minimum(jnp.ceil(magnitude(difference)), 1), axis=-1)  # NaN stays NaN
    return farthest(difference) if p == np.inf else norm_along(difference, p, -1)
