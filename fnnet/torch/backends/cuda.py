"""torch.backends.cuda: switches of PyTorch's GPU libraries, kept and without effect."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from fnnet.torch.devices import cuda_devices


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Matmul()
ATTENTION = {"cudnn": True, "flash": True, "mem_efficient": True, "math": True, "overrideable": True}
"""Which ways to compute attention are switched on."""


def is_built() -> bool:
    """Whether JAX has a GPU backend here."""
    return bool(cuda_devices())


def enable_flash_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    ATTENTION["flash"] = enabled


def flash_sdp_enabled() -> bool:
    """The switch as set."""
    return ATTENTION["flash"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    ATTENTION["mem_efficient"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """The switch as set."""
    return ATTENTION["mem_efficient"]


def enable_math_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    ATTENTION["math"] = enabled


def math_sdp_enabled() -> bool:
    """The switch as set."""
    return ATTENTION["math"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Keeps the switch."""
    ATTENTION["cudnn"] = enabled


def cudnn_sdp_enabled() -> bool:
    """The switch as set."""
    return ATTENTION["cudnn"]


def is_flash_attention_available() -> bool:
    """False: PyTorch's kernels are not here."""
    return False


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[Any]:
    """The older form of `torch.nn.attention.sdpa_kernel`."""
    from fnnet.torch.nn.attention import SDPBackend, sdpa_kernel

    warnings.warn(
        "`torch.backends.cuda.sdp_kernel()` is deprecated. In the future, this context manager will be "
        "removed. Please see `torch.nn.attention.sdpa_kernel()` for the new context manager, with updated "
        "signature.",
        FutureWarning,
        stacklevel=3,
    )
    wanted = {
        SDPBackend.FLASH_ATTENTION: enable_flash,
        SDPBackend.EFFICIENT_ATTENTION: enable_mem_efficient,
        SDPBackend.MATH: enable_math,
        SDPBackend.CUDNN_ATTENTION: enable_cudnn,
    }
    with sdpa_kernel([one for one, enabled in wanted.items() if enabled]) as found:
        yield found
