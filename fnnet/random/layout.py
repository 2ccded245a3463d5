"""In which order a fill visits an array: by address, as PyTorch's elementwise kernels do.

For an array whose strides are not those of a contiguous one, the k-th number drawn goes to the k-th address.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_ALIGNMENT = 64  # bytes; JAX takes over such memory without a copy


def aligned_empty(count: int, dtype: np.dtype) -> np.ndarray:
    """`np.empty(count, dtype)` whose address is a multiple of 64."""
    room = np.empty(count * dtype.itemsize + _ALIGNMENT, np.uint8)
    start = -room.ctypes.data % _ALIGNMENT
    return room[start : start + count * dtype.itemsize].view(dtype)


def is_contiguous(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether PyTorch calls such an array contiguous; strides are counted in elements."""
    if 0 in shape:
        return True
    expected = 1
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True


def memory_order(shape: Sequence[int], strides: Sequence[int]) -> list[int]:
    """The dimensions, that of the largest stride first; dimensions of size 1 do not matter."""
    return sorted(range(len(shape)), key=lambda d: -strides[d] if shape[d] != 1 else 0)


def check_strides(name: str, shape: Sequence[int], strides: Sequence[int]) -> None:
    """Raises RuntimeError if there is not one stride per dimension, or elements share an address."""
    if len(strides) != len(shape):
        raise RuntimeError(
            f"{name}: mismatch in length of strides and shape: strides {tuple(strides)}, shape {tuple(shape)}"
        )
    reach = 0
    for size, stride in sorted(zip(shape, strides, strict=True), key=lambda pair: pair[1]):
        if size > 1:
            if stride <= reach:
                raise RuntimeError(
                    f"{name}: unsupported operation: more than one element of the written-to tensor refers "
                    f"to a single memory location: shape {tuple(shape)}, strides {tuple(strides)}"
                )
            reach += stride * (size - 1)


def arrange(flat: np.ndarray, shape: Sequence[int], strides: Sequence[int] | None) -> np.ndarray:
    """Numbers in the order of addresses as an array of `shape`, which lies in memory as the strides say."""
    if strides is None:
        return flat.reshape(tuple(shape))
    order = memory_order(shape, strides)
    return flat.reshape([shape[d] for d in order]).transpose(np.argsort(order))


def by_address(array: np.ndarray, strides: Sequence[int] | None) -> np.ndarray:
    """The elements of `array` in the order of the addresses that an array of these strides gives them."""
    if strides is None:
        return array.reshape(-1)
    return array.transpose(memory_order(array.shape, strides)).reshape(-1)
