"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Sequence

from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.tensor import Tensor

__all__ = ["pad_sequence", "unpad_sequence"]


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L_i, *) padded to the longest: (L, N, *), or (N, L, *) with batch_first."""
    if padding_side not in ("left", "right"):
        raise ValueError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    listed = list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    longest = max(one.size(0) for one in listed)
    rows = []
    for one in listed:
        missing = one.new_full((longest - one.size(0), *one.shape[1:]), padding_value)
        parts = [missing, one] if padding_side == "left" else [one, missing]
        rows.append(call(OPS["cat"], (parts,), {}) if missing.size(0) else one)
    return call(OPS["stack"], (rows, 0 if batch_first else 1), {})


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, each as long as `lengths` says."""
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [one.narrow(0, 0, int(length)) for one, length in zip(batch, lengths.tolist(), strict=True)]
