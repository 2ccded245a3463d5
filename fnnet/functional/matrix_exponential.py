"""The exponential of matrices, by a polynomial of a scaled matrix and squaring."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["exponential"]

_DEGREE = 18
_BLOCK = 3
_SQUARINGS = 32
"""At the most; matrices of a norm beyond 2^32 overflow or are lost to rounding."""


def _polynomial(A: jax.Array) -> jax.Array:
    """Taylor's polynomial of the exponential of degree 18, in powers of the third power."""
    identity = jnp.broadcast_to(jnp.eye(A.shape[-1], dtype=A.dtype), A.shape)
    square = _product(A, A)
    cube = _product(A, square)
    powers = (identity, A, square)
    made = identity * (1 / math.factorial(_DEGREE))
    for start in range(_DEGREE - _BLOCK, -1, -_BLOCK):
        part = sum(power * (1 / math.factorial(start + k)) for k, power in enumerate(powers))
        made = part + _product(cube, made)
    return made


def _product(A: jax.Array, B: jax.Array) -> jax.Array:
    return jnp.matmul(A, B, precision="highest")


def exponential(A: jax.Array) -> jax.Array:
    """exp(A) of matrices (..., n, n) of one of the wider floating or complex dtypes.

    The norm up to which the polynomial of degree 18 is exact to rounding is PyTorch's, of Bader, Blanes and
    Casas, 2019. JAX's own exponential loses three more digits in float32 where the norm is large.
    """
    double = jnp.finfo(A.dtype).dtype == np.float64
    exact_to = 1.090863719290036 if double else 3.010066362817634
    norm = lax.stop_gradient(jnp.max(jnp.sum(jnp.abs(A), -2), -1))[..., None, None]
    halvings = jnp.ceil(jnp.log2(norm / exact_to))
    halvings = jnp.clip(jnp.where(jnp.isfinite(halvings), halvings, 0), 0, _SQUARINGS).astype(jnp.int32)
    scale = jnp.exp2(-halvings.astype(norm.dtype))
    made = _polynomial(A * scale.astype(A.dtype))
    most = jnp.max(halvings)

    def square(made: jax.Array, turn: jax.Array) -> tuple[jax.Array, None]:
        def squared(made: jax.Array) -> jax.Array:
            return jnp.where(turn < halvings, _product(made, made), made)

        return lax.cond(turn < most, squared, lambda made: made, made), None

    return lax.scan(square, made, jnp.arange(_SQUARINGS, dtype=jnp.int32))[0]
