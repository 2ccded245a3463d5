"""torch.nn.utils.stateless: the old place of torch.func.functional_call."""

from __future__ import annotations

import warnings
from typing import Any

__all__ = ["functional_call"]


def functional_call(
    module: Any,
    parameters_and_buffers: dict[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """The module's output with other parameters and buffers; torch.func.functional_call is the newer name."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be removed in a "
        "future version of PyTorch. Please use `torch.func.functional_call` instead which is a drop-in "
        "replacement.",
        FutureWarning,
        stacklevel=2,
    )
    from fnnet.torch import func  # which imports torch.nn

    given = () if args is None else args
    return func.functional_call(
        module, parameters_and_buffers, given, kwargs, tie_weights=tie_weights, strict=strict
    )
