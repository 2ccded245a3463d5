"""torch.accelerator: the GPU, if JAX has one."""

from importlib import import_module
from typing import Any

from fnnet.torch import cuda as _cuda
from fnnet.torch.devices import device as _Device


def is_available() -> bool:
    """Whether JAX has a GPU."""
    return _cuda.is_available()


def device_count() -> int:
    """How many GPUs JAX has."""
    return _cuda.device_count()


def current_accelerator(check_available: bool = False) -> Any:
    """The kind of device, `cuda`; None without a GPU."""
    return _Device("cuda") if _cuda.is_available() else None


def synchronize(device: Any = None) -> None:
    """Wait until what was asked for is computed."""
    if _cuda.is_available():
        _cuda.synchronize(device)


def get_device_module(device: Any = None) -> Any:
    """torch.get_device_module: `torch.cuda` or `torch.cpu`, by the kind of device; by default of the GPU.

    Raises RuntimeError for what names no device, and for a device without a module (`meta`).
    """
    if device is not None and not isinstance(device, _Device | str):
        raise RuntimeError(f"Invalid value of device '{device}', expect torch.device, str, or None")
    kind = _Device(device).type if device is not None else "cuda" if _cuda.is_available() else "cpu"
    if kind not in ("cpu", "cuda", "mps", "xpu"):
        raise RuntimeError(
            f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'."
        )
    return import_module(f"fnnet.torch.{kind}")
