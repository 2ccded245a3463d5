"""Attention whose scores a function changes, and masks given by a function of positions.

`score_mod(score, b, h, q_idx, kv_idx)` gives the score of a query and a key, `mask_mod(b, h, q_idx, kv_idx)`
whether they meet; both see one number at a time, and are mapped over all. They may read arrays around them.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from fnnet.functional.activation import softmax
from fnnet.functional.comparison import where
from fnnet.functional.matrix import matmul
from fnnet.functional.padding import pad
from fnnet.functional.reduction import all as all_of
from fnnet.functional.reduction import amax, logsumexp
from fnnet.functional.sorting import argsort

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

Mod = Callable[..., Any]
Applied = Callable[[Mod, Any, tuple[int, ...]], Any]

BLOCK_SIZE = 128


class AuxRequest(NamedTuple):
    """What flex_attention gives beside its output: the log-sum-exp of the scores, and their largest."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for by AuxRequest, (B, H, L) each; None for the others."""

    lse: Any = None
    max_scores: Any = None


def noop_mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
    """A mask_mod by which all meet."""
    return b == b


def _joined(name: str, mask_mods: tuple[Mod, ...], join: Callable[[Any, Any], Any], start: Mod) -> Mod:
    if not all(map(callable, mask_mods)):
        raise RuntimeError(f"{name}: All inputs should be callable mask_mods: {mask_mods}")

    def joined(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        result = start(b, h, q_idx, kv_idx)
        for mask in mask_mods:
            result = join(result, mask(b, h, q_idx, kv_idx))
        return result

    joined.__name__ = name
    return joined


def or_masks(*mask_mods: Mod) -> Mod:
    """A mask_mod that is true where one of them is. Raises RuntimeError for what is not a function."""
    return _joined("or_mask", mask_mods, lambda a, b: a | b, lambda b, h, q, kv: b != b)


def and_masks(*mask_mods: Mod) -> Mod:
    """A mask_mod that is true where all of them are. Raises RuntimeError for what is not a function."""
    return _joined("and_mask", mask_mods, lambda a, b: a & b, noop_mask)


def _mapped(mod: Mod, scores: Any, sizes: tuple[int, ...]) -> jax.Array:
    """The function at every (b, h, q_idx, kv_idx), after the score if there is one."""
    first = () if scores is None else (0,)
    for place in (3, 2, 1, 0):
        mod = jax.vmap(mod, in_axes=(*first, *(0 if i == place else None for i in range(4))))
    places = [jnp.arange(size, dtype=jnp.int32) for size in sizes]
    return jnp.asarray(mod(*places) if scores is None else mod(scores, *places))


def _takes_score(mod: Mod) -> bool:
    """Whether it is a score_mod; else a mask_mod. Raises AssertionError for another number of arguments."""
    given = inspect.signature(mod).parameters.values()
    count = sum(one.default is inspect.Parameter.empty and one.kind < one.VAR_POSITIONAL for one in given)
    if count not in (4, 5):
        raise AssertionError(f"expected a score_mod of 5 or a mask_mod of 4 arguments, got {mod} of {count}")
    return count == 5


def mask_of(mod: Mod, sizes: tuple[int, ...], applied: Applied, zeros: Callable[..., Any]) -> Any:
    """The mask (B, H, L, S) of a mask_mod, or of where a score_mod leaves a score."""
    if _takes_score(mod):
        return applied(mod, zeros(sizes), sizes) != -math.inf
    return applied(mod, None, sizes)


def create_mask(mod_fn: Mod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int) -> jax.Array:
    """The boolean mask (B, H, Q_LEN, KV_LEN) of a mask_mod, or of where a score_mod does not give -inf."""
    return mask_of(mod_fn, (B or 1, H or 1, Q_LEN, KV_LEN), _mapped, jnp.zeros)


def _ordered(dense: Any) -> tuple[Any, Any]:
    """How many blocks each row has, and their columns, those first."""
    return dense.sum(-1), argsort(dense, dim=-1, descending=True, stable=True)


def _dense(counts: Any, columns: Any) -> Any:
    """The reverse of _ordered."""
    places = argsort(columns, dim=-1)
    return places < counts[..., None]


class BlockMask:
    """A mask_mod with the blocks of BLOCK_SIZE in which queries and keys meet.

    Attributes:
        seq_lengths: of queries and keys.
        kv_num_blocks, kv_indices: of each row of blocks (B, H, rows) how many are filled in part, and the
            columns of all (B, H, rows, columns), those first.
        full_kv_num_blocks, full_kv_indices: the same of filled blocks.
        q_num_blocks, q_indices, full_q_num_blocks, full_q_indices: the same by columns.
        BLOCK_SIZE: of queries and keys.
        mask_mod: the function, which alone says what meets.
    """

    def __init__(
        self,
        seq_lengths: tuple[int, int],
        partial: Any,
        full: Any,
        BLOCK_SIZE: tuple[int, int],
        mask_mod: Mod,
    ) -> None:
        self.seq_lengths = seq_lengths
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod
        self.kv_num_blocks, self.kv_indices = _ordered(partial)
        self.q_num_blocks, self.q_indices = _ordered(partial.swapaxes(-1, -2))
        rows: tuple[Any, Any] = (None, None) if full is None else _ordered(full)
        columns: tuple[Any, Any] = (None, None) if full is None else _ordered(full.swapaxes(-1, -2))
        self.full_kv_num_blocks, self.full_kv_indices = rows
        self.full_q_num_blocks, self.full_q_indices = columns

    @property
    def shape(self) -> tuple[int, ...]:
        """(B, H, Q_LEN, KV_LEN)."""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self) -> int:
        """How many pairs there are."""
        return math.prod(self.shape)

    def sparsity(self) -> float:
        """The percentage of pairs that lie in empty blocks."""
        blocks = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            blocks += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - blocks * math.prod(self.BLOCK_SIZE) / self.numel())

    def to_dense(self) -> Any:
        """Which blocks are not empty, (B, H, rows, columns) of 0 and 1."""
        dense = _dense(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is not None:
            dense = dense | _dense(self.full_kv_num_blocks, self.full_kv_indices)
        return where(dense, 1, 0)

    def __repr__(self) -> str:
        name = getattr(self.mask_mod, "__name__", self.mask_mod)
        return (
            f"BlockMask(shape={self.shape}, BLOCK_SIZE={self.BLOCK_SIZE}, sparsity={self.sparsity():.2f}%, "
            f"mask_mod={name})"
        )


def block_mask_of(
    mask: Any, mask_mod: Mod, block_size: int | tuple[int, int], separate_full_blocks: bool
) -> BlockMask:
    """The BlockMask of a dense mask (B, H, L, S)."""
    sizes = (block_size, block_size) if isinstance(block_size, int) else block_size
    lengths = (int(mask.shape[-2]), int(mask.shape[-1]))
    rows, columns = (-(-n // size) for n, size in zip(lengths, sizes, strict=True))
    padded = pad(mask, (0, columns * sizes[1] - lengths[1], 0, rows * sizes[0] - lengths[0]))
    blocks = padded.reshape(*mask.shape[:2], rows, sizes[0], columns, sizes[1])
    filled = blocks.sum(3).sum(-1)
    full = filled == math.prod(sizes)
    if not separate_full_blocks:
        return BlockMask(lengths, filled > 0, None, sizes, mask_mod)
    return BlockMask(lengths, (filled > 0) & ~full, full, sizes, mask_mod)


def create_block_mask(
    mask_mod: Mod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    BLOCK_SIZE: int | tuple[int, int] = BLOCK_SIZE,
    separate_full_blocks: bool = True,
) -> BlockMask:
    """A mask for flex_attention from a mask_mod; B or H None, or 1, for one mask for all.

    Raises AssertionError for a function that is no mask_mod.
    """
    if _takes_score(mask_mod):
        raise AssertionError(f"create-block_mask requires a mask_mod function! Got {mask_mod}")
    return block_mask_of(
        create_mask(mask_mod, B, H, Q_LEN, KV_LEN), mask_mod, BLOCK_SIZE, separate_full_blocks
    )


def check(query: Any, key: Any, value: Any, block_mask: BlockMask | None, enable_gqa: bool) -> None:
    """Raise PyTorch's ValueError for arguments that do not go together."""
    for name, one in (("query", query), ("key", key), ("value", value)):
        if one.ndim != 4:
            raise ValueError(f"flex_attention: Expected {name} to be 4 dimensional, but got {one.ndim}.")
    if not query.dtype == key.dtype == value.dtype:
        raise ValueError(
            "flex_attention: Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{query.dtype}, key.dtype: {key.dtype}, and value.dtype: {value.dtype} instead."
        )
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(
            "flex_attention: Expect query and key/value to have the same embedding dimension but got "
            f"E={query.shape[-1]} and E={key.shape[-1]}."
        )
    heads, own = query.shape[1], key.shape[1]
    if heads != own and (not enable_gqa or heads % own):
        hint = "Try setting enable_gqa=True for GQA." if not enable_gqa else "Hq must be a multiple of Hkv."
        raise ValueError(
            "flex_attention: Expect query and key/value to have the same number of heads but got "
            f"Hq={heads} and Hkv={own}. {hint}"
        )
    if query.shape[0] != key.shape[0] and key.shape[0] != 1:
        raise ValueError(
            "flex_attention: Expect query and key/value to have the same batch size, but got "
            f"Bq={query.shape[0]}, Bkv={key.shape[0]}."
        )
    if block_mask is None:
        return
    if block_mask.shape[-2:] != (query.shape[-2], key.shape[-2]):
        raise ValueError(
            f"flex_attention: block_mask was created for block_mask.shape={block_mask.shape} but got "
            f"q_len={query.shape[-2]} and kv_len={key.shape[-2]}; create one for these lengths."
        )
    for name, of_mask, of_query in zip(("batch", "heads"), block_mask.shape, query.shape, strict=False):
        if of_mask not in (1, of_query):
            raise ValueError(f"flex_attention: block_mask has {name} {of_mask}, but query has {of_query}.")


def attend(
    query: Any,
    key: Any,
    value: Any,
    mods: tuple[Mod | None, Mod | None],
    scale: float,
    applied: Applied,
    cast: Callable[[Any, Any], Any],
) -> tuple[Any, Any, Any]:
    """Output, log-sum-exp and largest score, by arrays or tensors, of which `applied` maps the functions.

    Scores are computed in float32 at least.
    """
    score_mod, mask_mod = mods
    groups = query.shape[1] // key.shape[1] if key.shape[1] else 1
    batch, heads, length, width = query.shape
    wide = cast(query, None).reshape(batch, heads // groups, groups, length, width)
    scores = matmul(wide, cast(key, None)[:, :, None].swapaxes(-1, -2)) * scale
    scores = scores.reshape(batch, heads, length, key.shape[2])
    sizes = tuple(scores.shape)
    if score_mod is not None:
        scores = cast(applied(score_mod, scores, sizes), scores.dtype)
    if mask_mod is not None:
        scores = where(applied(mask_mod, None, sizes), scores, -math.inf)
    if 0 in sizes:
        return matmul(cast(scores, query.dtype), value), None, None
    masked = all_of(scores == -math.inf, dim=-1, keepdim=True)
    safe = where(masked, 0.0, scores)
    weights = cast(where(masked, 0.0, softmax(safe, -1)), query.dtype)
    weights = weights.reshape(batch, heads // groups, groups, length, key.shape[2])
    output = matmul(weights, value[:, :, None]).reshape(batch, heads, length, value.shape[-1])
    rest = [where(masked[..., 0], -math.inf, one) for one in (logsumexp(safe, -1), amax(safe, -1))]
    return output, rest[0], rest[1]


def chosen(output: Any, lse: Any, largest: Any, return_lse: bool, return_aux: AuxRequest | None) -> Any:
    """The output with what was asked for beside it."""
    if return_aux is not None:
        return output, AuxOutput(lse if return_aux.lse else None, largest if return_aux.max_scores else None)
    return (output, lse) if return_lse else output


def flex_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    score_mod: Mod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention of (B, H, L, E) to (B, K, S, E) with every score changed by a function (see the module).

    `scale` is 1 / sqrt(E) unless given. With `enable_gqa` H is a multiple of K. `block_mask` says what meets,
    `score_mod` changes scores that are scaled; a row in which nothing meets gives zeros. With `return_lse` or
    `return_aux` the result is a pair. Raises ValueError for arguments that do not go together.

    Differs from PyTorch: the matrix of scores is held, as in PyTorch without a compiler, and `max_scores` is
    had on a CPU too.
    """
    check(query, key, value, block_mask, enable_gqa)
    if return_lse and return_aux is not None:
        raise ValueError("flex_attention: Cannot specify both return_lse and return_aux.")

    def cast(x: jax.Array, kind: Any) -> jax.Array:
        return x.astype(jnp.promote_types(x.dtype, jnp.float32) if kind is None else kind)

    mods = (score_mod, None if block_mask is None else block_mask.mask_mod)
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    results = attend(query, key, value, mods, scale, _mapped, cast)
    return chosen(*results, return_lse, return_aux)
