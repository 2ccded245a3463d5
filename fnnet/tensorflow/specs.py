"""Element types (`DType`), and shapes of which sizes may be unknown (`TensorShape`, `Dimension`)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import not_mirrored


class DType:
    """The type of a tensor's elements, one object for a name; `float32_ref` is what an assignment gives."""

    def __init__(self, name: str, base: DType | None = None) -> None:
        self.name, self.base_dtype = name, base or self
        plain = self.base_dtype.name
        self.as_numpy_dtype: Any = np.dtype(jnp.bfloat16 if plain == "bfloat16" else plain).type
        self.is_floating = bool(jnp.issubdtype(self.as_numpy_dtype, jnp.floating))
        self.is_integer = bool(jnp.issubdtype(self.as_numpy_dtype, jnp.integer))
        self.is_bool = plain == "bool"

    def __eq__(self, other: object) -> bool:
        try:
            return other is not None and self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return "tf." + self.name

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"


NAMES = (
    *("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64", "bool"),
    *("uint8", "uint16", "uint32", "uint64", "complex64", "complex128"),
)
DTYPES = {name: DType(name) for name in NAMES}
DTYPES |= {f"{name}_ref": DType(f"{name}_ref", DTYPES[name]) for name in NAMES}
KERNEL_NAMES = {"float32": "float", "float64": "double", "float16": "half"}
_OTHER_NAMES: dict[Any, str] = {float: "float32", int: "int32", "float": "float32", "double": "float64"}


def as_dtype(value: Any) -> DType:
    """The type that a DType, a name, a Python or NumPy type stands for; TypeError for anything else."""
    if isinstance(value, DType):
        return value
    try:
        name = _OTHER_NAMES.get(value, value) if isinstance(value, str | type) else value
        return DTYPES[name] if isinstance(name, str) else DTYPES[np.dtype(name).name]
    except (TypeError, KeyError):
        raise TypeError(
            f"Cannot convert the argument `type_value`: {value!r} to a TensorFlow DType."
        ) from None


def dtype_of(dtype: Any, otherwise: Any = None) -> Any:
    """NumPy's type for TensorFlow's."""
    return as_dtype(otherwise if dtype is None else dtype).as_numpy_dtype


def of_value(value: Any) -> DType:
    """The type that TensorFlow gives to a Python number, a nested list of them, or an array."""
    array = np.asarray(value)
    if array.dtype.kind in "US":
        raise not_mirrored("a tensor of strings")
    if not hasattr(value, "dtype") and array.dtype == np.int64:
        fits = not array.size or (array.min() >= -(1 << 31) and array.max() < 1 << 31)
        return DTYPES["int32" if fits else "int64"]
    return as_dtype("float32" if array.dtype == np.float64 and not hasattr(value, "dtype") else array.dtype)


class Dimension(int):
    """A known size: an integer with a `value`."""

    value = property(int.__int__)

    def __repr__(self) -> str:
        return f"Dimension({int(self)})"

    __str__ = int.__repr__


class UnknownDimension:
    """A size that is not known. What is made of it is not known; comparing it gives None."""

    value = None

    def __int__(self) -> int:
        raise TypeError("__int__ returned non-int (type NoneType)")

    def __repr__(self) -> str:
        return "Dimension(None)"

    def __str__(self) -> str:
        return "?"


for _name in ("add", "sub", "mul", "floordiv", "mod", "radd", "rsub", "rmul", "rfloordiv", "rmod"):
    setattr(UnknownDimension, f"__{_name}__", lambda self, other: self)
for _name in ("lt", "le", "gt", "ge", "eq", "ne"):
    setattr(UnknownDimension, f"__{_name}__", lambda self, other: None)


def _dimension(size: int | None) -> Any:
    return UnknownDimension() if size is None else Dimension(size)


class TensorShape:
    """The sizes of a tensor as far as the graph tells them; `TensorShape(None)` is of unknown rank."""

    def __init__(self, dims: Any) -> None:
        dims = dims.sizes if isinstance(dims, TensorShape) else [dims] if isinstance(dims, int) else dims
        sizes = None if dims is None else [getattr(dim, "value", dim) for dim in dims]
        self.sizes: Any = None if sizes is None else tuple(None if n is None else int(n) for n in sizes)
        self.dims = None if self.sizes is None else [*map(_dimension, self.sizes)]
        self.ndims = self.rank = None if self.sizes is None else len(self.sizes)

    def as_list(self) -> list[int | None]:
        """The sizes as a list. Raises ValueError for unknown rank."""
        if self.sizes is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self.sizes)

    def is_fully_defined(self) -> bool:
        """Whether every size is known."""
        return self.sizes is not None and None not in self.sizes

    def num_elements(self) -> int | None:
        """The product of the sizes, None where one is not known."""
        return math.prod(size or 0 for size in self.as_list()) if self.is_fully_defined() else None

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some shape fits both."""
        mine, theirs = self.sizes, TensorShape(other).sizes
        if mine is None or theirs is None:
            return True
        return len(mine) == len(theirs) and all(
            None in pair or pair[0] == pair[1] for pair in zip(mine, theirs, strict=True)
        )

    def merge_with(self, other: Any) -> TensorShape:
        """What both say together. Raises ValueError if they contradict."""
        theirs = TensorShape(other)
        if not self.is_compatible_with(theirs):
            raise ValueError(f"Shapes {self} and {theirs} are not compatible")
        if self.sizes is None or theirs.sizes is None:
            return theirs if self.sizes is None else self
        return TensorShape([b if a is None else a for a, b in zip(self.sizes, theirs.sizes, strict=True)])

    def __len__(self) -> int:
        return len(self.as_list())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.dims if self.dims is not None else self.as_list())

    def __getitem__(self, key: Any) -> Any:
        if self.dims is None:
            return TensorShape(None) if isinstance(key, slice) else UnknownDimension()
        return TensorShape(self.dims[key]) if isinstance(key, slice) else self.dims[key]

    def __eq__(self, other: object) -> bool:
        try:
            return self.sizes == TensorShape(other).sizes
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self.sizes)

    def __bool__(self) -> bool:
        return self.sizes is not None

    def __repr__(self) -> str:
        return f"TensorShape({self.dims})"

    def in_brackets(self) -> str:
        """As TensorFlow's kernels write it: [?,3]."""
        return "<unknown>" if self.dims is None else "[" + ",".join(map(str, self.dims)) + "]"

    def __str__(self) -> str:
        if self.dims is None:
            return "<unknown>"
        return f"({self.dims[0]},)" if self.ndims == 1 else f"({', '.join(map(str, self.dims))})"
