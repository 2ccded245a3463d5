"""torch.nn.attention: settings of scaled_dot_product_attention, accepted and kept.

Which kernel computes attention follows from the arguments and the device (fnnet.functional.fused_attention).
"""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator
from typing import Any

from fnnet.torch.backends.cuda import ATTENTION
from fnnet.torch.nn.attention.registry import activate_flash_attention_impl as activate_flash_attention_impl
from fnnet.torch.nn.attention.registry import current_flash_attention_impl as current_flash_attention_impl
from fnnet.torch.nn.attention.registry import list_flash_attention_impls as list_flash_attention_impls
from fnnet.torch.nn.attention.registry import register_flash_attention_impl as register_flash_attention_impl
from fnnet.torch.nn.attention.registry import restore_flash_attention_impl as restore_flash_attention_impl

__all__ = [
    "WARN_FOR_UNFUSED_KERNELS",
    "SDPBackend",
    "activate_flash_attention_impl",
    "current_flash_attention_impl",
    "list_flash_attention_impls",
    "register_flash_attention_impl",
    "restore_flash_attention_impl",
    "sdpa_kernel",
]

WARN_FOR_UNFUSED_KERNELS = False


class SDPBackend(enum.IntEnum):
    """PyTorch's ways to compute attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {self.value}>"


_SWITCHES = {
    "cudnn": SDPBackend.CUDNN_ATTENTION,
    "flash": SDPBackend.FLASH_ATTENTION,
    "mem_efficient": SDPBackend.EFFICIENT_ATTENTION,
    "math": SDPBackend.MATH,
    "overrideable": SDPBackend.OVERRIDEABLE,
}


def _cur_sdpa_kernel_backends(with_priority: bool = False) -> list[SDPBackend]:
    return [backend for name, backend in _SWITCHES.items() if ATTENTION[name]]


@contextlib.contextmanager
def sdpa_kernel(backends: list[SDPBackend] | SDPBackend, set_priority: bool = False) -> Iterator[Any]:
    """Within, PyTorch would use one of these; the values are the same by all of them."""
    if not isinstance(backends, list | SDPBackend):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
            f"{type(backends).__name__}"
        )
    wanted = [backends] if isinstance(backends, SDPBackend) else backends
    before = dict(ATTENTION)
    ATTENTION.update({name: backend in wanted for name, backend in _SWITCHES.items()})
    try:
        yield {}
    finally:
        ATTENTION.update(before)
