"""The old names of tensor types: `torch.FloatTensor(2, 3)`, `x.type()`, `x.type("torch.LongTensor")`."""

from __future__ import annotations

from typing import Any

from fnnet.torch import dtypes as D
from fnnet.torch.creation import as_dtype, legacy_tensor
from fnnet.torch.devices import as_device, cuda_devices
from fnnet.torch.spec import Spec
from fnnet.torch.tensor import Tensor

TYPES = {
    "FloatTensor": D.float32, "DoubleTensor": D.float64, "HalfTensor": D.float16,
    "BFloat16Tensor": D.bfloat16,
    "ByteTensor": D.uint8, "CharTensor": D.int8, "ShortTensor": D.int16, "IntTensor": D.int32,
    "LongTensor": D.int64, "BoolTensor": D.bool_,
}  # fmt: skip
_NAMES = {
    **{kind: name for name, kind in TYPES.items()},
    D.complex64: "ComplexFloatTensor",
    D.complex128: "ComplexDoubleTensor",
}


def type_name(spec: Spec) -> str:
    """ "torch.FloatTensor", "torch.cuda.FloatTensor", ..."""
    place = "torch.cuda." if spec.device.type == "cuda" else "torch."
    return place + _NAMES.get(spec.dtype, spec.dtype.name.capitalize() + "Tensor")


def dtype_of_type(given: Any) -> tuple[Any, ...]:
    """What `Tensor.to` is to be called with for what `Tensor.type` was called with."""
    if isinstance(given, type) and issubclass(given, LegacyTensor):
        return (as_device(given.place), given.kind) if given.place == "cuda" else (given.kind,)
    if isinstance(given, str):
        name = given.removeprefix("torch.")
        if name.removeprefix("cuda.") not in TYPES or not given.startswith("torch."):
            raise ValueError(f"invalid type: '{given}'")
        kind = TYPES[name.removeprefix("cuda.")]
        return (as_device("cuda"), kind) if name.startswith("cuda.") else (kind,)
    return (as_dtype(given),)


class _LegacyMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        if not isinstance(instance, Tensor) or instance.dtype is not cls.kind:  # type: ignore[attr-defined]
            return False
        return instance.device.type == cls.place and type(instance._spec) is Spec  # type: ignore[attr-defined]


class LegacyTensor(metaclass=_LegacyMeta):
    """The base of `torch.FloatTensor` and its kin: makes tensors of one dtype, and tells them."""

    kind: D.dtype = D.float32
    dtype: D.dtype = D.float32
    place = "cpu"

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls.place == "cpu":
            return legacy_tensor(*args, kind=cls.kind, **kwargs)
        if not cuda_devices():
            raise TypeError(
                f"type torch.cuda.{cls.__name__} not available. Torch not compiled with CUDA enabled."
            )
        return legacy_tensor(*args, kind=cls.kind, **kwargs).to(cls.place)


def _types(module: str, place: str) -> dict[str, Any]:
    return {
        name: type(name, (LegacyTensor,), {"kind": kind, "dtype": kind, "place": place, "__module__": module})
        for name, kind in TYPES.items()
    }


LEGACY = _types("torch", "cpu")
LEGACY_OF_CUDA = _types("torch.cuda", "cuda")
