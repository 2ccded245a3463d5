"""TensorFlow's element types: names for NumPy's, and `float32_ref` for what an assignment gives."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

__all__ = ["DTYPES", "DType", "as_dtype", "of_value"]


class DType:
    """The type of a tensor's elements. Interned: two of the same name are the same object."""

    def __init__(self, name: str, numpy: Any, ref: bool = False) -> None:
        self.name = name + "_ref" if ref else name
        self.as_numpy_dtype = numpy
        self._ref = ref
        self._base = name

    @property
    def base_dtype(self) -> DType:
        """The type without `_ref`."""
        return DTYPES[self._base]

    @property
    def is_floating(self) -> bool:
        """Whether it is a floating type."""
        return bool(jnp.issubdtype(self.as_numpy_dtype, jnp.floating))

    @property
    def is_integer(self) -> bool:
        """Whether it is an integer type (bool is not)."""
        return bool(jnp.issubdtype(self.as_numpy_dtype, jnp.integer))

    @property
    def is_bool(self) -> bool:
        """Whether it is bool."""
        return self._base == "bool"

    @property
    def enum(self) -> str:
        """How TensorFlow's messages write it in a node: DT_FLOAT."""
        return "DT_" + _SHORT.get(self._base, self._base).upper()

    @property
    def word(self) -> str:
        """How TensorFlow's kernels write it: float, double, int32."""
        return _SHORT.get(self._base, self._base)

    def __eq__(self, other: object) -> bool:
        if other is None:
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return "tf." + self.name

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"


_SHORT = {"float32": "float", "float64": "double", "float16": "half", "complex64": "complex"}

DTYPES: dict[str, DType] = {
    name: DType(name, np.dtype(jnp.bfloat16 if name == "bfloat16" else name).type)
    for name in (
        *("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64", "bool", "complex64", "complex128"),
    )
}
_REFS = {name: DType(name, dtype.as_numpy_dtype, ref=True) for name, dtype in DTYPES.items()}
_PYTHON: dict[Any, str] = {
    float: "float32",
    int: "int32",
    bool: "bool",
    "float": "float32",
    "double": "float64",
}


def ref_of(dtype: DType) -> DType:
    """The type of a reference to a variable."""
    return _REFS[dtype.base_dtype.name]


def as_dtype(value: Any) -> DType:
    """The DType that a DType, a NumPy dtype, a name or a Python type stands for; else TypeError."""
    if isinstance(value, DType):
        return value
    try:
        if value in _PYTHON:
            return DTYPES[_PYTHON[value]]
        return DTYPES[np.dtype(value).name]
    except (TypeError, KeyError):
        raise TypeError(
            f"Cannot convert the argument `type_value`: {value!r} to a TensorFlow DType."
        ) from None


def of_value(value: Any) -> DType:
    """The type that TensorFlow gives to a Python number, a nested list of them, or an array."""
    if hasattr(value, "dtype"):
        return as_dtype(value.dtype)
    array = np.asarray(value)
    if array.dtype == np.float64:
        return DTYPES["float32"]
    if array.dtype == np.int64:
        fits = not array.size or (array.min() >= -(1 << 31) and array.max() < 1 << 31)
        return DTYPES["int32" if fits else "int64"]
    if array.dtype.kind in "US":
        raise NotImplementedError("fnnet.tensorflow: tensors of strings are not mirrored")
    return as_dtype(array.dtype)
