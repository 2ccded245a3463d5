"""torch.accelerator: the GPU, if JAX has one."""

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
