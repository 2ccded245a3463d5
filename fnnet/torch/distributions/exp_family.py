"""The base of distributions that give their densities by natural parameters."""

from __future__ import annotations

from typing import Any

from fnnet import torch
from fnnet.torch.distributions.distribution import Distribution


class ExponentialFamily(Distribution):
    """A family p(x) = exp(<t(x), n> - F(n) + k(x)): subclasses give n, F and the mean of k."""

    @property
    def _natural_params(self) -> tuple[Any, ...]:
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> float:
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        raise NotImplementedError

    def entropy(self) -> Any:
        """F(n) - <n, F'(n)> - E[k]: the Bregman divergence of F."""
        natural = [one.detach().requires_grad_() for one in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        slopes = torch.autograd.grad(normalizer.sum(), natural, create_graph=True)
        found = normalizer - self._mean_carrier_measure
        for one, slope in zip(natural, slopes, strict=True):
            found = found - (one * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return found
