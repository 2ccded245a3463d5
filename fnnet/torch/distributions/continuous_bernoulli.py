"""The continuous Bernoulli distribution, of Loaiza-Ganem and Cunningham, NeurIPS 2019."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.discrete import _Either
from fnnet.torch.distributions.distribution import broadcast_all
from fnnet.torch.distributions.exp_family import ExponentialFamily
from fnnet.torch.distributions.utils import clamp_probs, logits_to_probs

F: Any = torch.nn.functional


class ContinuousBernoulli(_Either, ExponentialFamily):
    """Densities on [0, 1] proportional to p^x (1-p)^(1-x); near p = 1/2 its moments are by Taylor."""

    support: Any = constraints.unit_interval
    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }

    def __init__(
        self,
        probs: Any = None,
        logits: Any = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ) -> None:
        given = self._give(probs, logits)
        (value,) = broadcast_all(given)
        if probs is not None:
            if validate_args is not None and not constraints.unit_interval.check(value).all():
                raise ValueError("The parameter probs has invalid values")
            value = clamp_probs(value)
        setattr(self, self._given, value)
        self._lims = lims
        super().__init__(value.size(), (), validate_args)

    def __getattr__(self, name: str) -> Any:
        if name == "probs" and "logits" in self.__dict__:
            self.probs = clamp_probs(logits_to_probs(self.logits, is_binary=True))
            return self.probs
        return super().__getattr__(name)

    def _by_side(self, formula: Any, near_half: Any) -> Any:
        """A formula of p where it is stable, and what stands for it near 1/2."""
        low, high = self._lims
        stable = (self.probs <= low) | (self.probs > high)
        return torch.where(stable, formula(torch.where(stable, self.probs, low)), near_half)

    def _log_constant(self) -> Any:
        def formula(p: Any) -> Any:
            return _log_odds(p).abs().log() - torch.log(torch.abs(1.0 - 2.0 * p))

        x = (self.probs - 0.5) ** 2
        return self._by_side(formula, math.log(2.0) + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Any:
        x = self.probs - 0.5
        return self._by_side(
            lambda p: p / (2.0 * p - 1.0) - 1.0 / _log_odds(p), 0.5 + (1 / 3 + 16 / 45 * x**2) * x
        )

    @property
    def variance(self) -> Any:
        x = (self.probs - 0.5) ** 2
        return self._by_side(
            lambda p: p * (p - 1.0) / (1.0 - 2.0 * p) ** 2 + 1.0 / _log_odds(p) ** 2,
            1 / 12 - (1 / 15 - 128 / 945 * x) * x,
        )

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        logits, value = broadcast_all(self.logits, value)
        return self._log_constant() - F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def cdf(self, value: Any) -> Any:
        self._checked(value)

        def formula(p: Any) -> Any:
            return (p**value * (1.0 - p) ** (1.0 - value) + p - 1.0) / (2.0 * p - 1.0)

        inside = self._by_side(formula, value)
        above = torch.where(value >= 1.0, torch.ones_like(value), inside)
        return torch.where(value <= 0.0, torch.zeros_like(value), above)

    def icdf(self, value: Any) -> Any:
        def formula(p: Any) -> Any:
            return (torch.log1p(-p + value * (2.0 * p - 1.0)) - torch.log1p(-p)) / _log_odds(p)

        return self._by_side(formula, value)

    def entropy(self) -> Any:
        none, one = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (none - one) - self._log_constant() - none

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        return (self.logits,)


def _log_odds(p: Any) -> Any:
    return torch.log(p) - torch.log1p(-p)
