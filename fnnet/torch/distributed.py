"""torch.distributed by name: there are no process groups here, and `is_available()` says so.

Many devices are JAX's: see `jax.sharding` and `jax.distributed`.
"""

from typing import Any

from fnnet.torch.missing import refusal as _refusal


def is_available() -> bool:
    """False."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module 'torch.distributed' has no attribute '{name}'")
    return _refusal(f"torch.distributed.{name}", "use jax.sharding and jax.distributed")
