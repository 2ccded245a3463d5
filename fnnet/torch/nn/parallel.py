"""torch.nn.parallel, as far as one process goes."""

from __future__ import annotations

from typing import Any

from fnnet.torch.nn.old import DataParallel as DataParallel

__all__ = ["DataParallel", "data_parallel"]


def data_parallel(
    module: Any,
    inputs: Any,
    device_ids: Any = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: Any = None,
) -> Any:
    """The module's output, on its own device."""
    given = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*given, **(module_kwargs or {}))
