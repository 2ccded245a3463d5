"""What optimizers written by others take from torch.optim.optimizer: private functions and names of types."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from fnnet.torch.call import call
from fnnet.torch.declare import OPS
from fnnet.torch.mode import is_grad_enabled, set_grad_enabled
from fnnet.torch.tensor import Tensor

__all__ = ["ParamsT"]

ParamsT: TypeAlias = Iterable[Tensor] | Iterable[dict[str, Any]] | Iterable[tuple[str, Tensor]]
_params_t = ParamsT


def _use_grad_for_differentiable(func: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate `step`: gradients are recorded if the optimizer was made with `differentiable`, else not."""

    @functools.wraps(func)
    def step(*args: Any, **kwargs: Any) -> Any:
        before = is_grad_enabled()
        try:
            set_grad_enabled(args[0].defaults["differentiable"])
            return func(*args, **kwargs)
        finally:
            set_grad_enabled(before)

    return step


def _default_to_fused_or_foreach(
    params: Any, differentiable: bool, use_fused: bool = False
) -> tuple[bool, bool]:
    """Neither by default: the loop over tensors is recorded and compiled."""
    return False, False


def _get_capturable_supported_devices(supports_xla: bool = True) -> list[str]:
    return ["cuda", "xpu", "hpu"]


def _disable_dynamo_if_unsupported(single_tensor_fn: Any = None) -> Callable[..., Any]:
    return lambda function: function


def _get_value(x: Any) -> Any:
    return x.item() if isinstance(x, Tensor) else x


def _stack_if_compiling(x: Any) -> Any:
    return x


def _dispatch_sqrt(x: Any) -> Any:
    return x.sqrt() if isinstance(x, Tensor) else math.sqrt(x)


def _view_as_real(params: list[Tensor], *states_and_grads: list[Tensor]) -> None:
    """Put views as real numbers in place of complex parameters and what belongs to them."""
    for i, p in enumerate(params):
        if p.is_complex():
            for one in (params, *states_and_grads):
                one[i] = call(OPS["view_as_real"], (one[i],), {})


def _group_tensors_by_device_and_dtype(
    tensorlistlist: list[list[Any]], with_indices: bool = False
) -> dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]]:
    """Lists of tensors, which belong together by position, in groups by the first list's device and dtype."""
    groups: dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]] = {}
    for i, first in enumerate(tensorlistlist[0]):
        lists, indices = groups.setdefault((first.device, first.dtype), ([[] for _ in tensorlistlist], []))
        indices.append(i)
        for group, given in zip(lists, tensorlistlist, strict=True):
            if given:
                group.append(given[i])
    return groups
