"""torch.nn.attention.bias: the two triangles as masks, which are tensors of bool here.

Differs from PyTorch: a mask is an ordinary tensor, True where a key takes part, and no class of its own.
"""

from __future__ import annotations

import enum
import warnings
from typing import Any

from fnnet import torch

__all__ = ["CausalBias", "CausalVariant", "causal_lower_right", "causal_upper_left"]


class CausalVariant(enum.IntEnum):
    """To which corner the triangle is aligned."""

    UPPER_LEFT = 1
    LOWER_RIGHT = 2


def CausalBias(variant: CausalVariant, seq_len_q: int, seq_len_kv: int) -> Any:
    """The mask (seq_len_q, seq_len_kv). Raises AssertionError for no variant."""
    if not isinstance(variant, CausalVariant):
        raise AssertionError(f"variant must be a CausalVariant, got {type(variant).__name__}")
    lower = variant is CausalVariant.LOWER_RIGHT
    if lower and seq_len_q > seq_len_kv:
        warnings.warn(
            "Lower right causal bias will produce NaNs in the output when seq_len_q > seq_len_kv!",
            stacklevel=2,
        )
    ones = torch.ones(seq_len_q, seq_len_kv, dtype=torch.bool)
    return torch.tril(ones, diagonal=seq_len_kv - seq_len_q if lower else 0)


def _sizes(size: tuple[int, ...]) -> tuple[int, int]:
    if len(size) != 2:
        raise AssertionError("causal_upper_left and causal_lower_right only support 2D tensors")
    return size[0], size[1]


def causal_upper_left(*size: int) -> Any:
    """The triangle that `is_causal` means."""
    return CausalBias(CausalVariant.UPPER_LEFT, *_sizes(size))


def causal_lower_right(*size: int) -> Any:
    """The triangle by which the last query meets all keys, as with a cache of keys."""
    return CausalBias(CausalVariant.LOWER_RIGHT, *_sizes(size))
