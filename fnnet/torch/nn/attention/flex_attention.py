"""torch.nn.attention.flex_attention: fnnet.functional's, whose score_mod and mask_mod take tensors.

They are called once, with the scores (B, H, L, S) and with indices of shapes (B, 1, 1, 1), (1, H, 1, 1),
(1, 1, L, 1) and (1, 1, 1, S), which broadcast; so gradients reach the tensors that they read.
"""

from __future__ import annotations

import math
from typing import Any, TypedDict

from fnnet import torch
from fnnet.functional.flex_attention import (
    BLOCK_SIZE,
    Mod,
    attend,
    block_mask_of,
    check,
    chosen,
    mask_of,
)
from fnnet.functional.flex_attention import BLOCK_SIZE as _DEFAULT_SPARSE_BLOCK_SIZE  # noqa: F401
from fnnet.functional.flex_attention import AuxOutput as AuxOutput
from fnnet.functional.flex_attention import AuxRequest as AuxRequest
from fnnet.functional.flex_attention import BlockMask as BlockMask
from fnnet.functional.flex_attention import and_masks as and_masks
from fnnet.functional.flex_attention import noop_mask as noop_mask
from fnnet.functional.flex_attention import or_masks as or_masks

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "FlexKernelOptions",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

_score_mod_signature = _mask_mod_signature = Mod


class FlexKernelOptions(TypedDict, total=False):
    """PyTorch's options of its kernels; all are accepted, and none is needed."""

    num_warps: int
    num_stages: int
    BLOCK_M: int
    BLOCK_N: int
    PRESCALE_QK: bool
    ROWS_GUARANTEED_SAFE: bool
    BLOCKS_ARE_CONTIGUOUS: bool
    WRITE_DQ: bool
    FORCE_USE_FLEX_ATTENTION: bool
    USE_TMA: bool
    kpack: int
    matrix_instr_nonkdim: int
    waves_per_eu: int
    BACKEND: str


class _On:
    """Calls functions of positions with tensors on a device."""

    def __init__(self, device: Any) -> None:
        self.device = device

    def __call__(self, mod: Mod, scores: Any, sizes: tuple[int, ...]) -> Any:
        places = []
        for axis, size in enumerate(sizes):
            place = torch.arange(size, dtype=torch.int32, device=self.device)
            places.append(place.reshape([size if i == axis else 1 for i in range(4)]))
        return (mod(*places) if scores is None else mod(scores, *places)).expand(sizes)


def create_mask(
    mod_fn: Mod, B: int | None, H: int | None, Q_LEN: int, KV_LEN: int, device: Any = None
) -> Any:
    """The boolean mask (B, H, Q_LEN, KV_LEN) of a mask_mod, or of where a score_mod does not give -inf."""
    sizes = (B or 1, H or 1, Q_LEN, KV_LEN)
    return mask_of(mod_fn, sizes, _On(device), lambda sizes: torch.zeros(sizes, device=device))


def create_block_mask(
    mask_mod: Mod,
    B: int | None,
    H: int | None,
    Q_LEN: int,
    KV_LEN: int,
    device: Any = None,
    BLOCK_SIZE: int | tuple[int, int] = BLOCK_SIZE,
    _compile: bool = False,
    separate_full_blocks: bool = True,
) -> BlockMask:
    """A mask for flex_attention from a mask_mod."""
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN, device)
    made = block_mask_of(mask, mask_mod, BLOCK_SIZE, separate_full_blocks)
    for name, value in vars(made).items():
        if isinstance(value, torch.Tensor):
            setattr(made, name, value.to(torch.int32))
    return made


def flex_attention(
    query: Any,
    key: Any,
    value: Any,
    score_mod: Mod | None = None,
    block_mask: BlockMask | None = None,
    scale: float | None = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    kernel_options: dict[str, Any] | None = None,
    *,
    return_aux: AuxRequest | None = None,
) -> Any:
    """Attention with every score changed by a function; `kernel_options` are accepted and ignored."""
    check(query, key, value, block_mask, enable_gqa)
    if return_lse and return_aux is not None:
        raise ValueError("flex_attention: Cannot specify both return_lse and return_aux.")

    def cast(x: Any, kind: Any) -> Any:
        if kind is None:
            kind = torch.float64 if x.dtype == torch.float64 else torch.float32
        return x.to(kind)

    mods = (score_mod, None if block_mask is None else block_mask.mask_mod)
    scale = 1 / math.sqrt(max(query.shape[-1], 1)) if scale is None else scale
    return chosen(*attend(query, key, value, mods, scale, _On(query.device), cast), return_lse, return_aux)
