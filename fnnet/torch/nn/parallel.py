"""torch.nn.parallel, as far as one process goes."""

from __future__ import annotations

from typing import Any

from fnnet.torch.missing import refusals
from fnnet.torch.nn.old import DataParallel as DataParallel
from fnnet.torch.places import spell

__all__ = ["DataParallel", "data_parallel"]
__path__: list[str] = []  # what makes this module a package to the import system

_REFUSED = refusals(
    "torch.nn.parallel", "DistributedDataParallel replicate scatter gather parallel_apply scatter_kwargs",
    "use fnnet's pure functions with jax.sharding",
)  # fmt: skip
globals().update(_REFUSED)
for _place, _of in (
    ("distributed", "DistributedDataParallel"),
    ("scatter_gather", "scatter gather scatter_kwargs"),
    ("parallel_apply", "parallel_apply"),
    ("replicate", "replicate"),
):
    spell(f"{__name__}.{_place}", **{_name: _REFUSED[_name] for _name in _of.split()})
spell(f"{__name__}.data_parallel", DataParallel=DataParallel)


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
