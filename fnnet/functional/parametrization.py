"""Weights computed from other parameters: by weight norm, by spectral norm, orthogonal ones."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.distance import norm_along, normalize
from fnnet.functional.dtypes import is_bool, is_integral, scalar_name
from fnnet.functional.matrix_exponential import exponential
from fnnet.functional.operation import operation

__all__ = [
    "norm_except_dim",
    "orthogonal_base",
    "orthogonal_matrix",
    "power_iterations",
    "reflectors",
    "spectrally_normalised",
    "weight_norm",
]


@operation("torch", grad_fn="NormExceptDimBackward0")
def norm_except_dim(v: jax.Array, pow: int = 2, dim: int = 0) -> jax.Array:
    """The norm over all dimensions but `dim`, which keeps its place; over all, 0-d, if dim is -1."""
    if is_bool(v) or is_integral(v):
        raise RuntimeError(
            f"norm(): input dtype should be either floating point or complex. Got {scalar_name(v)} instead."
        )
    if dim == -1:
        return norm_along(v.ravel(), pow, 0)
    kept = canonical_dim(dim, v.ndim)
    axes = tuple(axis for axis in range(v.ndim) if axis != kept)
    if pow == 0:
        return jnp.sum(v != 0, axis=axes, keepdims=True).astype(jnp.real(v).dtype)
    return jnp.sum(jnp.abs(v) ** pow, axis=axes, keepdims=True) ** (1 / pow)


@operation("torch", name="_weight_norm", grad_fn="WeightNormInterfaceBackward0")
def weight_norm(v: jax.Array, g: jax.Array, dim: int = 0) -> jax.Array:
    """g v / |v|, the norms taken as in norm_except_dim (Salimans and Kingma, 2016)."""
    return v * (g / norm_except_dim(v, 2, dim))


def as_matrix(weight: jax.Array, dim: int) -> jax.Array:
    """A weight with dimension `dim` first and all others in one."""
    return jnp.moveaxis(weight, dim, 0).reshape(weight.shape[dim], -1)


@operation()
def power_iterations(
    weight: jax.Array, u: jax.Array, v: jax.Array, dim: int, steps: int, eps: float, v_first: bool = False
) -> tuple[jax.Array, jax.Array]:
    """Singular vectors u and v of the weight as a matrix, after so many steps: u ~ W v, v ~ Wᵀ u.

    No derivative is taken through them. `v_first`: each step begins with v.
    """
    matrix = lax.stop_gradient(as_matrix(weight, dim))

    def step(_: int, vectors: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        u, v = vectors
        if v_first:
            v = normalize(matrix.T @ u, dim=0, eps=eps)
            return normalize(matrix @ v, dim=0, eps=eps), v
        u = normalize(matrix @ v, dim=0, eps=eps)
        return u, normalize(matrix.T @ u, dim=0, eps=eps)

    return lax.fori_loop(0, steps, step, (lax.stop_gradient(u), lax.stop_gradient(v)))


@operation(grad_fn="DivBackward0")
def spectrally_normalised(weight: jax.Array, u: jax.Array, v: jax.Array, dim: int) -> jax.Array:
    """The weight over uᵀ W v, its greatest singular value (Miyato et al., 2018)."""
    return weight / jnp.dot(u, as_matrix(weight, dim) @ v)


def _product_of_reflections(vectors: jax.Array, tau: jax.Array) -> jax.Array:
    """The first columns of the product of I - tau_i v_i v_iᵀ, v_i the columns below the diagonal."""
    n, k = vectors.shape
    below = jnp.tril(vectors, -1) + jnp.eye(n, k, dtype=vectors.dtype)

    def reflect(q: jax.Array, one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        v, t = one
        return q - t * jnp.outer(v, v @ q), None

    return lax.scan(reflect, jnp.eye(n, k, dtype=vectors.dtype), (below.T, tau), reverse=True)[0]


def _orthogonal(x: jax.Array, how: str) -> jax.Array:
    """For a tall matrix."""
    n, k = x.shape
    if how == "householder":
        below = jnp.tril(x, -1)
        tau = 2.0 / (1.0 + jnp.sum(below * below, axis=0))
        signs = jnp.trunc(lax.stop_gradient(jnp.diagonal(x)))
        return _product_of_reflections(below, tau) * signs
    lower = jnp.pad(jnp.tril(x), [(0, 0), (0, n - k)])
    skew = lower - lower.T
    if how == "matrix_exp":
        return exponential(skew)[:, :k]
    identity = jnp.eye(n, dtype=x.dtype)
    return jnp.linalg.solve(identity - 0.5 * skew, identity + 0.5 * skew)[:, :k]


@operation(grad_fn="MatmulBackward0")
def orthogonal_matrix(x: jax.Array, how: str, base: jax.Array | None = None) -> jax.Array:
    """An orthogonal matrix (or with orthonormal rows or columns) of the shape of x (..., n, k), by a map.

    Args:
        x: the free parameter; only its lower triangle counts.
        how: "matrix_exp", "cayley" or "householder".
        base: multiplied from the left, if given.
    """
    tall = jnp.swapaxes(x, -1, -2) if x.shape[-2] < x.shape[-1] else x
    made = jnp.vectorize(lambda one: _orthogonal(one, how), signature="(n,k)->(n,k)")(tall)
    if base is not None:
        made = base @ made
    return jnp.swapaxes(made, -1, -2) if x.shape[-2] < x.shape[-1] else made


def _factored(q: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Reflectors below the diagonal and R above it, and tau, of a tall matrix."""
    h, tau = jnp.linalg.qr(q, mode="raw")
    return jnp.swapaxes(h, -1, -2), tau


@operation()
def orthogonal_base(q: jax.Array, noise: jax.Array | None = None) -> jax.Array:
    """The base (..., n, n) with which a tall q (..., n, k), made orthogonal, is the image of -I.

    `noise` (..., n, n - k) completes the columns.
    """
    full = q if noise is None else jnp.concatenate([q, noise], axis=-1)

    def made(a: jax.Array) -> jax.Array:
        h, tau = _factored(a)
        return _product_of_reflections(h, tau) * jnp.sign(jnp.diagonal(h))

    n = full.shape[-1]
    identity = jnp.eye(n, dtype=full.dtype)
    away = jnp.abs(jnp.swapaxes(full, -1, -2) @ full - identity)
    close = jnp.all(away <= 10.0 * n * float(jnp.finfo(full.dtype).eps) + 1e-5 * identity)
    orthogonal = jnp.vectorize(made, signature="(n,k)->(n,k)")(full)
    return jnp.where(close, full, orthogonal) if noise is None else orthogonal


@operation()
def reflectors(q: jax.Array) -> jax.Array:
    """What orthogonal_matrix with "householder" maps to the orthogonal matrix q, without a base."""
    tall = jnp.swapaxes(q, -1, -2) if q.shape[-2] < q.shape[-1] else q
    h, tau = _factored(tall)
    k = tall.shape[-1]
    diagonal = jnp.sign(jnp.diagonal(h, axis1=-2, axis2=-1))
    diagonal = jnp.where(tau == 0, -diagonal, diagonal)
    made = h.at[..., jnp.arange(k), jnp.arange(k)].set(diagonal)
    return jnp.swapaxes(made, -1, -2) if q.shape[-2] < q.shape[-1] else made
