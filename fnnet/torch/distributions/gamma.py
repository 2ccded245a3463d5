"""The gamma distribution and what is made of it. Samples carry no gradients to the concentrations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import Distribution, broadcast_all
from fnnet.torch.random import default_generator
from fnnet.torch.tensor import Tensor, from_array

F: Any = torch.nn.functional


def _standard(kind: str, alpha: Tensor) -> Any:
    """Draws from the default generator: `standard_gamma` or `dirichlet` of these concentrations."""
    drawn = getattr(default_generator, kind)(np.asarray(alpha.detach().cpu()))
    return from_array(drawn, alpha.device)


class _Drawn(Distribution):
    def rsample(self, sample_shape: Any = ()) -> Any:
        """Raises NotImplementedError: there is no derivative of the draws."""
        raise NotImplementedError(
            f"fnnet.torch: torch.distributions.{type(self).__name__}.rsample is not supported; sample() is"
        )


class Gamma(_Drawn):
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

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            return self._of_rate(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        """Samples with gradients to the rate. Raises NotImplementedError if the concentration needs one."""
        if torch.is_grad_enabled() and self.concentration.requires_grad:
            return super().rsample(sample_shape)
        return self._of_rate(sample_shape)

    def _of_rate(self, sample_shape: Any) -> Any:
        shape = self._extended_shape(sample_shape)
        drawn = _standard("standard_gamma", self.concentration.expand(shape)) / self.rate.expand(shape)
        return drawn.clamp(min=torch.finfo(drawn.dtype).tiny)

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


class Dirichlet(_Drawn):
    """The Dirichlet distribution of vectors that sum to 1."""

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

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            return _standard("dirichlet", self.concentration.expand(self._extended_shape(sample_shape)))

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


class Beta(_Drawn):
    """The beta distribution."""

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

    def sample(self, sample_shape: Any = ()) -> Any:
        return self._dirichlet().sample(sample_shape).select(-1, 0)

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
