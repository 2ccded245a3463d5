"""torch.cuda.amp: the old spelling of torch.amp, for GPUs."""

from __future__ import annotations

import functools
from typing import Any

from fnnet.torch import amp

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]

custom_fwd = functools.partial(amp.custom_fwd, device_type="cuda")
custom_bwd = functools.partial(amp.custom_bwd, device_type="cuda")


class autocast(amp.autocast):
    """torch.amp.autocast("cuda", ...)."""

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        amp.warn_of_the_old_name("cuda", "autocast")
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """torch.amp.GradScaler("cuda", ...)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        amp.warn_of_the_old_name("cuda", "GradScaler")
        super().__init__("cuda", *args, **kwargs)
