"""torch.cuda, speaking of JAX's GPUs."""

from __future__ import annotations

from importlib import import_module as _import_module
from typing import Any

import jax

from fnnet.torch import random as _random
from fnnet.torch.cuda import streams as _streams
from fnnet.torch.devices import cuda_devices
from fnnet.torch.devices import device as _Device
from fnnet.torch.legacy import LEGACY_OF_CUDA as _LEGACY
from fnnet.torch.missing import missing, refusals
from fnnet.torch.record import synchronize as _run
from fnnet.torch.tensor import Tensor

_NONE = "Found no NVIDIA driver on your system: JAX lists no GPU here"

globals().update(_LEGACY)
globals().update(
    refusals(
        "torch.cuda", "CUDAGraph graph graph_pool_handle", "programs are recorded and compiled as they are"
    )
)


def is_available() -> bool:
    """Whether JAX has a GPU here."""
    return bool(cuda_devices())


def device_count() -> int:
    """How many GPUs JAX has."""
    return len(cuda_devices())


def _gpu(device: Any = None) -> jax.Device:
    """A GPU of JAX. Raises RuntimeError without one, AssertionError for a number that is none of them."""
    if not cuda_devices():
        raise RuntimeError(_NONE)
    if device is None:
        return cuda_devices()[0]
    given = device if isinstance(device, _Device) else _Device(device)
    if given.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {given}")
    if (given.index or 0) >= device_count():
        raise AssertionError("Invalid device id")
    return cuda_devices()[given.index or 0]


def current_device() -> int:
    """The number of the GPU that `cuda` means: 0. Raises RuntimeError without a GPU."""
    _gpu()
    return 0


def set_device(device: Any) -> None:
    """Accepts the first GPU. Raises NotImplementedError for another: name it, as "cuda:1"."""
    if _gpu(device) is not cuda_devices()[0]:
        raise NotImplementedError(
            "fnnet: torch.cuda.set_device to another than GPU 0; name the device instead"
        )


class device:
    """A context in which `cuda` means one GPU; only the first, or none, can be asked for."""

    def __init__(self, device: Any) -> None:
        if device is not None and device != -1:
            set_device(device)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


def get_device_name(device: Any = None) -> str:
    """What the GPU is."""
    return str(_gpu(device).device_kind)


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """The compute capability of the GPU, major and minor."""
    major, _, minor = str(getattr(_gpu(device), "compute_capability", "0.0")).partition(".")
    return int(major), int(minor or 0)


def synchronize(device: Any = None) -> None:
    """Run what is recorded and wait for the GPU."""
    gpu = _gpu(device)
    _run()
    jax.device_put(0, gpu).block_until_ready()


def manual_seed(seed: int) -> None:
    """Seed the numbers of GPU tensors. They are drawn from the default generator, so it is that which is
    seeded
    if there is a GPU."""
    if is_available():
        _random.manual_seed(seed)


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Does nothing: JAX keeps and gives back memory by itself."""


def init() -> None:
    """Does nothing: JAX finds its GPUs when they are asked for."""


def is_initialized() -> bool:
    """Whether there is a GPU to use."""
    return is_available()


def _statistic(name: str) -> Any:
    def ask(device: Any = None) -> int:
        if not is_available():
            return 0
        return int((_gpu(device).memory_stats() or {}).get(name, 0))

    ask.__doc__ = f"`{name}` of JAX's allocator, in bytes; 0 without a GPU."
    return ask


memory_allocated = _statistic("bytes_in_use")
max_memory_allocated = _statistic("peak_bytes_in_use")
memory_reserved = _statistic("pool_bytes")
max_memory_reserved = _statistic("peak_pool_bytes")


def memory_stats(device: Any = None) -> dict[str, Any]:
    """What JAX's allocator counts."""
    return dict(_gpu(device).memory_stats() or {}) if is_available() else {}


def reset_peak_memory_stats(device: Any = None) -> None:
    """Raises NotImplementedError with a GPU: JAX's peaks cannot be reset."""
    if is_available():
        raise NotImplementedError("fnnet: torch.cuda.reset_peak_memory_stats; JAX's peaks cannot be reset")


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats
has_half, has_magma = True, False
default_generators: tuple[Any, ...] = ()
"""There is none for a GPU alone: its tensors draw from the default generator."""


class _CudaDeviceProperties:
    """What JAX knows of a GPU: its name, compute capability, memory and number of multiprocessors."""

    def __init__(self, gpu: jax.Device) -> None:
        self.name = str(gpu.device_kind)
        self.major, self.minor = get_device_capability(_Device("cuda", gpu.id))
        self.total_memory = int((gpu.memory_stats() or {}).get("bytes_limit", 0))
        self.multi_processor_count = int(getattr(gpu, "core_count", 0))

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name='{self.name}', major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB, "
            f"multi_processor_count={self.multi_processor_count})"
        )


def get_device_properties(device: Any = None) -> _CudaDeviceProperties:
    """What JAX knows of a GPU; its memory is what JAX may use of it. Raises RuntimeError without a GPU."""
    return _CudaDeviceProperties(_gpu(device))


class device_of(device):
    """A context in which `cuda` means the GPU of a tensor; for a tensor elsewhere it changes nothing."""

    def __init__(self, obj: Tensor) -> None:
        super().__init__(obj.device if obj.is_cuda else None)


def can_device_access_peer(device: Any, peer_device: Any) -> bool:
    """True for two GPUs: JAX moves arrays between them. Raises AssertionError for numbers of none."""
    first, second = _gpu(device), _gpu(peer_device)
    return first is not second


def is_current_stream_capturing() -> bool:
    """False: programs are compiled, not captured."""
    return False


def is_tf32_supported() -> bool:
    """Whether the GPU has TensorFloat-32: from compute capability 8.0 on."""
    return is_available() and get_device_capability() >= (8, 0)


def get_arch_list() -> list[str]:
    """Nothing: XLA compiles for the GPU that is there."""
    return []


def get_gencode_flags() -> str:
    """Nothing: XLA compiles for the GPU that is there."""
    return ""


def ipc_collect() -> None:
    """Does nothing: no process shares the memory of a GPU with another."""


def host_memory_stats() -> dict[str, Any]:
    """Nothing is counted."""
    return {}


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the GPU computes in bfloat16."""
    return is_available()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The state of the generator that GPU tensors draw from: the default one."""
    return _random.get_rng_state()


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Put that generator into a state."""
    _random.set_rng_state(new_state)


def get_rng_state_all() -> list[Tensor]:
    """The states of the generators of all GPUs: the default one for each."""
    return [_random.get_rng_state() for _ in cuda_devices()]


def set_rng_state_all(new_states: Any) -> None:
    """Put the generators of all GPUs into these states."""
    for state in new_states:
        _random.set_rng_state(state)


def initial_seed() -> int:
    """The seed of the generator."""
    return _random.initial_seed()


def seed_all() -> None:
    """Seed the generator from the operating system, if there is a GPU."""
    if is_available():
        _random.seed()


seed = seed_all


def mem_get_info(device: Any = None) -> tuple[int, int]:
    """Free bytes and all bytes that JAX may use of a GPU."""
    counted = memory_stats(device)
    limit = int(counted.get("bytes_limit", 0))
    return limit - int(counted.get("bytes_in_use", 0)), limit


def __getattr__(name: str) -> Any:
    if name in ("amp", "streams"):
        return _import_module(f"{__name__}.{name}")
    if name in _streams.__all__:
        return getattr(_streams, name)
    raise missing("torch.cuda", name)
