"""Tensors as a PyTorch checkpoint describes them: a place in a storage, checked before it is looked at."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from typing import Any

import ml_dtypes
import numpy as np

from fnnet.checkpoint.pickle_stream import Refusal

MAX_DIMENSIONS = 64
MAX_EXPANDED = 1 << 30
"""Bytes that all tensors of a file may see beyond what their storages hold, by strides that overlap."""

DTYPES: dict[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype(ml_dtypes.bfloat16),
    "complex128": np.dtype("<c16"),
    "complex64": np.dtype("<c8"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint8": np.dtype("u1"),
    "uint16": np.dtype("<u2"),
    "uint32": np.dtype("<u4"),
    "uint64": np.dtype("<u8"),
    "bool": np.dtype(np.bool_),
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "float8_e4m3fnuz": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "float8_e5m2fnuz": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "float8_e8m0fnu": np.dtype(ml_dtypes.float8_e8m0fnu),
}
"""PyTorch's dtypes that NumPy or ml_dtypes has."""

STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "ComplexDoubleStorage": "complex128",
    "ComplexFloatStorage": "complex64",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
"""The names of the storages that say their dtype; others are untyped, and the tensor says it."""

_TORCH_NAMES = {dtype: name for name, dtype in DTYPES.items()}


def torch_name(dtype: Any) -> str | None:
    """PyTorch's name of a dtype of NumPy or ml_dtypes, None if it has none."""
    return _TORCH_NAMES.get(np.dtype(dtype).newbyteorder("<"))


@dataclass(eq=False)
class Storage:
    """Memory that tensors share.

    Attributes:
        key: its name in the file.
        location: where it was: "cpu", "cuda:0".
        data: its bytes, or None while only the structure of a file is being looked at.
        big_endian: the order of the bytes in numbers.
    """

    key: str
    location: str
    size: int
    data: np.ndarray[Any, np.dtype[np.uint8]] | None
    big_endian: bool = False
    native: dict[int, Any] = field(default_factory=dict)

    def bytes_of(self, dtype: np.dtype[Any]) -> Any:
        """The bytes, with numbers of this dtype in the machine's order."""
        width = dtype.itemsize // 2 if dtype.kind == "c" else dtype.itemsize
        if not self.big_endian or width == 1:
            return self.data
        if width not in self.native:
            assert self.data is not None
            self.native[width] = self.data.reshape(-1, width)[:, ::-1].reshape(-1)
        return self.native[width]


@dataclass(frozen=True, eq=False)
class View:
    """Part of a storage, as a pickle's persistent id names it: counted from `begin`, in bytes."""

    storage: Storage
    dtype: str | None
    begin: int
    size: int


@dataclass(frozen=True, eq=False)
class StoredTensor:
    """A tensor in a storage; offset and strides are counted in elements."""

    storage: Storage
    dtype: str
    begin: int
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    requires_grad: bool = False
    conjugated: bool = False
    negated: bool = False

    def array(self) -> np.ndarray[Any, Any]:
        """The values: a view of the storage's bytes, read-only if the file is memory-mapped."""
        dtype = DTYPES[self.dtype]
        if 0 in self.shape:
            return np.zeros(self.shape, dtype)
        array = np.ndarray(
            self.shape,
            dtype,
            self.storage.bytes_of(dtype),
            self.begin + self.offset * dtype.itemsize,
            tuple(stride * dtype.itemsize for stride in self.strides),
        )
        if self.dtype == "bool" and array.size and array.view(np.uint8).max() > 1:
            raise Refusal("a byte of a bool tensor is neither 0 nor 1")
        array = array.conj() if self.conjugated else array
        return np.negative(array) if self.negated else array


class Expanded:
    """What is left of the bytes that overlapping strides may show."""

    def __init__(self) -> None:
        self.left = MAX_EXPANDED

    def check(self, view: View, dtype: str | None, offset: Any, shape: Any, strides: Any) -> StoredTensor:
        """The tensor at this place, if it lies within its storage.

        Raises:
            Refusal: if it does not.
        """
        name = view.dtype or dtype
        if name is None or (view.dtype is not None and dtype is not None and dtype != view.dtype):
            raise Refusal(f"a tensor of {dtype} in a storage of {view.dtype}")
        if not (type(shape) is tuple and type(strides) is tuple and len(shape) == len(strides)):
            raise Refusal("a tensor without as many strides as dimensions")
        if len(shape) > MAX_DIMENSIONS:
            raise Refusal(f"a tensor of {len(shape)} dimensions: more than {MAX_DIMENSIONS}")
        numbers = (offset, *shape, *strides)
        if not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
            raise Refusal("a tensor with sizes, strides or an offset that are no counts")
        width = DTYPES[name].itemsize
        if math.prod(max(length, 1) for length in shape) * width >= 1 << 62:
            raise Refusal("a tensor larger than any memory")
        numel = math.prod(shape)
        if numel:
            last = offset + sum((n - 1) * step for n, step in zip(shape, strides, strict=True))
            if (last + 1) * width > view.size:
                raise Refusal(
                    f"a tensor that reaches to byte {(last + 1) * width} of the {view.size} of storage "
                    f"{view.storage.key[:40]!a}"
                )
            self.left -= max(0, numel * width - view.size)
            if self.left < 0:
                raise Refusal(f"tensors that show over {MAX_EXPANDED} bytes more than the file holds")
            strides = tuple(
                1 if n == 1 and step * width >= 1 << 62 else step
                for n, step in zip(shape, strides, strict=True)
            )
        return StoredTensor(view.storage, name, view.begin, offset, shape, strides)


class Arrays:
    """What a checkpoint's values become: NumPy arrays and plain containers. Others derive from this."""

    def tensor(self, stored: StoredTensor) -> Any:
        """A tensor."""
        return stored.array()

    def parameter(self, tensor: Any, requires_grad: bool) -> Any:
        """A parameter with the value of a tensor that `tensor` gave."""
        return tensor

    def ordered(self) -> dict[Any, Any]:
        """A new OrderedDict."""
        return {}

    def attributes(self, ordered: dict[Any, Any], metadata: Any) -> None:
        """Take the `_metadata` of a state_dict."""

    def added(self, tensor: Any, state: dict[str, Any]) -> Any:
        """A tensor with the attributes that somebody gave it. Arrays have none."""
        return tensor

    def subclass(self, tensor: Any, kind: Any) -> Any:
        """A tensor as one of a class that `named` gave."""
        raise Refusal("a tensor of a subclass")

    def meta(self, stored: StoredTensor) -> Any:
        """A tensor that has a place and no values."""
        raise Refusal("a tensor of the device 'meta', which has no values")

    def allows(self, module: str, name: str) -> bool:
        """Whether a value of the standard library may be named (`plain_values` has which there are)."""
        return False

    def value(self, kind: Any, arguments: tuple[Any, ...]) -> Any:
        """A value of a class that `named` gave: a named tuple, a member of an enumeration."""
        raise Refusal(f"a {getattr(kind, '__name__', 'thing')} of arguments")

    def named(self, module: str, name: str) -> Any:
        """The class or function that a file may name beyond tensors and containers; None if it may not."""
        return None

    def new(self, kind: type) -> Any:
        """An object of a class that `named` gave, without its state."""
        raise Refusal(f"an object of {kind.__name__}")

    def state(self, made: Any, state: dict[str, Any]) -> None:
        """Give an object of `new` its state, whose values have been checked."""

    def structure(self) -> Arrays:
        """What the same values become while no storage can be looked into yet."""
        return Structure()

    def size(self, lengths: tuple[int, ...]) -> Any:
        """A torch.Size."""
        return lengths

    def dtype(self, name: str) -> Any:
        """A torch.dtype."""
        return DTYPES[name]

    def device(self, text: str) -> Any:
        """A torch.device."""
        return text


class Structure(Arrays):
    """The structure alone, without looking into any storage."""

    def tensor(self, stored: StoredTensor) -> Any:
        """Something that stands for it."""
        return object()


def marked(stored: StoredTensor, requires_grad: bool, metadata: Any) -> StoredTensor:
    """The tensor with what follows its place in a pickle. Raises Refusal for anything unknown."""
    metadata = {} if metadata is None else metadata
    if type(metadata) not in (dict, OrderedDict) or not set(metadata) <= {"conj", "neg"}:
        raise Refusal("a tensor with metadata other than conj and neg")
    if not all(type(value) is bool for value in (requires_grad, *metadata.values())):
        raise Refusal("a tensor with a flag that is neither True nor False")
    return replace(
        stored,
        requires_grad=requires_grad,
        conjugated=metadata.get("conj", False),
        negated=metadata.get("neg", False),
    )
