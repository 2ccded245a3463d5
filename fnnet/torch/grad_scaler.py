"""torch.amp.GradScaler: losses are scaled up for backward, gradients down; steps with inf are skipped."""

from __future__ import annotations

import warnings
from enum import Enum
from typing import Any

from fnnet.torch.mode import no_grad
from fnnet.torch.tensor import Tensor

__all__ = ["GradScaler", "OptState"]


class OptState(Enum):
    """What has been done with an optimizer's gradients since `update`."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class GradScaler:
    """See torch.amp.GradScaler; the words of its errors are PyTorch's."""

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        from fnnet.torch import cuda

        self._device, self._enabled = device, enabled
        if device == "cuda" and enabled and not cuda.is_available():
            warnings.warn(
                "torch.cuda.amp.GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2
            )
            self._enabled = False
        if self._enabled:
            assert growth_factor > 1.0, "The growth factor must be > 1.0."
            assert backoff_factor < 1.0, "The backoff factor must be < 1.0."
        self._scale = float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._growth_tracker = growth_interval, 0
        self._stages: dict[int, tuple[OptState, Any]] = {}

    def scale(self, outputs: Any) -> Any:
        """The outputs, a tensor or nested ones, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            return outputs.mul(self._scale)
        if isinstance(outputs, list | tuple):
            return type(outputs)([self.scale(one) for one in outputs])
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of the optimizer's parameters by the scale."""
        if not self._enabled:
            return
        stage = self._stages.get(id(optimizer), (OptState.READY, None))[0]
        if stage is OptState.UNSCALED:
            raise RuntimeError(
                "unscale_() has already been called on this optimizer since the last update()."
            )
        if stage is OptState.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        self._stages[id(optimizer)] = OptState.UNSCALED, self._unscale(optimizer)

    def _unscale(self, optimizer: Any) -> Any:
        """Whether some gradient is not finite: a tensor, or None if there is no gradient."""
        found: Any = None
        with no_grad():
            for group in optimizer.param_groups:
                for one in group["params"]:
                    if one.grad is None:
                        continue
                    if one.grad.dtype.name == "float16":
                        raise ValueError("Attempting to unscale FP16 gradients.")
                    finite = one.grad.isfinite().all()
                    one.grad.mul_(1.0 / self._scale)
                    found = finite if found is None else found & finite
        return None if found is None else ~found

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Step the optimizer with unscaled gradients, unless one of them is inf or nan."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        stage, infinite = self._stages.get(id(optimizer), (OptState.READY, None))
        if stage is OptState.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        if stage is OptState.READY:
            infinite = self._unscale(optimizer)
        assert infinite is not None, "No inf checks were recorded for this optimizer."
        infinite = bool(infinite)
        self._stages[id(optimizer)] = OptState.STEPPED, infinite
        return None if infinite else optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Set the scale for the next turn: smaller after an inf, larger after many turns without one."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        else:
            found = [bool(infinite) for _, infinite in self._stages.values() if infinite is not None]
            assert found, "No inf checks were recorded prior to update."
            if any(found):
                self._scale *= self._backoff_factor
                self._growth_tracker = 0
            elif self._growth_tracker + 1 == self._growth_interval:
                self._scale *= self._growth_factor
                self._growth_tracker = 0
            else:
                self._growth_tracker += 1
        self._stages.clear()

    def get_scale(self) -> float:
        """The scale now."""
        return self._scale if self._enabled else 1.0

    def get_growth_factor(self) -> float:
        """By how much the scale grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set by how much the scale grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """By how much the scale shrinks."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set by how much the scale shrinks."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """After how many turns without an inf the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many turns without an inf the scale grows."""
        self._growth_interval = new_interval

    def is_enabled(self) -> bool:
        """Whether it scales at all."""
        return self._enabled

    def state_dict(self) -> dict[str, Any]:
        """The scale and how it changes; empty if disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._growth_tracker,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state. Raises RuntimeError for an empty one."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of "
                "GradScaler."
            )
        self._scale = state_dict["scale"]
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]
        self._growth_tracker = state_dict["_growth_tracker"]
