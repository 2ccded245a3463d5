"""PyTorch's dtypes as objects, and their counterparts in NumPy."""

from __future__ import annotations

import math
from typing import Any

import ml_dtypes
import numpy as np

BOOL, INTEGER, FLOATING, COMPLEX = range(4)


class dtype:
    """A dtype: one object per type, compared by identity, printed as `torch.float32`.

    Attributes:
        name: "float32" and so on.
        numpy: the NumPy dtype.
        category: BOOL, INTEGER, FLOATING or COMPLEX; a higher one wins in promotion.
    """

    def __init__(self, name: str, numpy: Any, category: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy)
        self.category = category
        self.itemsize = self.numpy.itemsize
        self.is_floating_point = category == FLOATING
        self.is_complex = category == COMPLEX
        self.is_signed = category >= FLOATING or self.numpy.kind == "i"
        self.differentiable = category >= FLOATING

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> Any:
        return _named, (self.name,)

    def to_complex(self) -> dtype:
        """The complex dtype of the same precision."""
        return complex128 if self in (float64, complex128) else complex64

    def to_real(self) -> dtype:
        """The real dtype of the same precision."""
        return {complex64: float32, complex128: float64}.get(self, self)


float64 = double = dtype("float64", np.float64, FLOATING)
float32 = dtype("float32", np.float32, FLOATING)
float16 = half = dtype("float16", np.float16, FLOATING)
bfloat16 = dtype("bfloat16", ml_dtypes.bfloat16, FLOATING)
complex64 = cfloat = dtype("complex64", np.complex64, COMPLEX)
complex128 = cdouble = dtype("complex128", np.complex128, COMPLEX)
uint8 = dtype("uint8", np.uint8, INTEGER)
int8 = dtype("int8", np.int8, INTEGER)
int16 = short = dtype("int16", np.int16, INTEGER)
int32 = dtype("int32", np.int32, INTEGER)
int64 = long = dtype("int64", np.int64, INTEGER)
uint16 = dtype("uint16", np.uint16, INTEGER)
uint32 = dtype("uint32", np.uint32, INTEGER)
uint64 = dtype("uint64", np.uint64, INTEGER)
bool_ = dtype("bool", np.bool_, BOOL)

ALL = (
    float64,
    float32,
    float16,
    bfloat16,
    complex64,
    complex128,
    uint8,
    int8,
    int16,
    int32,
    int64,
    uint16,
    uint32,
    uint64,
    bool_,
)


class Unsupported(dtype):
    """A dtype that PyTorch has and fnnet computes nothing in: it can be named, compared and measured.

    Whatever would make a tensor of it asks for its counterpart in NumPy, and is refused.
    """

    def __init__(self, name: str, itemsize: int, category: int) -> None:
        self.name = name
        self.category = category
        self.itemsize = itemsize
        self.is_floating_point = category == FLOATING
        self.is_complex = category == COMPLEX
        self.is_signed = not name.startswith("uint") and name != "float8_e8m0fnu"
        self.differentiable = category >= FLOATING
        self.refused_name = f"torch.{name}"

    @property
    def numpy(self) -> Any:
        """Raises NotImplementedError."""
        raise NotImplementedError(f"fnnet.torch: tensors of torch.{self.name} are not supported")


_UNSUPPORTED = [
    *(
        Unsupported(f"float8_{kind}", 1, FLOATING)
        for kind in ["e4m3fn", "e4m3fnuz", "e5m2", "e5m2fnuz", "e8m0fnu"]
    ),
    Unsupported("float4_e2m1fn_x2", 1, FLOATING),
    Unsupported("complex32", 4, COMPLEX),
    *(Unsupported(f"{sign}int{bits}", 1, INTEGER) for sign in ("", "u") for bits in range(1, 8)),
]

NAMED: dict[str, dtype] = {
    **{one.name: one for one in _UNSUPPORTED},
    "chalf": _UNSUPPORTED[6],
    **{one.name: one for one in ALL},
    "double": float64,
    "float": float32,
    "half": float16,
    "cfloat": complex64,
    "cdouble": complex128,
    "short": int16,
    "int": int32,
    "long": int64,
}
"""Every dtype under each name that `torch` has for it."""

dtype.__module__ = "torch"  # as it prints; what pickles refer to is the function below


def _named(name: str) -> dtype:
    return NAMED[name]


_OF_NUMPY = {one.numpy: one for one in ALL}
_default = float32


def of_numpy(numpy_dtype: Any) -> dtype:
    """The dtype of a NumPy or JAX array. Raises TypeError if PyTorch has none."""
    found = _OF_NUMPY.get(np.dtype(numpy_dtype))
    if found is None:
        raise TypeError(
            f"can't convert np.ndarray of type numpy.{np.dtype(numpy_dtype).type.__name__}. The only "
            f"supported "
            "types are: float64, float32, float16, complex64, complex128, int64, int32, int16, int8, uint64, "
            "uint32, uint16, uint8, and bool."
        )
    return found


def get_default_dtype() -> dtype:
    """The dtype of tensors made from Python floats."""
    return _default


def set_default_dtype(d: dtype, /) -> None:
    """Set the dtype of tensors made from Python floats. Raises TypeError unless it is a floating dtype."""
    global _default
    if not isinstance(d, dtype) or not d.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    _default = d


def _required(function: str, kind: Any) -> dtype:
    if not isinstance(kind, dtype):
        raise TypeError(
            f"{function}(): argument 'type' (position 1) must be torch.dtype, not {type(kind).__name__}"
        )
    return kind


class finfo:
    """The limits of a floating dtype, as `torch.finfo`."""

    def __init__(self, type: dtype | None = None) -> None:
        kind = _required("finfo", type or _default)
        if not kind.differentiable:
            raise TypeError(
                "torch.finfo() requires a floating point input type. Use torch.iinfo to handle 'torch.finfo'"
            )
        own = getattr(ml_dtypes, kind.name, None) if isinstance(kind, Unsupported) else kind.to_real().numpy
        if own is None:
            raise NotImplementedError(f"fnnet.torch: finfo of torch.{kind.name} is not supported")
        limits = ml_dtypes.finfo(own)
        self.dtype = kind.to_real().name
        self.bits = kind.to_real().itemsize * 8
        self.eps, self.max, self.min = float(limits.eps), float(limits.max), float(limits.min)
        self.tiny = self.smallest_normal = float(limits.tiny)
        self.resolution = (
            1.0 if isinstance(kind, Unsupported) else 10.0 ** -math.floor(-math.log10(limits.eps))
        )

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """The limits of an integer dtype, as `torch.iinfo`."""

    def __init__(self, type: dtype) -> None:
        if _required("iinfo", type).category != INTEGER:
            raise TypeError(
                "torch.iinfo() requires an integer input type. Use torch.finfo to handle 'torch.iinfo'"
            )
        limits = np.iinfo(type.numpy)
        self.dtype = type.name
        self.bits, self.max, self.min = limits.bits, int(limits.max), int(limits.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"
