"""Attention within sequences of different lengths that lie one after the other."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnnet.functional.attention import scaled_dot_product_attention
from fnnet.functional.operation import operation

__all__ = ["VarlenAuxRequest", "varlen_attn"]


class VarlenAuxRequest(NamedTuple):
    """What varlen_attn gives beside its output: the log-sum-exp of the scores (`AuxRequest` in PyTorch)."""

    lse: bool = False


def _check(query: jax.Array, key: jax.Array, block_table: Any, seqused_k: Any, enable_gqa: bool) -> None:
    paged = block_table is not None
    if query.ndim != 3 or key.ndim != 3 + paged:
        raise RuntimeError(
            f"varlen_attn: expected query of 3 dimensions and key of {3 + paged}, got {query.ndim} and "
            f"{key.ndim}"
        )
    if paged and seqused_k is None:
        raise RuntimeError("varlen_attn: block_table requires seqused_k")
    ours, theirs = query.shape[1], key.shape[-2]
    if not enable_gqa and ours != theirs:
        raise ValueError(
            "Expect query and key/value to have the same number of heads "
            f"but got Hq={ours} and Hkv={theirs}. Try setting enable_gqa=True for GQA."
        )
    if enable_gqa and ours % theirs:
        raise ValueError(
            "Expect number of query heads to be a multiple of kv heads for GQA "
            f"but got Hq={ours} and Hkv={theirs}."
        )


def _lengths(cumulative: jax.Array) -> jax.Array:
    return cumulative[1:] - cumulative[:-1]


def _apart(x: jax.Array, begins: jax.Array, longest: int) -> jax.Array:
    """The sequences (N, H, longest, D) of (T, H, D); what lies behind the end of one is of others."""
    places = begins[:, None] + jnp.arange(longest, dtype=begins.dtype)
    return jnp.take(x, places, axis=0, mode="clip").transpose(0, 2, 1, 3)


def _together(x: jax.Array, cumulative: jax.Array, total: int) -> jax.Array:
    """(N, H, L, ...) as (total, H, ...): the sequences one after the other, and zeros behind the last."""
    tokens = jnp.arange(total, dtype=cumulative.dtype)
    sequence = jnp.searchsorted(cumulative, tokens, side="right").astype(cumulative.dtype) - 1
    sequence = jnp.clip(sequence, 0, x.shape[0] - 1)
    taken = x[sequence, :, tokens - cumulative[sequence]]
    there = tokens < cumulative[-1]
    return jnp.where(there.reshape(-1, *[1] * (taken.ndim - 1)), taken, jnp.zeros_like(taken))


@operation(grad_fn="torch_attn::_varlen_attnBackward")
def varlen_attn(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    cu_seq_q: jax.Array,
    cu_seq_k: jax.Array | None,
    max_q: int,
    max_k: int,
    *,
    return_aux: VarlenAuxRequest | None = None,
    scale: float | None = None,
    window_size: tuple[int, int] = (-1, -1),
    enable_gqa: bool = False,
    seqused_k: jax.Array | None = None,
    block_table: jax.Array | None = None,
    num_splits: int | None = None,
) -> jax.Array | tuple[jax.Array, jax.Array]:
    """Attention of query (T_q, H, D) to key and value (T_k, H_kv, D), each sequence to its own.

    Sequence i has the tokens from `cu_seq_q[i]` to `cu_seq_q[i + 1]`, and keys likewise; `max_q` and `max_k`
    are the lengths of the longest. A query meets `window_size` keys to the left and to the right of its own
    place, -1 for all; the last query's place is the last key. `seqused_k` (N,) says how many keys of a
    sequence count. With `block_table` (N, pages) key and value are pages (pages, page, H_kv, D), and a
    sequence has those that the table names. Gives (T_q, H, D), zeros for a query that meets no key; with
    `return_aux` also the log-sum-exp of the scores (H, T_q), inf there. Raises ValueError or RuntimeError for
    what does not fit.

    Differs from PyTorch: that has it for CUDA and half types alone; this takes any floating dtype, and gives
    gradients also with `seqused_k` and `block_table`; `num_splits` changes nothing.
    """
    del num_splits
    _check(query, key, block_table, seqused_k, enable_gqa)
    if len(window_size) != 2:
        raise ValueError(f"window_size must have length 2, got {len(window_size)}")
    if block_table is not None:
        keys, values = (jnp.take(x, block_table, axis=0, mode="clip") for x in (key, value))
        keys, values = (x.reshape(x.shape[0], -1, *x.shape[3:]).transpose(0, 2, 1, 3) for x in (keys, values))
    elif cu_seq_k is None:
        raise RuntimeError("varlen_attn: cu_seq_k may be None only with block_table")
    else:
        keys, values = (_apart(x, cu_seq_k[:-1], max_k) for x in (key, value))
    queries = _apart(query, cu_seq_q[:-1], max_q)
    own = _lengths(cu_seq_q)
    known = seqused_k if seqused_k is not None else _lengths(cu_seq_k)  # type: ignore[arg-type]
    rows = jnp.arange(max_q, dtype=own.dtype)[:, None]
    columns = jnp.arange(keys.shape[2], dtype=own.dtype)
    meet = (columns < known[:, None, None]) & (rows < own[:, None, None])
    distance = columns - (rows + (known.astype(own.dtype) - own)[:, None, None])
    left, right = window_size
    meet = meet & (distance >= -left) if left >= 0 else meet
    meet = meet & (distance <= right) if right >= 0 else meet
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    mask = meet[:, None]
    found = scaled_dot_product_attention(queries, keys, values, mask, scale=scale, enable_gqa=enable_gqa)
    output = _together(found, cu_seq_q, query.shape[0])
    if not (return_aux and return_aux[0]):
        return output
    keys = jnp.repeat(keys, queries.shape[1] // keys.shape[1], axis=1)
    wide = jnp.promote_types(query.dtype, jnp.float32)
    scores = scale * jnp.matmul(queries, keys.swapaxes(-1, -2), preferred_element_type=wide)
    lse = jax.nn.logsumexp(scores, axis=-1, where=mask)
    lse = jnp.where(mask.any(-1), lse, jnp.inf)
    return output, _together(lse, cu_seq_q, query.shape[0]).T
