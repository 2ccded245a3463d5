"""Attention by cuDNN's fused kernel, which never holds the matrix of scores, where it means the same."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.extend.backend import get_backend

__all__ = ["fused", "is_fusible"]

_WIDEST = 128


def _on_cuda() -> bool:
    return "cuda" in str(get_backend().platform_version)


def is_fusible(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    is_causal: bool,
    dropout_p: float,
) -> bool:
    """Whether the kernel takes these arguments and computes what PyTorch defines.

    It takes float16 and bfloat16 (B, H, L, E) with E a multiple of 8 up to 128. Dropout draws other numbers,
    the triangle of is_causal is that of PyTorch for L = S, and a float mask may want a gradient, which the
    kernel gives for some shapes only: those are left to the plain form.
    """
    if dropout_p > 0 or query.ndim != 4 or query.dtype not in (jnp.bfloat16, jnp.float16):
        return False
    if key.ndim != 4 or value.shape[:-1] != key.shape[:-1] or key.shape[0] != query.shape[0]:
        return False
    (length, width), steps = query.shape[2:], key.shape[2]
    if width % 8 or width > _WIDEST or value.shape[3] != width or not query.size or not key.size:
        return False
    if is_causal and length != steps:
        return False
    if mask is not None and (mask.dtype != jnp.bool_ or mask.ndim > 4 or length % 2 or steps % 2):
        return False
    return _on_cuda()


def fused(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    mask: jax.Array | None,
    is_causal: bool,
    scale: float,
) -> jax.Array:
    """Attention of (B, H, L, E) to (B, K, S, E), H a multiple of K; True in the mask takes part."""
    rows = None
    if mask is not None:
        mask = mask.reshape((1,) * (4 - mask.ndim) + mask.shape)
        mask = jnp.broadcast_to(mask, (*mask.shape[:2], query.shape[2], key.shape[2]))
        rows = jnp.any(mask, axis=-1, keepdims=True)
    q, k, v = (x.swapaxes(1, 2) for x in (query, key, value))
    with jax.numpy_dtype_promotion("standard"):  # within it JAX mixes dtypes
        output = jax.nn.dot_product_attention(
            q, k, v, mask=mask, scale=scale, is_causal=is_causal, implementation="cudnn"
        ).swapaxes(1, 2)
    # The kernel gives a fully masked row the mean of the values; PyTorch gives it zeros.
    return output if rows is None else jnp.where(rows, output, jnp.zeros_like(output))
