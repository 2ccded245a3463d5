"""The von Mises distribution of angles."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import Centred, broadcast_all


class VonMises(Centred):
    """Angles about `loc`; draws by the rejection of Best and Fisher, Applied Statistics 28, 1979."""

    support: Any = constraints.real
    concentration: Any
    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real,
        "concentration": constraints.positive,
    }

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, (), validate_args)

    @property
    def variance(self) -> Any:
        """The circular variance, 1 - I1 / I0."""
        return 1 - torch.special.i1e(self.concentration) / torch.special.i0e(self.concentration)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        log_bessel = torch.special.i0e(self.concentration).log() + self.concentration
        return self.concentration * torch.cos(value - self.loc) - math.log(2 * math.pi) - log_bessel

    def _reach(self, kappa: Any) -> Any:
        """The parameter of the wrapped Cauchy distribution from which angles are proposed."""
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape: Any = ()) -> Any:
        """Samples, drawn in double precision as PyTorch draws them."""
        shape = self._extended_shape(sample_shape)
        with torch.no_grad():
            loc, kappa = self.loc.double(), self.concentration.double()
            reach = self._reach(kappa)
            found: Any = torch.zeros(shape, dtype=torch.float64, device=loc.device)
            done = torch.zeros(shape, dtype=torch.bool, device=loc.device)
            while not done.all():
                first, second, sign = torch.rand((3, *shape), dtype=torch.float64, device=loc.device).unbind()
                z = torch.cos(math.pi * first)
                f = (1 + reach * z) / (reach + z)
                c = kappa * (reach - f)
                accepted = (c * (2 - c) - second > 0) | ((c / second).log() + 1 - c >= 0)
                found = torch.where(accepted, (sign - 0.5).sign() * f.acos(), found)
                done = done | accepted
            return ((found + math.pi + loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)
