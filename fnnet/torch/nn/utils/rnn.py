"""Sequences of different lengths: padded to one tensor, or packed without padding.

Lengths decide shapes, so packing looks at their values: what is recorded so far runs, if they depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Self

from fnnet.functional.packed import lengths_of, longest_of, order_of
from fnnet.torch.call import call
from fnnet.torch.creation import tensor
from fnnet.torch.declare import OPS
from fnnet.torch.dtypes import int64
from fnnet.torch.tensor import Tensor

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


class PackedSequence_(NamedTuple):
    """What a PackedSequence holds."""

    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(PackedSequence_):
    """Packed data (sum of lengths, *), how many sequences reach each time, and the order of the sequences."""

    def __new__(
        cls,
        data: Any,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> Self:
        if batch_sizes is None:
            if not (isinstance(data, list | tuple) and len(data) == 2):
                raise AssertionError("Expected data to be a list or tuple of length 2")
            data, batch_sizes = data
        elif batch_sizes.device.type != "cpu":
            raise ValueError(
                "batch_sizes should always be on CPU. Instances of PackedSequence should never be created "
                "manually. They should be instantiated by functions like pack_sequence and "
                "pack_padded_sequences in nn.utils.rnn. "
                "https://pytorch.org/docs/stable/nn.html#torch.nn.utils.rnn.pack_sequence"
            )
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def sizes(self) -> tuple[int, ...]:
        """The batch sizes as numbers."""
        known = self.__dict__.get("_sizes")
        if known is None:
            known = self.__dict__["_sizes"] = tuple(self.batch_sizes.tolist())
        return known

    def with_data(self, data: Tensor) -> Self:
        """Other data for sequences of the same lengths."""
        made = type(self)(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)
        made.__dict__["_sizes"] = self.sizes()
        return made

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move and convert the data; the indices go along."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        moved = [
            None if one is None else one.to(data.device)
            for one in (self.sorted_indices, self.unsorted_indices)
        ]
        return type(self)(data, self.batch_sizes, *moved)

    def cuda(self, *args: Any, **kwargs: Any) -> Self:
        """The data on a GPU."""
        return self.to(*args, **kwargs) if args or "device" in kwargs else self.to(device="cuda", **kwargs)

    def cpu(self) -> Self:
        """The data on the CPU."""
        return self.to(device="cpu")

    def pin_memory(self) -> Self:
        """Itself: nothing is pinned."""
        return self

    def is_pinned(self) -> bool:
        """Whether the data is pinned: it is not."""
        return False

    @property
    def is_cuda(self) -> bool:
        """Whether the data is on a GPU."""
        return bool(self.data.device.type == "cuda")


def _converting(name: str) -> Callable[[PackedSequence], PackedSequence]:
    def convert(self: PackedSequence) -> PackedSequence:
        data = getattr(self.data, name)()
        return self if data is self.data else self.with_data(data)

    convert.__name__, convert.__doc__ = name, f"The data converted, as Tensor.{name}."
    return convert


for _name in ("double", "float", "half", "long", "int", "short", "char", "byte"):
    setattr(PackedSequence, _name, _converting(_name))


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """The permutation that undoes another; None of None."""
    return None if permutation is None else permutation.argsort()


def pack_padded_sequence(
    input: Tensor, lengths: Tensor | Sequence[int], batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Padded sequences (T, N, *), or (N, T, *) with batch_first, without the padding."""
    listed = lengths.to(int64).tolist() if isinstance(lengths, Tensor) else [int(n) for n in lengths]
    order, sizes = order_of(listed, enforce_sorted)
    indices = None
    if order is not None:
        indices = tensor(order, device=input.device)
        input = input.index_select(0 if batch_first else 1, indices)
    data = call(OPS["_pack_padded_sequence"], (input, sizes, batch_first), {})
    made = PackedSequence(data, tensor(sizes), indices)
    made.__dict__["_sizes"] = sizes
    return made


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Packed sequences padded, in their first order, and their lengths."""
    sizes = sequence.sizes()
    steps = longest_of(sizes, total_length)
    padded = call(OPS["_pad_packed_sequence"], (sequence.data, sizes, batch_first, padding_value, steps), {})
    lengths, places = tensor(lengths_of(sizes)), sequence.unsorted_indices
    if places is None:
        return padded, lengths
    return padded.index_select(0 if batch_first else 1, places), lengths[places.cpu()]  # type: ignore[index]


def pad_sequence(
    sequences: Tensor | Iterable[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Sequences (L_i, *) padded to the longest: (L, N, *), or (N, L, *) with batch_first."""
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    return call(OPS["pad_sequence"], (list(sequences), batch_first, padding_value, padding_side), {})


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences of a padded tensor, each as long as `lengths` says."""
    batch = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [one.narrow(0, 0, int(length)) for one, length in zip(batch, lengths.tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Sequences (L_i, *) packed."""
    lengths = [one.size(0) for one in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The sequences of a pack."""
    return unpad_sequence(*pad_packed_sequence(packed_sequences, batch_first=True), batch_first=True)
