"""Element types (NumPy's), shapes of which sizes may be unknown (`TensorShape`), Python values as arrays."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import not_mirrored

_NAMES = "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64"
DTYPES = {name: jnp.dtype(name) for name in _NAMES.split()}


def as_dtype(value: Any) -> np.dtype:
    """The type that a dtype, a name or a Python type stands for (float32 for float, int32 for int)."""
    dtype = jnp.dtype(
        {float: "float32", int: "int32"}.get(value, value) if isinstance(value, type) else value
    )
    if dtype.name not in DTYPES:
        raise TypeError(f"Cannot convert the argument `type_value`: {value!r} to a TensorFlow DType.")
    return dtype


def is_float(dtype: Any) -> bool:
    """Whether this is a type of floats, bfloat16 included."""
    return jnp.issubdtype(dtype, jnp.floating)


def to_array(value: Any, dtype: np.dtype | None = None) -> np.ndarray:
    """A Python value as an array of `dtype` (TypeError if it does not fit), or of TensorFlow's choice."""
    if value is None:
        raise ValueError("None values not supported.")
    array, python = np.array(value), not hasattr(value, "dtype")
    if array.dtype.kind in "USO":
        raise not_mirrored(f"a tensor of {value!r}")
    if dtype is not None:
        fits = {"b": dtype.kind == "b", "i": dtype.kind != "b", "f": is_float(dtype)}
        if array.size and python and not fits.get(array.dtype.kind, True):
            raise TypeError(f"Expected {dtype}, but got {value!r} of type '{type(value).__name__}'.")
        return array.astype(dtype)
    if python and array.dtype == np.int64 and np.array_equal(array, array.astype(np.int32)):
        return array.astype(np.int32)
    return array.astype(np.float32) if python and array.dtype == np.float64 else array


class Dimension(int):
    """A known size: an integer with a `value`."""

    value = property(int.__int__)


class TensorShape(tuple[int | None, ...]):
    """The sizes of a tensor, None where the graph cannot tell; `ndims` is None for unknown rank."""

    ndims: int | None

    def __new__(cls, dims: Any) -> TensorShape:
        """From sizes, from one size, or from None for unknown rank."""
        sizes = [dims] if isinstance(dims, int) else [] if dims is None else dims
        shape = super().__new__(cls, [None if n is None else Dimension(n) for n in sizes])
        shape.ndims = None if dims is None or getattr(dims, "ndims", 0) is None else len(shape)
        return shape

    def as_list(self) -> list[int | None]:
        """The sizes as a list. Raises ValueError for unknown rank."""
        if self.ndims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self)

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of a shape is one of these."""
        pairs = zip(self, shape, strict=False)
        return self.ndims is None or (self.ndims == len(shape) and all(a in (None, b) for a, b in pairs))

    def __str__(self) -> str:
        return "<unknown>" if self.ndims is None else str(tuple(self)).replace("None", "?")

    def in_brackets(self) -> str:
        """As TensorFlow's kernels write it: [?,3]."""
        return str(self) if self.ndims is None else str(list(self)).replace("None", "?").replace(" ", "")
