"""Activation layers."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from fnnet import functional as F
from fnnet.layers.function_layer import FunctionLayer
from fnnet.layers.layer import Params, Scope
from fnnet.random.source import Source

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Hardshrink",
    "Hardsigmoid",
    "Hardswish",
    "Hardtanh",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "RReLU",
    "ReLU",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmax2d",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Tanh",
    "Tanhshrink",
    "Threshold",
]


@dataclass(frozen=True, repr=False)
class ReLU(FunctionLayer):
    """max(x, 0), as torch.nn.ReLU."""

    inplace: bool = False
    function = staticmethod(F.relu)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class ReLU6(FunctionLayer):
    """min(max(x, 0), 6), as torch.nn.ReLU6."""

    inplace: bool = False
    function = staticmethod(F.relu6)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class Threshold(FunctionLayer):
    """The input where it is above `threshold`, `value` elsewhere, as torch.nn.Threshold."""

    threshold: float
    value: float
    inplace: bool = False
    function = staticmethod(F.threshold)
    shown = ("threshold", "value")
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class RReLU(FunctionLayer):
    """Leaky ReLU with random slopes in training, as torch.nn.RReLU."""

    lower: float = 1.0 / 8
    upper: float = 1.0 / 3
    inplace: bool = False
    shown = ("lower", "upper")
    shows_inplace = True

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        key = scope.source if scope.training else None
        return F.rrelu(input, self.lower, self.upper, scope.training, key=key)


@dataclass(frozen=True, repr=False)
class Hardtanh(FunctionLayer):
    """The input clipped to [min_val, max_val], as torch.nn.Hardtanh."""

    min_val: float = -1.0
    max_val: float = 1.0
    inplace: bool = False
    function = staticmethod(F.hardtanh)
    shown = ("min_val", "max_val")
    shows_inplace = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_val <= self.min_val:
            raise AssertionError(
                f"Hardtanh: max_val must be greater than min_val, got {self.min_val} and {self.max_val}"
            )


@dataclass(frozen=True, repr=False)
class Sigmoid(FunctionLayer):
    """1 / (1 + exp(-x)), as torch.nn.Sigmoid."""

    function = staticmethod(F.sigmoid)


@dataclass(frozen=True, repr=False)
class Hardsigmoid(FunctionLayer):
    """min(max(x + 3, 0), 6) / 6, as torch.nn.Hardsigmoid."""

    inplace: bool = False
    function = staticmethod(F.hardsigmoid)


@dataclass(frozen=True, repr=False)
class Tanh(FunctionLayer):
    """Hyperbolic tangent, as torch.nn.Tanh."""

    function = staticmethod(F.tanh)


@dataclass(frozen=True, repr=False)
class SiLU(FunctionLayer):
    """x * sigmoid(x), as torch.nn.SiLU."""

    inplace: bool = False
    function = staticmethod(F.silu)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class Mish(FunctionLayer):
    """x * tanh(softplus(x)), as torch.nn.Mish."""

    inplace: bool = False
    function = staticmethod(F.mish)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class Hardswish(FunctionLayer):
    """x * min(max(x + 3, 0), 6) / 6, as torch.nn.Hardswish."""

    inplace: bool = False
    function = staticmethod(F.hardswish)


@dataclass(frozen=True, repr=False)
class ELU(FunctionLayer):
    """x where positive, alpha * (exp(x) - 1) elsewhere, as torch.nn.ELU."""

    alpha: float = 1.0
    inplace: bool = False
    function = staticmethod(F.elu)
    shown = ("alpha",)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class CELU(FunctionLayer):
    """x where positive, alpha * (exp(x / alpha) - 1) elsewhere, as torch.nn.CELU."""

    alpha: float = 1.0
    inplace: bool = False
    function = staticmethod(F.celu)
    shown = ("alpha",)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class SELU(FunctionLayer):
    """Scaled ELU, as torch.nn.SELU."""

    inplace: bool = False
    function = staticmethod(F.selu)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class GLU(FunctionLayer):
    """First half of `dim` times the sigmoid of the second, as torch.nn.GLU."""

    dim: int = -1
    function = staticmethod(F.glu)
    shown = ("dim",)


@dataclass(frozen=True, repr=False)
class GELU(FunctionLayer):
    """x * Phi(x), as torch.nn.GELU."""

    approximate: str = "none"
    function = staticmethod(F.gelu)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


@dataclass(frozen=True, repr=False)
class Hardshrink(FunctionLayer):
    """x outside [-lambd, lambd], 0 within, as torch.nn.Hardshrink."""

    lambd: float = 0.5
    function = staticmethod(F.hardshrink)
    shown = ("=lambd",)


@dataclass(frozen=True, repr=False)
class Softshrink(FunctionLayer):
    """x moved towards 0 by lambd, 0 within [-lambd, lambd], as torch.nn.Softshrink."""

    lambd: float = 0.5
    function = staticmethod(F.softshrink)
    shown = ("=lambd",)


@dataclass(frozen=True, repr=False)
class LeakyReLU(FunctionLayer):
    """x where positive, negative_slope * x elsewhere, as torch.nn.LeakyReLU."""

    negative_slope: float = 0.01
    inplace: bool = False
    function = staticmethod(F.leaky_relu)
    shown = ("negative_slope",)
    shows_inplace = True


@dataclass(frozen=True, repr=False)
class LogSigmoid(FunctionLayer):
    """log(sigmoid(x)), as torch.nn.LogSigmoid."""

    function = staticmethod(F.logsigmoid)


@dataclass(frozen=True, repr=False)
class Softplus(FunctionLayer):
    """log(1 + exp(beta x)) / beta, as torch.nn.Softplus."""

    beta: float = 1.0
    threshold: float = 20.0
    function = staticmethod(F.softplus)
    shown = ("beta", "threshold")


@dataclass(frozen=True, repr=False, init=False)
class PReLU(FunctionLayer):
    """x where positive, weight * x elsewhere, with weight (num_parameters,) learned, as torch.nn.PReLU."""

    num_parameters: int
    initial: float
    shown = ("num_parameters",)

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        object.__setattr__(self, "num_parameters", num_parameters)
        object.__setattr__(self, "initial", init)

    def own_parameters(self, source: Source, dtype: DTypeLike) -> Params:
        return {"weight": jnp.full((self.num_parameters,), self.initial, dtype)}

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        return F.prelu(input, scope["weight"])


@dataclass(frozen=True, repr=False)
class Softsign(FunctionLayer):
    """x / (1 + |x|), as torch.nn.Softsign."""

    function = staticmethod(F.softsign)


@dataclass(frozen=True, repr=False)
class Tanhshrink(FunctionLayer):
    """x - tanh(x), as torch.nn.Tanhshrink."""

    function = staticmethod(F.tanhshrink)


@dataclass(frozen=True, repr=False)
class Softmin(FunctionLayer):
    """softmax(-x) along `dim`, as torch.nn.Softmin."""

    dim: int | None = None
    function = staticmethod(F.softmin)
    shown = ("dim",)


@dataclass(frozen=True, repr=False)
class Softmax(FunctionLayer):
    """exp(x) over its sum along `dim`, as torch.nn.Softmax."""

    dim: int | None = None
    function = staticmethod(F.softmax)
    shown = ("dim",)


@dataclass(frozen=True, repr=False)
class LogSoftmax(FunctionLayer):
    """log(softmax(x)) along `dim`, as torch.nn.LogSoftmax."""

    dim: int | None = None
    function = staticmethod(F.log_softmax)
    shown = ("dim",)


@dataclass(frozen=True, repr=False)
class Softmax2d(FunctionLayer):
    """Softmax over the channels of (N, C, H, W) or (C, H, W), as torch.nn.Softmax2d."""

    def forward(self, scope: Scope, /, input: jax.Array) -> jax.Array:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3)
