"""torch._utils: the few of its names that programs use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fnnet.torch.devices import as_device
from fnnet.torch.dtypes import dtype
from fnnet.torch.tensor import Tensor
from fnnet.torch.utils.data.transport import Caught as ExceptionWrapper

__all__ = ["ExceptionWrapper"]


def _flatten_dense_tensors(tensors: Sequence[Tensor]) -> Tensor:
    """The elements of all of them in one row."""
    from fnnet.torch.call import call
    from fnnet.torch.declare import OPS

    made: Tensor = call(OPS["cat"], ([one.reshape(-1) for one in tensors],), {})
    return made


def _unflatten_dense_tensors(flat: Tensor, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Pieces of a row in the shapes of these tensors."""
    made, begin = [], 0
    for one in tensors:
        count = one.numel()
        made.append(flat.narrow(0, begin, count).view(one.shape))
        begin += count
    return tuple(made)


def _take_tensors(tensors: Sequence[Tensor], size_limit: int) -> Any:
    """The tensors in groups of a dtype, of so many bytes each or a little more."""
    groups: dict[dtype, list[Tensor]] = {}
    for one in tensors:
        group = groups.setdefault(one.dtype, [])
        size = sum(t.numel() * t.element_size() for t in group)
        if group and size + one.numel() * one.element_size() > size_limit:
            yield groups.pop(one.dtype)
            group = groups.setdefault(one.dtype, [])
        group.append(one)
    yield from groups.values()


def _element_size(dtype: dtype) -> int:
    """The bytes of one element. Raises RuntimeError for what is no dtype."""
    if not hasattr(dtype, "itemsize"):
        raise RuntimeError(f"expected torch.dtype, but got {type(dtype)}")
    return int(dtype.itemsize)


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The number of a GPU. Raises ValueError for another device."""
    if isinstance(device, int):
        return device
    if device is None:
        if optional:
            return 0
        raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
    given = as_device(device)
    if given.type == "cpu" and allow_cpu:
        return -1
    if given.type != "cuda":
        raise ValueError(f"Expected a non cpu device, but got: {given}")
    if given.index is None and not optional:
        raise ValueError(f"Expected a torch.device with a specified index or an integer, but got:{device}")
    return int(given.index or 0)
