"""torch.amp: mixed precision, and the scaling of losses whose gradients would underflow in float16."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

from fnnet.torch.grad_scaler import GradScaler as GradScaler
from fnnet.torch.grad_scaler import OptState as OptState
from fnnet.torch.lower_precision import autocast as autocast
from fnnet.torch.lower_precision import is_autocast_available as is_autocast_available
from fnnet.torch.lower_precision import is_autocast_enabled
from fnnet.torch.places import spell
from fnnet.torch.pure import map_leaves
from fnnet.torch.tensor import Tensor

__path__: list[str] = []  # what makes this module a package to the import system


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: Any = None
) -> Callable[..., Any]:
    """Decorate `forward` of an autograd.Function: with `cast_inputs` it runs in that dtype, autocast off."""
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)
    forward = fwd

    def cast(leaf: Any) -> Any:
        floating = isinstance(leaf, Tensor) and leaf.is_floating_point() and leaf.device.type == device_type
        return leaf.to(cast_inputs) if floating and leaf.dtype.name != "float64" else leaf

    @functools.wraps(forward)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = enabled and cast_inputs is None
        if not enabled or cast_inputs is None:
            return forward(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return forward(args[0], *map_leaves(cast, args[1:]), **map_leaves(cast, kwargs))

    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Callable[..., Any]:
    """Decorate `backward` of an autograd.Function: autocast is as it was in its forward."""
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)
    backward = bwd

    @functools.wraps(backward)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        with autocast(device_type, enabled=args[0]._fwd_used_autocast):
            return backward(*args, **kwargs)

    return decorated


spell(f"{__name__}.grad_scaler", GradScaler=GradScaler, OptState=OptState)
spell(f"{__name__}.autocast_mode", autocast=autocast, custom_bwd=custom_bwd, custom_fwd=custom_fwd)


def warn_of_the_old_name(device: str, name: str) -> None:
    """What PyTorch says where `torch.cpu.amp` and `torch.cuda.amp` are used still."""
    warnings.warn(
        f"`torch.{device}.amp.{name}(args...)` is deprecated. "
        f"Please use `torch.amp.{name}('{device}', args...)` instead.",
        FutureWarning,
        stacklevel=3,
    )
