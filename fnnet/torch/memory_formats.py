"""torch.memory_format: in which order dimensions lie in memory. Here strides alone tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnnet.torch.layout import dense_strides
from fnnet.torch.spec import Spec, contiguous_strides, spec_of


class memory_format:
    """torch.memory_format."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> str:
        return self._name  # the one of that name in this file


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")

_RANKS = {channels_last: 4, channels_last_3d: 5}


def strides_in(shape: Sequence[int], format: Any) -> tuple[int, ...]:
    """The strides of a new tensor. Raises RuntimeError for a format of another number of dimensions."""
    rank = _RANKS.get(format)
    if rank is None:
        return contiguous_strides(tuple(shape))
    if len(shape) != rank:
        raise RuntimeError(f"required rank {rank} tensor to use {format._name} format")
    batch, *packed, channel = contiguous_strides((shape[0], *shape[2:], shape[1]))
    return (batch, channel, *packed)


def is_in(spec: Spec, format: Any) -> bool:
    """Whether a tensor lies in memory by this format; dimensions of length one lie anyhow."""
    if format is None or format is contiguous_format:
        return spec.contiguous
    if format is preserve_format:
        raise RuntimeError("preserve memory format is unsupported by the contiguous operator")
    if spec.ndim != _RANKS[format]:
        return False
    wanted = strides_in(spec.shape, format)
    return all(
        length == 1 or stride == one
        for length, stride, one in zip(spec.shape, spec.strides, wanted, strict=True)
    )


def spec_in(spec: Spec, format: Any) -> Spec:
    """The spec of a copy in this format; None and preserve_format keep the order if the memory is dense."""
    if format is None or format is preserve_format:
        return spec_of(spec.shape, spec.dtype, spec.device, dense_strides(spec))
    return spec_of(spec.shape, spec.dtype, spec.device, strides_in(spec.shape, format))
