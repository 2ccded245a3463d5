"""Softmax, with the derivative in the form in which PyTorch computes it."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.apart import apart

__all__ = ["shares"]


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _shares(x: jax.Array, axis: int, or_zeros: bool) -> jax.Array:
    top = lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    if or_zeros:
        # by bounds, which XLA's softmax on a CPU takes in: with a choice attention took twice the time
        top = jnp.maximum(top, jnp.finfo(x.dtype).min)
    powers = jnp.exp(x - top)
    total = jnp.sum(powers, axis=axis, keepdims=True)
    return powers / (jnp.maximum(total, jnp.finfo(x.dtype).tiny) if or_zeros else total)


@_shares.defjvp
def _shares_jvp(
    axis: int, or_zeros: bool, primals: tuple[jax.Array], tangents: tuple[jax.Array]
) -> tuple[jax.Array, jax.Array]:
    # Transposed, this is y (g - sum(g y)), which rounds as PyTorch's does: where one share is nearly 1, g and
    # the sum nearly cancel. jax.nn.softmax has y g - y sum(g y).
    # Apart, for XLA on a CPU would compute y again within each of these sums.
    y = apart(_shares(primals[0], axis, or_zeros))
    weighted = y * tangents[0]
    return y, weighted - y * jnp.sum(weighted, axis=axis, keepdims=True)


def shares(x: jax.Array, axis: int, or_zeros: bool = False) -> jax.Array:
    """exp(x) over its sum along an axis; half types are computed in float32, as in PyTorch.

    What is -inf all along the axis gives NaN, or zeros, in value and derivative, if asked.
    """
    if x.dtype in (jnp.float16, jnp.bfloat16):
        return _shares(x.astype(jnp.float32), axis, or_zeros).astype(x.dtype)
    return _shares(x, axis, or_zeros)
