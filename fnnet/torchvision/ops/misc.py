"""Layers in a row, derived from `fnnet.models.blocks`, and batch normalisation that stays as it is."""

from __future__ import annotations

from typing import Any

from fnnet.models import blocks as _layers
from fnnet.torch import ones, zeros
from fnnet.torch.nn import Module
from fnnet.torch.nn.derive import module_class

__all__ = ["MLP", "Conv2dNormActivation", "FrozenBatchNorm2d"]

Conv2dNormActivation = module_class(_layers.Conv2dNormActivation, __name__)
MLP = module_class(_layers.MLP, __name__)


class FrozenBatchNorm2d(Module):
    """Batch normalisation of (N, C, H, W) whose statistics, weight and bias are all buffers."""

    def __init__(self, num_features: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("weight", ones(num_features))
        self.register_buffer("bias", zeros(num_features))
        self.register_buffer("running_mean", zeros(num_features))
        self.register_buffer("running_var", ones(num_features))

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        state_dict.pop(prefix + "num_batches_tracked", None)
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def forward(self, x: Any) -> Any:
        """x scaled and shifted, channel by channel."""
        weight, bias, mean, variance = (
            self._buffers[name].reshape(1, -1, 1, 1)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = weight * (variance + self.eps).rsqrt()
        return x * scale + (bias - mean * scale)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._buffers['weight'].shape[0]}, eps={self.eps})"
