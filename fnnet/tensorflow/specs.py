"""Element types (`DType`), and shapes of which sizes may be unknown (`TensorShape`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from fnnet.tensorflow.errors import not_mirrored


class DType:
    """The type of a tensor's elements, one object for a name."""

    def __init__(self, name: str) -> None:
        self.name, self.base_dtype = name, self
        self.as_numpy_dtype: Any = np.dtype(jnp.bfloat16 if name == "bfloat16" else name).type
        self.is_floating = bool(jnp.issubdtype(self.as_numpy_dtype, jnp.floating))
        self.is_integer = bool(jnp.issubdtype(self.as_numpy_dtype, jnp.integer))

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


_NAMES = (
    "float16 bfloat16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 "
    "bool complex64 complex128"
)
DTYPES = {name: DType(name) for name in _NAMES.split()}
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
        words = f"Cannot convert the argument `type_value`: {value!r} to a TensorFlow DType."
        raise TypeError(words) from None


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


class TensorShape:
    """The sizes of a tensor, None for those that the graph does not tell; `TensorShape(None)` has no rank."""

    def __init__(self, dims: Any) -> None:
        dims = dims.sizes if isinstance(dims, TensorShape) else [dims] if isinstance(dims, int) else dims
        sizes = None if dims is None else tuple(None if n is None else Dimension(n) for n in dims)
        self.sizes: tuple[int | None, ...] | None = sizes
        self.ndims = None if sizes is None else len(sizes)

    def as_list(self) -> list[int | None]:
        """The sizes as a list. Raises ValueError for unknown rank."""
        if self.sizes is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self.sizes)

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some shape fits both."""
        mine, theirs = self.sizes, TensorShape(other).sizes
        if mine is None or theirs is None:
            return True
        pairs = zip(mine, theirs, strict=False)
        return len(mine) == len(theirs) and all(None in pair or pair[0] == pair[1] for pair in pairs)

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

    def __bool__(self) -> bool:
        return self.sizes is not None

    def __getitem__(self, key: Any) -> Any:
        found = self.as_list()[key]
        return TensorShape(found) if isinstance(key, slice) else found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorShape | list | tuple) and self.sizes == TensorShape(other).sizes

    def __hash__(self) -> int:
        return hash(self.sizes)

    def __repr__(self) -> str:
        return f"TensorShape({self.sizes})"

    def in_brackets(self) -> str:
        """As TensorFlow's kernels write it: [?,3]."""
        words = None if self.sizes is None else ["?" if n is None else str(n) for n in self.sizes]
        return "<unknown>" if words is None else "[" + ",".join(words) + "]"

    def __str__(self) -> str:
        words = self.in_brackets().replace(",", ", ").replace("[", "(").replace("]", ")")
        return words.replace(")", ",)") if self.ndims == 1 else words


class Operators:
    """What may stand in an expression, a Tensor or a Variable. `mathematics` gives it its operators."""

    __array_priority__ = 100
    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

        def __getitem__(self, key: Any) -> Any: ...

    def get_shape(self) -> TensorShape:
        """The same as `shape`."""
        return self.shape
