"""Devices: `cpu`, `cuda` for a GPU of JAX, and `meta` for tensors that have a shape and no values."""

from __future__ import annotations

import functools
from functools import cache
from typing import Any

import jax

_KINDS = ("cpu", "cuda", "ipu", "xpu", "mkldnn", "opengl", "opencl", "ideep", "hip", "ve", "fpga", "maia",
          "xla", "lazy", "vulkan", "mps", "meta", "hpu", "mtia", "privateuseone")  # fmt: skip


class device:
    """`torch.device("cpu")`, `torch.device("cuda:0")`, `torch.device("cuda", 0)`."""

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: Any, index: int | None = None) -> None:
        if isinstance(type, device):
            self.type, self.index = type.type, type.index
            return
        if isinstance(type, int) and not isinstance(type, bool):
            if type < 0:
                raise RuntimeError("Device index must not be negative")
            type, index = "cuda", type
        if not isinstance(type, str):
            raise TypeError(
                f"device(): argument 'type' must be str, int or device, not {type.__class__.__name__}"
            )
        if index is not None and (not isinstance(index, int) or isinstance(index, bool)):
            raise TypeError(
                f"device(): argument 'index' (position 2) must be int, not {index.__class__.__name__}"
            )
        if index is not None and index < 0:
            raise RuntimeError("Device index must not be negative")
        kind, colon, number = type.partition(":")
        if kind not in _KINDS:
            raise RuntimeError(
                f"Expected one of {', '.join(_KINDS)} device type at start of device string: {type}"
            )
        if colon:
            if not number.isdigit() or (len(number) > 1 and number[0] == "0"):
                raise RuntimeError(f"Invalid device string: '{type}'")
            if index is not None:
                raise RuntimeError(
                    f"type (string) must not include an index because index was passed explicitly: {type}"
                )
            index = int(number)
        self.type = kind
        self.index = index

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')"
            if self.index is None
            else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        _defaults.append(as_device(self))
        return self

    def __exit__(self, *error: object) -> None:
        _defaults.pop()

    def __call__(self, function: Any) -> Any:
        """Decorate a function, which makes its tensors on this device."""

        @functools.wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return decorated

    def __reduce__(self) -> Any:
        return _named, (str(self),)


device.__module__ = "torch"  # as it prints; what pickles refer to is the function below


def _named(name: str) -> device:
    return device(name)


CPU = device("cpu")
META = device("meta")
_defaults: list[device] = []
"""Where tensors are made for which no device is given: what `with torch.device(...)` says, innermost last."""
_default = CPU
"""The same outside of all such blocks: what `set_default_device` says."""


def get_default_device() -> device:
    """The device on which tensors are made."""
    return _defaults[-1] if _defaults else _default


def set_default_device(device: Any) -> None:
    """Make tensors on this device from now on; None is the CPU."""
    global _default
    _default = CPU if device is None else as_device(device)


def placed(given: Any, where: jax.Device | None, may_alias: bool | None = None) -> Any:
    """NumPy's arrays as JAX's on a device, made now even if JAX traces what is around."""
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        return jax.device_put(given, where, may_alias=may_alias)


@cache
def cuda_devices() -> tuple[jax.Device, ...]:
    """JAX's GPUs; none where there is no GPU backend."""
    try:
        return tuple(jax.devices("gpu"))
    except RuntimeError:
        return ()


def as_device(given: Any) -> device:
    """The canonical device: the one object for the CPU, an index on every GPU.

    Raises RuntimeError for a device that does not exist here.
    """
    if given is None:
        return _defaults[-1] if _defaults else _default
    if given is CPU or given == "cpu":
        return CPU
    found = given if isinstance(given, device) else device(given)
    return _canonical(found.type, found.index)


@cache
def _canonical(kind: str, index: int | None) -> device:
    if kind == "cpu":
        return CPU
    if kind == "meta":
        return META
    if kind != "cuda":
        raise NotImplementedError(f"fnnet.torch has no device '{kind}'; it has 'cpu', 'cuda' and 'meta'")
    if not cuda_devices():
        raise RuntimeError("Found no NVIDIA driver on your system: JAX lists no GPU here")
    if (index or 0) >= len(cuda_devices()):
        raise RuntimeError("CUDA error: invalid device ordinal")
    return device("cuda", index or 0)


@cache
def jax_device(where: device) -> jax.Device:
    """The JAX device on which tensors of `where` live."""
    return jax.devices("cpu")[0] if where.type == "cpu" else cuda_devices()[where.index or 0]
