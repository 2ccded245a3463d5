"""Sequences of different lengths: padded to one array, or packed without padding.

Packed data lie time by time: all first elements, then all second ones, of the sequences in order of falling
length; `batch_sizes` tells how many sequences reach each time. Lengths decide shapes, so they are numbers
that are known when a program is traced.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.indexing import index_select
from fnnet.functional.operation import operation

__all__ = [
    "PackedSequence",
    "invert_permutation",
    "pack_padded_sequence",
    "pack_sequence",
    "pad_packed_sequence",
    "pad_sequence",
    "unpack_sequence",
    "unpad_sequence",
]


@dataclass(frozen=True)
class PackedSequence:
    """Packed sequences, as torch.nn.utils.rnn.PackedSequence; a pytree whose batch sizes are static.

    Attributes:
        data: (sum of the lengths, *).
        batch_sizes: how many sequences reach each time.
        sorted_indices: which sequence of the batch stands at each place; None if they were sorted.
        unsorted_indices: the inverse.
    """

    data: Any
    batch_sizes: tuple[int, ...]
    sorted_indices: Any = None
    unsorted_indices: Any = None

    def sizes(self) -> tuple[int, ...]:
        """The batch sizes as numbers."""
        return self.batch_sizes

    def with_data(self, data: Any) -> Self:
        """Other data for sequences of the same lengths."""
        return type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)


jax.tree_util.register_dataclass(
    PackedSequence, ["data", "sorted_indices", "unsorted_indices"], ["batch_sizes"]
)


def order_of(lengths: Sequence[int], enforce_sorted: bool) -> tuple[list[int] | None, tuple[int, ...]]:
    """The order by falling length (None if it must be so already), and the batch sizes.

    Raises RuntimeError for a length that is not positive, or lengths that are not sorted where they must be.
    """
    order = None if enforce_sorted else sorted(range(len(lengths)), key=lambda i: -lengths[i])
    falling = list(lengths) if order is None else [lengths[i] for i in order]
    if not falling or min(falling) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0: "
            f"{falling}"
        )
    if falling != sorted(falling, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this "
            "requirement if you do not need ONNX exportability."
        )
    return order, tuple(int(n) for n in (np.asarray(falling)[None] > np.arange(falling[0])[:, None]).sum(1))


def lengths_of(batch_sizes: Sequence[int]) -> list[int]:
    """The lengths of packed sequences, in falling order."""
    return [int(n) for n in (np.asarray(batch_sizes)[None] > np.arange(batch_sizes[0])[:, None]).sum(1)]


def places_of(batch_sizes: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Time and row of each element of packed data."""
    sizes = np.asarray(batch_sizes)
    rows = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.repeat(np.arange(len(sizes)), sizes), rows


@operation(name="_pack_padded_sequence", grad_fn="PackPaddedSequenceBackward0")
def packed_data(input: jax.Array, batch_sizes: Sequence[int], batch_first: bool = False) -> jax.Array:
    """The data (sum, *) of padded sequences (T, N, *) in falling order. RuntimeError if they do not fit."""
    steps, batch = input.shape[:2][::-1] if batch_first else input.shape[:2]
    if batch != batch_sizes[0]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {batch_sizes[0]} "
            f"(batch_size={batch})"
        )
    if len(batch_sizes) > steps:
        raise RuntimeError(
            f"pack_padded_sequence: the longest length is {len(batch_sizes)}, but the input has {steps} steps"
        )
    time, row = places_of(batch_sizes)
    return input[row, time] if batch_first else input[time, row]


@operation(name="_pad_packed_sequence", grad_fn="CopySlices")
def padded_data(
    data: jax.Array,
    batch_sizes: Sequence[int],
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> jax.Array:
    """The inverse of packed_data, with padding_value behind the ends."""
    time, row = places_of(batch_sizes)
    steps = len(batch_sizes) if total_length is None else total_length
    shape = (batch_sizes[0], steps) if batch_first else (steps, batch_sizes[0])
    padding = jnp.full((*shape, *data.shape[1:]), padding_value, data.dtype)
    return padding.at[(row, time) if batch_first else (time, row)].set(data)


@operation(grad_fn="CopySlices")
def pad_sequence(
    sequences: Sequence[jax.Array],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> jax.Array:
    """Sequences (L_i, *) padded to the longest: (L, N, *), or (N, L, *) with batch_first.

    Raises RuntimeError for no sequences or trailing shapes that differ, ValueError for another side.
    """
    if padding_side not in ("left", "right"):
        raise ValueError(f"Expected padding_side to be one of left or right, but got {padding_side}.")
    given = list(sequences)
    if not given:
        raise RuntimeError("received an empty list of sequences")
    longest = max(one.shape[0] for one in given)
    rows = []
    for one in given:
        if one.shape[1:] != given[0].shape[1:]:
            raise RuntimeError(
                f"pad_sequence: the sequences' sizes must match but in the first dimension, got {one.shape} "
                f"and {given[0].shape}"
            )
        missing = longest - one.shape[0]
        ends = (missing, 0) if padding_side == "left" else (0, missing)
        rows.append(jnp.pad(one, [ends, *[(0, 0)] * (one.ndim - 1)], constant_values=padding_value))
    return jnp.stack(rows, axis=0 if batch_first else 1)


def _known(name: str, lengths: Any) -> list[int]:
    if isinstance(lengths, jax.core.Tracer):
        raise TypeError(f"{name}: lengths decide shapes: they must be known when the program is traced")
    return [int(length) for length in np.asarray(lengths)]


def invert_permutation(permutation: jax.Array | None) -> jax.Array | None:
    """The permutation that undoes another; None of None."""
    return None if permutation is None else jnp.argsort(permutation)


def pack_padded_sequence(
    input: jax.Array, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences (T, N, *), or (N, T, *) with batch_first, without the padding.

    With `enforce_sorted` the lengths must fall; otherwise the sequences are sorted, and that is remembered.
    Raises RuntimeError for lengths that do not fit.
    """
    order, batch_sizes = order_of(_known("pack_padded_sequence", lengths), enforce_sorted)
    if order is None:
        return PackedSequence(packed_data(input, batch_sizes, batch_first), batch_sizes)
    indices = jnp.asarray(order)
    sorted_input = index_select(input, 0 if batch_first else 1, indices)
    data = packed_data(sorted_input, batch_sizes, batch_first)
    return PackedSequence(data, batch_sizes, indices, invert_permutation(indices))


def longest_of(batch_sizes: Sequence[int], total_length: int | None) -> int:
    """The number of steps to pad to. Raises ValueError for fewer than the longest sequence has."""
    if total_length is not None and total_length < len(batch_sizes):
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {len(batch_sizes)}"
        )
    return len(batch_sizes) if total_length is None else total_length


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[jax.Array, np.ndarray]:
    """Packed sequences padded, in their first order, and their lengths; see pack_padded_sequence."""
    sizes = sequence.sizes()
    steps = longest_of(sizes, total_length)
    padded = padded_data(sequence.data, sizes, batch_first, padding_value, steps)
    lengths: Any = np.asarray(lengths_of(sizes))
    if sequence.unsorted_indices is None:
        return padded, lengths
    if isinstance(sequence.unsorted_indices, jax.core.Tracer):
        lengths = jnp.asarray(lengths)
    places = sequence.unsorted_indices
    return index_select(padded, 0 if batch_first else 1, places), lengths[places]


def unpad_sequence(padded_sequences: jax.Array, lengths: Any, batch_first: bool = False) -> list[jax.Array]:
    """The sequences of a padded array, each as long as `lengths` says."""
    known = _known("unpad_sequence", lengths)
    rows = padded_sequences if batch_first else padded_sequences.swapaxes(0, 1)
    return [row[:length] for row, length in zip(rows, known, strict=True)]


def pack_sequence(sequences: Sequence[jax.Array], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L_i, *) packed; see pack_padded_sequence."""
    lengths = [one.shape[0] for one in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[jax.Array]:
    """The sequences of a pack."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
