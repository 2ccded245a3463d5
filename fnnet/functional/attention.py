"""Attention.

`key` names the keys here, as in PyTorch; the random source for dropout is therefore `dropout_key`.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.dropout import dropout
from fnnet.functional.fused_attention import fused, is_fusible
from fnnet.functional.half import is_half, widened
from fnnet.functional.linear import by_rows, linear
from fnnet.functional.operation import operation
from fnnet.functional.shares import shares

__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]


def _as_bias(mask: jax.Array, dtype: Any) -> jax.Array:
    """A mask to be added: of a boolean one, True takes part and False is -inf."""
    if mask.dtype == jnp.bool_:
        return jnp.where(mask, jnp.zeros((), dtype), jnp.asarray(-jnp.inf, dtype))
    return mask


@operation("nn.functional", grad_fn="ScaledDotProductFlashAttentionForCpuBackward0")
def scaled_dot_product_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    attn_mask: jax.Array | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
    *,
    dropout_key: Any = None,
) -> jax.Array:
    """softmax(query keyᵀ * scale + mask) value: query (..., L, E), key (..., S, E), value (..., S, V).

    A boolean mask is True where a key takes part; a float mask is added. `is_causal` masks by the lower
    triangle, aligned at the upper left. A fully masked row gives zeros. `scale` is 1 / sqrt(E) unless given.
    With `enable_gqa` the heads (dimension -3) of key and value are repeated to those of query. Dropout of the
    weights draws from `dropout_key`. On a CUDA device cuDNN's fused kernel computes it where it can, so that
    no matrix of scores is held. Raises RuntimeError for arguments that do not go together.
    """
    if query.ndim < 2 or key.ndim < 2 or value.ndim < 2:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to all be at least 2 "
            "dimensional, but got "
            f"{query.ndim}, {key.ndim} and {value.ndim} instead."
        )
    if not query.dtype == key.dtype == value.dtype:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to have the same dtype, but got "
            f"query.dtype: {query.dtype} key.dtype: {key.dtype} and value.dtype: {value.dtype} instead."
        )
    if attn_mask is not None and attn_mask.dtype not in (jnp.bool_, query.dtype, jnp.float32):
        raise RuntimeError(
            "scaled_dot_product_attention: Expected attn_mask dtype to be bool or float or to match query "
            f"dtype, but got attn_mask.dtype: {attn_mask.dtype} and query.dtype: {query.dtype} instead."
        )
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            "scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True"
        )
    if enable_gqa and (query.shape[-3] % key.shape[-3] or query.shape[-3] % value.shape[-3]):
        raise RuntimeError(
            "scaled_dot_product_attention: the number of heads in query must be divisible by those in key "
            f"and value, but got {query.shape[-3]}, {key.shape[-3]} and {value.shape[-3]}"
        )
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale

    def plain(query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None = None) -> jax.Array:
        return _plain(query, key, value, mask, dropout_p, is_causal, scale, enable_gqa, dropout_key)

    arrays = (query, key, value) if attn_mask is None else (query, key, value, attn_mask)
    same_heads = query.ndim == 4 and key.ndim == 4 and query.shape[1] == key.shape[1]
    if (enable_gqa or same_heads) and is_fusible(query, key, value, attn_mask, is_causal, dropout_p):

        def on_cuda(
            query: jax.Array, key: jax.Array, value: jax.Array, mask: jax.Array | None = None
        ) -> jax.Array:
            return fused(query, key, value, mask, is_causal, scale)

        return jax.lax.platform_dependent(*arrays, cuda=on_cuda, default=plain)
    return plain(*arrays)


def _plain(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    attn_mask: jax.Array | None,
    dropout_p: float,
    is_causal: bool,
    scale: float,
    enable_gqa: bool,
    dropout_key: Any,
) -> jax.Array:
    """Attention by the matrix of scores."""
    if enable_gqa:
        key = jnp.repeat(key, query.shape[-3] // key.shape[-3], axis=-3)
        value = jnp.repeat(value, query.shape[-3] // value.shape[-3], axis=-3)
    kind = query.dtype
    if is_half(query):  # PyTorch holds the scores of half types in float32
        scores = scale * by_rows(query, key, preferred_element_type=jnp.float32)
        attn_mask = attn_mask if attn_mask is None else widened(attn_mask)
    else:
        scores = by_rows(query * scale, key)
    if 0 in scores.shape:
        return jnp.matmul(scores.astype(kind), value)
    if is_causal:
        attn_mask = jnp.tril(jnp.ones(scores.shape[-2:], bool))
    if attn_mask is not None:
        scores = scores + _as_bias(attn_mask, scores.dtype)
    weights = shares(scores, -1, or_zeros=True).astype(kind)  # zeros for a fully masked row
    return jnp.matmul(dropout(weights, dropout_p, dropout_p > 0, key=dropout_key), value)


def _projected(
    query: jax.Array, key: jax.Array, value: jax.Array, weights: list[jax.Array], bias: jax.Array | None
) -> list[jax.Array]:
    biases = [None] * 3 if bias is None else list(jnp.split(bias, 3))
    return [linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases, strict=True)]


def _merged_mask(
    attn_mask: jax.Array | None, padding: jax.Array | None, batch: int, heads: int, dtype: Any
) -> jax.Array | None:
    """What is added to the scores (N, H, L, S); here, True in a boolean mask takes no part."""
    total = None
    if attn_mask is not None:
        mask = _as_bias(~attn_mask, dtype) if attn_mask.dtype == jnp.bool_ else attn_mask.astype(dtype)
        total = mask[None, None] if mask.ndim == 2 else mask.reshape(batch, heads, *mask.shape[1:])
    if padding is not None:
        mask = _as_bias(~padding, dtype) if padding.dtype == jnp.bool_ else padding.astype(dtype)
        mask = mask[:, None, None, :]
        total = mask if total is None else total + mask
    return total


def _extended(mask: jax.Array | None, count: int) -> jax.Array | None:
    """A mask with columns that take part for keys put at the end."""
    if mask is None:
        return None
    return jnp.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, count)])


@operation("nn.functional", grad_fn="ViewBackward0")
def multi_head_attention_forward(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: jax.Array | None,
    in_proj_bias: jax.Array | None,
    bias_k: jax.Array | None,
    bias_v: jax.Array | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: jax.Array,
    out_proj_bias: jax.Array | None,
    training: bool = True,
    key_padding_mask: jax.Array | None = None,
    need_weights: bool = True,
    attn_mask: jax.Array | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: jax.Array | None = None,
    k_proj_weight: jax.Array | None = None,
    v_proj_weight: jax.Array | None = None,
    static_k: jax.Array | None = None,
    static_v: jax.Array | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
    *,
    dropout_key: Any = None,
) -> tuple[jax.Array, jax.Array | None]:
    """Multi-head attention of query (L, N, E) to key (S, N, Ek) and value (S, N, Ev), or all without N.

    Gives the output (L, N, E) and the weights (N, L, S), or (N, H, L, S) without averaging, or None. In
    boolean masks True takes no part (the opposite of scaled_dot_product_attention). `is_causal` is a hint,
    and attn_mask must be given with it. Raises AssertionError or RuntimeError for arguments that do not go
    together.
    """
    unbatched = query.ndim == 2
    if unbatched:
        query, key, value = query[:, None], key[:, None], value[:, None]
        key_padding_mask = None if key_padding_mask is None else key_padding_mask[None]
    length, batch, embed = query.shape
    if embed != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed}")
    if embed % num_heads:
        raise AssertionError(f"embed_dim {embed} not divisible by num_heads {num_heads}")
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if use_separate_proj_weight:
        if q_proj_weight is None or k_proj_weight is None or v_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is True but q, k or v_proj_weight is None")
        weights = [q_proj_weight, k_proj_weight, v_proj_weight]
    else:
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        weights = list(jnp.split(in_proj_weight, 3))
    rows = (length, key.shape[0])
    if attn_mask is not None and attn_mask.ndim == 2 and attn_mask.shape != rows:
        raise RuntimeError(
            f"The shape of the 2D attn_mask is {tuple(attn_mask.shape)}, but should be {rows}."
        )
    q, k, v = _projected(query, key, value, weights, in_proj_bias)
    mask = _merged_mask(attn_mask, key_padding_mask, batch, num_heads, q.dtype)
    if bias_k is not None and bias_v is not None:
        k = jnp.concatenate([k, jnp.broadcast_to(bias_k, (1, batch, embed))])
        v = jnp.concatenate([v, jnp.broadcast_to(bias_v, (1, batch, embed))])
        mask = _extended(mask, 1)

    def by_head(x: jax.Array) -> jax.Array:
        return x.reshape(x.shape[0], batch, num_heads, -1).transpose(1, 2, 0, 3)

    q = by_head(q)
    k = by_head(k) if static_k is None else static_k.reshape(batch, num_heads, *static_k.shape[1:])
    v = by_head(v) if static_v is None else static_v.reshape(batch, num_heads, *static_v.shape[1:])
    if add_zero_attn:
        k, v = (jnp.pad(x, [(0, 0), (0, 0), (0, 1), (0, 0)]) for x in (k, v))
        mask = _extended(mask, 1)
    rate = dropout_p if training else 0.0
    attention: jax.Array | None = None
    if need_weights:
        scores = by_rows(q * math.sqrt(1.0 / q.shape[-1]), k)
        # Without the weights a fully masked row is zero, with them it is NaN, as in PyTorch.
        attention = shares(scores if mask is None else scores + mask, -1)
        attention = dropout(attention, rate, rate > 0, key=dropout_key)
        context = jnp.matmul(attention, v)
        attention = attention.mean(axis=1) if average_attn_weights else attention
    else:
        context = scaled_dot_product_attention(q, k, v, mask, rate, dropout_key=dropout_key)
    output = linear(context.transpose(2, 0, 1, 3).reshape(length, batch, -1), out_proj_weight, out_proj_bias)
    if unbatched:
        return output[:, 0], None if attention is None else attention[0]
    return output, attention
