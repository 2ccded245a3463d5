"""torch.distributions.transforms: invertible functions with the logarithm of their Jacobian's determinant."""

from __future__ import annotations

import math
from typing import Any

from fnnet import torch
from fnnet.torch.declare import NAMESPACES
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.joined_transforms import CatTransform as CatTransform
from fnnet.torch.distributions.joined_transforms import (
    CumulativeDistributionTransform as CumulativeDistributionTransform,
)
from fnnet.torch.distributions.joined_transforms import ReshapeTransform as ReshapeTransform
from fnnet.torch.distributions.joined_transforms import StackTransform as StackTransform
from fnnet.torch.distributions.transform import ComposeTransform as ComposeTransform
from fnnet.torch.distributions.transform import IndependentTransform as IndependentTransform
from fnnet.torch.distributions.transform import Transform as Transform
from fnnet.torch.distributions.transform import _InverseTransform as _InverseTransform
from fnnet.torch.distributions.transform import identity_transform as identity_transform
from fnnet.torch.distributions.vector_transforms import CorrCholeskyTransform as CorrCholeskyTransform
from fnnet.torch.distributions.vector_transforms import LowerCholeskyTransform as LowerCholeskyTransform
from fnnet.torch.distributions.vector_transforms import PositiveDefiniteTransform as PositiveDefiniteTransform
from fnnet.torch.distributions.vector_transforms import SoftmaxTransform as SoftmaxTransform
from fnnet.torch.distributions.vector_transforms import StickBreakingTransform as StickBreakingTransform
from fnnet.torch.tensor import Tensor

__all__ = [
    "AbsTransform", "AffineTransform", "CatTransform", "ComposeTransform", "CorrCholeskyTransform",
    "CumulativeDistributionTransform", "ExpTransform", "IndependentTransform", "LowerCholeskyTransform",
    "PositiveDefiniteTransform", "PowerTransform", "ReshapeTransform", "SigmoidTransform", "SoftmaxTransform",
    "SoftplusTransform", "StackTransform", "StickBreakingTransform", "TanhTransform", "Transform",
    "identity_transform",
]  # fmt: skip

_softplus = NAMESPACES["nn.functional"]["softplus"]


class _Simple(Transform):
    """An increasing function without parameters: equal to every other of its class."""

    bijective = True
    _sign = 1

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


class ExpTransform(_Simple):
    """y = exp(x)."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class SigmoidTransform(_Simple):
    """y = 1 / (1 + exp(-x)), kept off 0 and 1."""

    codomain = constraints.unit_interval

    @staticmethod
    def _inside(y: Any) -> Any:
        limits = torch.finfo(y.dtype)
        return y.clamp(min=limits.tiny, max=1.0 - limits.eps)

    def _call(self, x: Any) -> Any:
        return self._inside(torch.sigmoid(x))

    def _inverse(self, y: Any) -> Any:
        y = self._inside(y)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x) - _softplus(x)


class SoftplusTransform(_Simple):
    """y = log(1 + exp(x))."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return _softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -_softplus(-x)


class TanhTransform(_Simple):
    """y = tanh(x); with a cache the inverse of what it gave is exact."""

    codomain = constraints.interval(lower_bound=-1.0, upper_bound=1.0)

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return 2.0 * (math.log(2.0) - x - _softplus(-2.0 * x))


class AbsTransform(Transform):
    """y = |x|."""

    codomain = constraints.positive

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AbsTransform)

    def __hash__(self) -> int:
        return hash(AbsTransform)


class PowerTransform(Transform):
    """y = x ** exponent, for positive x."""

    domain = codomain = constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.exponent = exponent if isinstance(exponent, Tensor) else torch.tensor(exponent)

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(self.exponent.reciprocal())

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()

    def forward_shape(self, shape: Any) -> Any:
        return torch.broadcast_shapes(shape, tuple(self.exponent.shape))

    inverse_shape = forward_shape


class AffineTransform(Transform):
    """y = loc + scale x."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim
        if event_dim:
            self.domain = self.codomain = constraints.independent(constraints.real, event_dim)

    @property
    def event_dim(self) -> int:
        return self._event_dim

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, Tensor):
            return self.scale.sign()
        return 1 if float(self.scale) > 0 else -1 if float(self.scale) < 0 else 0

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        shape, scale = x.shape, self.scale
        if isinstance(scale, Tensor):
            made = torch.abs(scale).log()
        else:
            made = torch.full_like(x, math.log(abs(scale)))
        if self._event_dim:
            made = made.view((*made.shape[: -self._event_dim], -1)).sum(-1)
            shape = shape[: -self._event_dim]
        return made.expand(shape)

    def forward_shape(self, shape: Any) -> Any:
        return torch.broadcast_shapes(
            shape, tuple(getattr(self.loc, "shape", ())), tuple(getattr(self.scale, "shape", ()))
        )

    inverse_shape = forward_shape
