"""torch.cpu.amp: the old spelling of torch.amp, for the processor."""

from __future__ import annotations

from typing import Any

from fnnet.torch import amp
from fnnet.torch import dtypes as D
from fnnet.torch.places import spell

__all__ = ["GradScaler", "autocast"]
__path__: list[str] = []  # what makes this module a package to the import system


class autocast(amp.autocast):
    """torch.amp.autocast("cpu", ...)."""

    def __init__(self, enabled: bool = True, dtype: Any = D.bfloat16, cache_enabled: bool = True) -> None:
        amp.warn_of_the_old_name("cpu", "autocast")
        super().__init__("cpu", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """torch.amp.GradScaler("cpu", ...)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        amp.warn_of_the_old_name("cpu", "GradScaler")
        super().__init__("cpu", *args, **kwargs)


spell(f"{__name__}.grad_scaler", GradScaler=GradScaler)
spell(f"{__name__}.autocast_mode", autocast=autocast)
