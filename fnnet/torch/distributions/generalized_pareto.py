"""The generalized Pareto distribution of what exceeds a threshold."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import Distribution, broadcast_all


class GeneralizedPareto(Distribution):
    """Numbers from `loc`, with a tail that `concentration` bounds, makes exponential, or makes heavy."""

    has_rsample = True
    loc: Any
    scale: Any
    concentration: Any
    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), (), validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = torch.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    def _zero_and_safe(self) -> tuple[Any, Any]:
        zero = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return zero, torch.where(zero, 1.0, self.concentration)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._zero_and_safe()
        power = 1 / safe + torch.ones_like(z)
        tail = torch.where(power == 0, power, power * torch.log1p(safe * z))
        return -self.scale.log() - torch.where(zero, z, tail)

    def log_survival_function(self, value: Any) -> Any:
        """The logarithm of the probability of more."""
        self._checked(value)
        z = (value - self.loc) / self.scale
        zero, safe = self._zero_and_safe()
        return torch.where(zero, -z, -torch.log1p(safe * z) / safe)

    def log_cdf(self, value: Any) -> Any:
        """The logarithm of `cdf`."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Any:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Any:
        zero, safe = self._zero_and_safe()
        log_u = torch.log1p(-value)
        curved = self.loc + self.scale / safe * torch.expm1(-safe * log_u)
        return torch.where(zero, self.loc - self.scale * log_u, curved)

    @property
    def mean(self) -> Any:
        known = self.concentration < 1
        result = self.loc + self.scale / (1 - torch.where(known, self.concentration, 0.5))
        return torch.where(known, result, math.nan)

    @property
    def mode(self) -> Any:
        return self.loc

    @property
    def variance(self) -> Any:
        known = self.concentration < 0.5
        safe = torch.where(known, self.concentration, 0.25)
        result = self.scale**2 / ((1 - safe) ** 2 * (1 - 2 * safe))
        return torch.where(known, result, math.nan)

    def entropy(self) -> Any:
        return (torch.log(self.scale) + self.concentration + 1).expand(self._batch_shape)
