"""The gamma distribution and what is made of it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from jax import lax
from jax import numpy as jnp

from fnnet import torch
from fnnet.torch.autograd import Function
from fnnet.torch.call import apply
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import Distribution, broadcast_all
from fnnet.torch.plan import plan_of
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor, from_array

F: Any = torch.nn.functional


def _standard(kind: str, alpha: Tensor) -> Any:
    """Draws from the default generator: `standard_gamma` or `dirichlet` of these concentrations."""
    drawn = getattr(default_generator, kind)(np.asarray(alpha.detach().cpu()))
    return from_array(drawn, alpha.device)


def _by_plan(function: Any, *tensors: Tensor) -> Tensor:
    """An elementwise function of arrays on tensors of one shape."""
    return apply(plan_of(function, tuple([one._spec for one in tensors])), tensors, ())[0]


def _share_slope(x: Any, alpha: Any, total: Any) -> Any:
    """-(dF/dalpha) / (f (1 - x)) for F, f of Beta(alpha, total - alpha): how a share of a whole moves.

    F is that of the lower or the upper tail, whichever is smaller; its derivative is a central difference,
    which in double precision is right to ten digits.
    """
    kind = x.dtype
    x, a, b = (one.astype(np.float64) for one in (x, alpha, total - alpha))
    step = 1e-5 * (1 + a)
    lower = x < a / (a + b)

    def tail(a: Any) -> Any:
        below = lax.betainc(jnp.where(lower, a, b), jnp.where(lower, b, a), jnp.where(lower, x, 1 - x))
        return jnp.where(lower, below, -below)

    slope = (tail(a + step) - tail(a - step)) / (2 * step)
    log_density = (a - 1) * jnp.log(x) + b * jnp.log1p(-x)
    log_density += lax.lgamma(a + b) - lax.lgamma(a) - lax.lgamma(b)
    return (-slope / jnp.exp(log_density)).astype(kind)


class _StandardGamma(Function):
    """Draws whose derivative is that of the inverse of the distribution function."""

    @staticmethod
    def forward(ctx: Any, alpha: Any) -> Any:
        drawn = _standard("standard_gamma", alpha)
        ctx.save_for_backward(alpha, drawn)
        return drawn

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        return grad * _by_plan(lax.random_gamma_grad, *ctx.saved_tensors)


class _StandardDirichlet(Function):
    """Draws whose derivative moves one share of the whole, the others in proportion."""

    @staticmethod
    def forward(ctx: Any, alpha: Any) -> Any:
        drawn = _standard("dirichlet", alpha)
        ctx.save_for_backward(alpha, drawn)
        return drawn

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        alpha, drawn = ctx.saved_tensors
        total = alpha.sum(-1, True).expand_as(alpha)
        slope = _by_plan(_share_slope, drawn, alpha.contiguous(), total.contiguous())
        return slope * (grad - (drawn * grad).sum(-1, True))


class Gamma(Distribution):
    """The gamma distribution."""

    has_rsample = True
    support: Any = constraints.nonnegative
    concentration: Any
    rate: Any
    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration": constraints.positive,
        "rate": constraints.positive,
    }

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(self.concentration.shape, (), validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        drawn = _StandardGamma.apply(self.concentration.expand(shape)) / self.rate.expand(shape)
        drawn.detach().clamp_(min=torch.finfo(drawn.dtype).tiny)  # outside of the graph, as PyTorch does
        return drawn

    @property
    def mean(self) -> Any:
        return self.concentration / self.rate

    @property
    def mode(self) -> Any:
        return ((self.concentration - 1) / self.rate).clamp(min=0)

    @property
    def variance(self) -> Any:
        return self.concentration / self.rate.pow(2)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        return (
            torch.xlogy(self.concentration, self.rate)
            + torch.xlogy(self.concentration - 1, value)
            - self.rate * value
            - torch.lgamma(self.concentration)
        )

    def cdf(self, value: Any) -> Any:
        self._checked(value)
        return torch.special.gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Any:
        return (
            self.concentration
            - self.rate.log()
            + torch.lgamma(self.concentration)
            + (1.0 - self.concentration) * torch.digamma(self.concentration)
        )


class Chi2(Gamma):
    """The chi-squared distribution: a gamma distribution of half the degrees of freedom and rate 1/2."""

    arg_constraints: ClassVar[dict[str, Any]] = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        (df,) = broadcast_all(df)
        super().__init__(0.5 * df, 0.5, validate_args)

    @property
    def df(self) -> Any:
        """The degrees of freedom."""
        return self.concentration * 2

    def __repr__(self) -> str:
        return "Chi2()"


class Dirichlet(Distribution):
    """The Dirichlet distribution of vectors that sum to 1."""

    has_rsample = True
    support: Any = constraints.simplex
    concentration: Any
    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration": constraints.IndependentConstraint(constraints.positive, 1)
    }

    def __init__(self, concentration: Any, validate_args: bool | None = None) -> None:
        if concentration.dim() < 1:
            raise ValueError("`concentration` parameter must be at least one-dimensional.")
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return _StandardDirichlet.apply(self.concentration.expand(self._extended_shape(sample_shape)))

    @property
    def mean(self) -> Any:
        return self.concentration / self.concentration.sum(-1, True)

    @property
    def mode(self) -> Any:
        above = (self.concentration - 1).clamp(min=0.0)
        mode = above / above.sum(-1, True)
        flat = (self.concentration < 1).all(dim=-1)
        mode[flat] = F.one_hot(mode[flat].argmax(dim=-1), above.shape[-1]).to(mode)
        return mode

    @property
    def variance(self) -> Any:
        total = self.concentration.sum(-1, True)
        return self.concentration * (total - self.concentration) / (total.pow(2) * (total + 1))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        return (
            torch.xlogy(self.concentration - 1.0, value).sum(-1)
            + torch.lgamma(self.concentration.sum(-1))
            - torch.lgamma(self.concentration).sum(-1)
        )

    def entropy(self) -> Any:
        size = self.concentration.size(-1)
        total = self.concentration.sum(-1)
        return (
            torch.lgamma(self.concentration).sum(-1)
            - torch.lgamma(total)
            - (size - total) * torch.digamma(total)
            - ((self.concentration - 1.0) * torch.digamma(self.concentration)).sum(-1)
        )


class Beta(Distribution):
    """The beta distribution."""

    has_rsample = True
    support: Any = constraints.unit_interval
    arg_constraints: ClassVar[dict[str, Any]] = {
        "concentration1": constraints.positive,
        "concentration0": constraints.positive,
    }

    def __init__(self, concentration1: Any, concentration0: Any, validate_args: bool | None = None) -> None:
        self.concentration1: Any
        self.concentration0: Any
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        super().__init__(self.concentration1.shape, (), validate_args)

    @property
    def mode(self) -> Any:
        return self._dirichlet().mode[..., 0]

    @property
    def mean(self) -> Any:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def variance(self) -> Any:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total.pow(2) * (total + 1))

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self._dirichlet().rsample(sample_shape).select(-1, 0)

    def _dirichlet(self) -> Dirichlet:
        both = torch.stack([self.concentration1, self.concentration0], -1)
        return Dirichlet(both, validate_args=False)

    def __repr__(self) -> str:
        return "Beta()"

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        return self._dirichlet().log_prob(torch.stack([value, 1.0 - value], -1))

    def entropy(self) -> Any:
        return self._dirichlet().entropy()
