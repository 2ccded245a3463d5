"""torch.backends.cuda: switches of PyTorch's GPU libraries, kept and without effect."""

from __future__ import annotations

from fnnet.torch.devices import cuda_devices


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Matmul()
_enabled = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Whether JAX has a GPU backend here."""
    return bool(cuda_devices())


def enable_flash_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    _enabled["flash"] = enabled


def flash_sdp_enabled() -> bool:
    """The switch as set."""
    return _enabled["flash"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    _enabled["mem_efficient"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """The switch as set."""
    return _enabled["mem_efficient"]


def enable_math_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    _enabled["math"] = enabled


def math_sdp_enabled() -> bool:
    """The switch as set."""
    return _enabled["math"]
