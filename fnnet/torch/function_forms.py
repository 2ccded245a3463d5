"""Functions of `torch` that are a tensor's methods, or answer about the whole of PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fnnet.torch import dtypes as D
from fnnet.torch import indexing, legacy
from fnnet.torch.autograd import anomaly
from fnnet.torch.call import call
from fnnet.torch.einsums import einsum
from fnnet.torch.indexing import canonical_dim
from fnnet.torch.memory_formats import contiguous_format, spec_in
from fnnet.torch.mode import MODE
from fnnet.torch.refusals import cpp_name
from fnnet.torch.storages import UntypedStorage
from fnnet.torch.tensor import Tensor
from fnnet.torch.warning import WARN_ALWAYS, warn


def _of_method(name: str) -> Callable[..., Any]:
    def function(input: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(input, Tensor):
            raise TypeError(
                f"{name}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}"
            )
        return getattr(input, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`input.{name}(...)`."
    return function


METHODS = ("as_strided", "detach", "detach_", "fill_", "get_device", "is_conj", "is_inference", "is_neg",
           "is_same_size", "is_signed", "resize_as_", "resolve_conj", "resolve_neg", "zero_")  # fmt: skip
FUNCTIONS: dict[str, Any] = {name: _of_method(name) for name in METHODS}
newaxis = None
_warned_of_type: list[bool] = []


def fill(input: Tensor, value: Any) -> Tensor:
    """A copy of the tensor with every element set to a number."""
    return input.clone().fill_(value)


def where(condition: Tensor, *choices: Any, **named: Any) -> Any:
    """The elements of two tensors by a condition; the places where it holds if no tensors are given."""
    from fnnet.torch.declare import OPS, write_out

    if not choices and not named:
        return condition.nonzero(as_tuple=True)
    out = named.pop("out", None)
    if "self" in named:
        named["input"] = named.pop("self")
    result = call(OPS["where"], (condition, *choices), named)
    return result if out is None else write_out(out, result, "where", OPS["where"])


def typename(obj: Any) -> str:
    """The name of a type: "torch.FloatTensor" for tensors."""
    if isinstance(obj, Tensor):
        return str(obj.type())
    kind = obj if hasattr(obj, "__qualname__") else type(obj)
    module = getattr(kind, "__module__", None) or ""
    return kind.__qualname__ if module in ("", "builtins") else f"{module}.{kind.__qualname__}"


def is_storage(obj: Any) -> bool:
    """Whether it is a storage."""
    return isinstance(obj, UntypedStorage)


def set_warn_always(b: bool) -> None:
    """Whether warnings that are given once are given each time."""
    WARN_ALWAYS[0] = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` said last."""
    return WARN_ALWAYS[0]


def is_anomaly_enabled() -> bool:
    """Whether anomaly detection is on."""
    return MODE.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly detection looks for NaN."""
    return anomaly.is_anomaly_check_nan_enabled()


def set_default_tensor_type(t: Any) -> None:
    """Set the default dtype by the old name of a tensor type."""
    if not _warned_of_type:
        _warned_of_type.append(True)
        warn(
            "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
            "torch.set_default_dtype() and torch.set_default_device() as alternatives."
        )
    from fnnet.torch.devices import set_default_device

    found = t if isinstance(t, str) else f"{t.__module__}.{t.__name__}" if isinstance(t, type) else str(t)
    name = found.rpartition(".")[2]
    if name not in legacy.TYPES or not legacy.TYPES[name].is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    D.set_default_dtype(legacy.TYPES[name])
    set_default_device("cuda" if ".cuda." in found else "cpu")


def is_distributed(input: Any) -> bool:
    """False."""
    return False


def is_vulkan_available() -> bool:
    """False."""
    return False


def split_with_sizes(input: Tensor, split_sizes: Any, dim: int = 0) -> Any:
    """`input.split(split_sizes, dim)`."""
    return input.split(list(split_sizes), dim)


def repeat_interleave(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Each element repeated; how often may be a tensor, whose values are read. Of that alone, the places."""
    from fnnet.torch.creation import arange
    from fnnet.torch.declare import OPS
    from fnnet.torch.tensor import from_array

    op = OPS["repeat_interleave"]
    if "repeats" not in kwargs and not args and isinstance(input, Tensor):
        if input.ndim != 1 or input.dtype not in (D.int32, D.int64):
            raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
        input, kwargs = arange(input.shape[0], device=input.device), {**kwargs, "repeats": input}
    bound = op.bind((input, *args), kwargs).arguments
    repeats, dim = bound["repeats"], bound.get("dim")
    if not isinstance(repeats, Tensor):
        return call(op, (input, *args), kwargs)
    if repeats.dtype not in (D.int32, D.int64):
        raise NotImplementedError(
            f"\"repeat_interleave_cpu\" not implemented for '{cpp_name(repeats.dtype)}'"
        )
    lines = input.flatten() if dim is None else input
    axis = canonical_dim(0 if dim is None else dim, lines.ndim)
    extent = lines.shape[axis] if lines.ndim else 1
    if repeats.ndim > 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.ndim == 1 and repeats.shape[0] not in (1, extent):
        raise RuntimeError(
            "repeats must have the same size as input along dim, but got repeats.size(0) = "
            f"{repeats.shape[0]} and input.size({axis}) = {extent}"
        )
    counts = np.broadcast_to(np.asarray(repeats._value().read()), (extent,))
    if (counts < 0).any():
        raise RuntimeError("repeats can not be negative")
    if bound.get("output_size") not in (None, int(counts.sum())):
        raise RuntimeError("allocated size does not match required size")
    places = from_array(np.repeat(np.arange(extent), counts), input.device)
    return call(OPS["index_select"], (lines, axis, places), {})


def unsafe_split(input: Tensor, split_size: Any, dim: int = 0) -> Any:
    """`input.split(...)`, of which PyTorch does not note that the parts share memory."""
    return _unguarded(input.split(split_size, dim))


def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> Any:
    """`input.chunk(...)`, of which PyTorch does not note that the parts share memory."""
    return _unguarded(input.chunk(chunks, dim))


def _unguarded(parts: Any) -> Any:
    for one in parts:
        one._base = one._forbidden = None
    return parts


def nonzero_static(input: Tensor, *, size: int, fill_value: int = -1, out: Any = None) -> Tensor:
    """The first `size` places that are not zero, filled up with `fill_value`."""
    from fnnet.torch.creation import full
    from fnnet.torch.declare import OPS, write_out

    if size < 0:
        raise RuntimeError(f"nonzero_static: 'size' must be an non-negative integer, got {size}")
    found = input.nonzero()[:size]
    rest = full((size - found.shape[0], input.ndim), fill_value, dtype=D.int64, device=input.device)
    found = call(OPS["cat"], ((found, rest),), {})
    return found if out is None else write_out(out, found, "nonzero_static")


def as_strided_scatter(
    input: Tensor, src: Tensor, size: Any, stride: Any, storage_offset: Any = None
) -> Tensor:
    """The input with `src` where `as_strided` would read its memory."""
    from fnnet.torch.declare import OPS

    op, spec = OPS["as_strided_scatter"], input._spec
    if spec.contiguous:
        return call(op, (input, src, size, stride, storage_offset), {})
    order = sorted(range(spec.ndim), key=lambda dim: -spec.strides[dim])
    laid = input.permute(*order)  # rows in memory are rows here
    made = call(op, (laid, src, size, stride, storage_offset), {})
    return made.permute(*[order.index(dim) for dim in range(spec.ndim)])


def constant_pad_nd(input: Tensor, pad: Any, value: Any = 0) -> Tensor:
    """`input` with a frame of one value."""
    from fnnet.torch.declare import OPS

    return call(OPS["pad"], (input, tuple(pad), "constant", value), {})


def _several(tensors: Any) -> Any:
    return tensors if isinstance(tensors, tuple | list) else (tensors,)


def _copy_of(name: str) -> Callable[..., Any]:
    node = "".join(part.capitalize() for part in name.split("_")) + "Backward0_copy"
    node = "NarrowCopyBackward0" if name == "narrow" else node

    def function(input: Tensor, *args: Any, out: Any = None, **kwargs: Any) -> Any:
        from fnnet.torch.conversion import copied
        from fnnet.torch.declare import write_out

        def copy(one: Tensor) -> Tensor:
            return copied(one, spec_in(one._spec, contiguous_format), node)

        method = "reshape" if name == "view" else name  # which may copy as well
        seen = input if name == "alias" else getattr(input, method)(*args, **kwargs)
        made = tuple(map(copy, seen)) if isinstance(seen, tuple) else copy(seen)
        if out is None:
            return made
        for one, given in zip(_several(made), _several(out), strict=False):
            if given.dtype is not one.dtype:
                raise RuntimeError(
                    f"Expected out tensor to have dtype {one.dtype.name}, but got {given.dtype.name} instead"
                )
        written = write_out(out, made, f"{name}_copy")
        return None if name in ("split", "split_with_sizes", "unbind") else written

    function.__name__ = function.__qualname__ = f"{name}_copy"
    function.__doc__ = f"A copy of what `input.{name}(...)` sees."
    return function


def index_put(input: Tensor, indices: Any, values: Tensor, accumulate: bool = False) -> Tensor:
    """A copy of `input` with values put, or added, at the indices."""
    from fnnet.torch.declare import OPS

    if any(isinstance(one, Tensor) and one.dtype in (D.bool_, D.uint8) for one in indices):
        return indexing.index_put_(input.clone(), indices, values, accumulate)
    return call(OPS["index_put"], (input, tuple(indices), values), {"accumulate": accumulate})


COPIED = ("alias", "as_strided", "detach", "diagonal", "expand", "narrow", "permute", "select",
          "split", "split_with_sizes", "squeeze", "t", "transpose", "unbind", "unfold", "unsqueeze",
          "view")  # fmt: skip
"""Views of which PyTorch has a copying twin."""


FUNCTIONS |= {f"{name}_copy": _copy_of(name) for name in COPIED}
setattr(Tensor, "narrow_copy", FUNCTIONS["narrow_copy"])  # noqa: B010
_one: Any
for _one in (repeat_interleave, split_with_sizes, unsafe_split, unsafe_chunk, index_put, indexing.index_put_):
    setattr(Tensor, _one.__name__, _one)
    FUNCTIONS[_one.__name__] = _one
for _one in (as_strided_scatter, einsum, constant_pad_nd, nonzero_static, fill, where, typename, is_storage,
             set_warn_always, is_warn_always_enabled, is_anomaly_enabled, is_anomaly_check_nan_enabled,
             set_default_tensor_type, is_distributed, is_vulkan_available):  # fmt: skip
    FUNCTIONS[_one.__name__] = _one
FUNCTIONS["newaxis"] = newaxis


def _fill_diagonal_(self: Any, fill_value: Any, wrap: bool = False) -> Tensor:
    """Set the main diagonal; with `wrap`, that of a tall matrix goes on below."""
    if self.ndim < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.ndim > 2 and len(set(self.shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step = sum(self.stride())
    rows, columns = self.shape[0], self.shape[-1]
    count = min(self.shape)
    if wrap and self.ndim == 2 and rows > columns + 1:
        for start in range(0, rows, columns + 1):
            part = self[start:]
            part.as_strided((min(part.shape),), (step,), part.storage_offset()).fill_(fill_value)
        return self
    self.as_strided((count,), (step,), self.storage_offset()).fill_(fill_value)
    return self


def _new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """The old `x.new(...)`: a tensor of the same dtype and device."""
    from fnnet.torch.creation import legacy_tensor

    return legacy_tensor(*args, kind=self.dtype, device=kwargs.get("device", self.device))


def _index(self: Any, indices: Any) -> Tensor:
    """`self[tuple(indices)]`."""
    return self[tuple(slice(None) if one is None else one for one in indices)]


setattr(Tensor, "fill_diagonal_", _fill_diagonal_)  # noqa: B010
setattr(Tensor, "new", _new)  # noqa: B010
setattr(Tensor, "index", _index)  # noqa: B010
setattr(Tensor, "where", lambda self, condition, other: where(condition, self, other))  # noqa: B010
