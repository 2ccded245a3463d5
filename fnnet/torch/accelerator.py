"""torch.accelerator: the GPU, if JAX has one."""

import functools
from collections.abc import Callable
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


def _of_cuda(name: str) -> Callable[..., Any]:
    """The function of `torch.cuda`, which raises RuntimeError without a GPU."""
    function = getattr(_cuda, name)

    @functools.wraps(function)
    def ask(*args: Any, **kwargs: Any) -> Any:
        if not _cuda.is_available():
            raise RuntimeError("Cannot access accelerator device when none is available.")
        return function(*args, **kwargs)

    return ask


synchronize = _of_cuda("synchronize")
current_device_index = current_device_idx = _of_cuda("current_device")
set_device_index = set_device_idx = _of_cuda("set_device")
current_stream, set_stream = _of_cuda("current_stream"), _of_cuda("set_stream")
get_device_capability = _of_cuda("get_device_capability")
get_memory_info = _of_cuda("mem_get_info")
empty_cache = empty_host_cache = _of_cuda("empty_cache")
memory_stats = _of_cuda("memory_stats")
memory_allocated, max_memory_allocated = _of_cuda("memory_allocated"), _of_cuda("max_memory_allocated")
memory_reserved, max_memory_reserved = _of_cuda("memory_reserved"), _of_cuda("max_memory_reserved")
reset_peak_memory_stats = reset_accumulated_memory_stats = _of_cuda("reset_peak_memory_stats")


class device_index:
    """A context in which the accelerator means one GPU; only the first, or none, can be asked for."""

    def __init__(self, device: int | None) -> None:
        self.idx = device

    def __enter__(self) -> None:
        if self.idx is not None:
            set_device_index(self.idx)

    def __exit__(self, *error: object) -> None:
        pass


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
