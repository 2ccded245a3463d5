"""torch.distributed by name: there are no process groups here, and `is_available()` says so.

Many devices are JAX's: see `jax.sharding` and `jax.distributed`.
"""

from collections.abc import Callable
from functools import wraps as _wraps
from typing import Any

from fnnet.torch.missing import refusal as _refusal
from fnnet.torch.missing import refusals as _refusals
from fnnet.torch.places import spell as _spell

__path__: list[str] = []  # what makes this module a package to the import system


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


_INSTEAD = "use jax.sharding and jax.distributed"
for _place, _names in (
    ("optim", "ZeroRedundancyOptimizer"),
    ("fsdp", "FullyShardedDataParallel fully_shard FSDPModule MixedPrecisionPolicy"),
    ("_composable.fsdp", "fully_shard FSDPModule MixedPrecisionPolicy"),
    ("device_mesh", "DeviceMesh init_device_mesh"),
    ("tensor", "DTensor distribute_tensor Shard Replicate"),
    ("tensor.experimental", "implicit_replication"),
    ("_tensor", "DTensor distribute_tensor Shard Replicate"),
    ("_tensor.experimental", "implicit_replication"),
):
    _spell(f"{__name__}.{_place}", **_refusals(f"torch.distributed.{_place}", _names, _INSTEAD))


def _record(fn: Callable[..., Any], error_handler: Any = None) -> Callable[..., Any]:
    """The function as it is: nobody waits for the file in which PyTorch's launcher would find its error."""

    @_wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


_spell(f"{__name__}.elastic.multiprocessing.errors", record=_record)
_spell(
    f"{__name__}.algorithms.join",
    **_refusals("torch.distributed.algorithms.join", "Join Joinable JoinHook", _INSTEAD),
)
