"""torch._C: the few of its names that programs use."""

from __future__ import annotations

from typing import Any

from fnnet.torch.devices import get_default_device as _default_device
from fnnet.torch.guards import _LinAlgError as _LinAlgError
from fnnet.torch.mode import is_grad_enabled as is_grad_enabled
from fnnet.torch.mode import set_grad_enabled as _set_grad
from fnnet.torch.places import spell as _spell
from fnnet.torch.random import Generator as Generator
from fnnet.torch.tensor import Tensor as _Tensor

__path__: list[str] = []  # what makes this module a package to the import system

_TensorMeta = type(_Tensor)


def _log_api_usage_once(event: str) -> None:
    """Nothing is counted."""


def _set_grad_enabled(enabled: bool) -> None:
    """Record gradients from now on, or do not."""
    _set_grad(enabled)


def _get_tracing_state() -> None:
    """None: nothing is traced."""


def _are_functorch_transforms_active() -> bool:
    """False: what torch.func transforms is a function of tensors here too."""
    return False


def _get_default_device() -> str:
    """The kind of device of new tensors."""
    return str(_default_device())


def _get_accelerator() -> Any:
    """The kind of device beside the CPU; "cpu" without one."""
    from fnnet.torch import accelerator
    from fnnet.torch.devices import device

    return accelerator.current_accelerator() or device("cpu")


def _get_privateuse1_backend_name() -> str:
    return "privateuseone"


class _Nothing:
    """A context in which nothing changes: tensors here have no __torch_function__ and no dispatcher."""

    def __init__(self, *args: Any) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass


DisableTorchFunctionSubclass = DisableTorchFunction = _Nothing


def _disabled_torch_function_impl(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """Call the function: no class takes it over."""
    return func(*args, **(kwargs or {}))


def _parse_to(*args: Any, **kwargs: Any) -> tuple[Any, Any, bool, Any]:
    """The arguments of `Tensor.to` as (device, dtype, non_blocking, memory_format)."""
    from fnnet.torch.devices import as_device, device
    from fnnet.torch.dtypes import dtype

    where, kind = kwargs.get("device"), kwargs.get("dtype")
    for given in args:
        if isinstance(given, _Tensor):
            where, kind = given.device, given.dtype
        elif isinstance(given, dtype):
            kind = given
        elif isinstance(given, str | device) or (isinstance(given, int) and not isinstance(given, bool)):
            where = given
    non_blocking = bool(kwargs.get("non_blocking", next((a for a in args if isinstance(a, bool)), False)))
    return None if where is None else as_device(where), kind, non_blocking, kwargs.get("memory_format")


_spell(f"{__name__}._nn", _parse_to=_parse_to)
_spell(f"{__name__}._functorch", is_legacy_batchedtensor=lambda t: False, is_batchedtensor=lambda t: False)
