"""The Lewandowski-Kurowicka-Joe distribution of correlation matrices, by their Cholesky factors."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import Distribution, broadcast_all
from fnnet.torch.distributions.gamma import Beta


class LKJCholesky(Distribution):
    """Cholesky factors of dim x dim correlation matrices, uniform for a concentration of 1."""

    support: Any = constraints.corr_cholesky
    concentration: Any
    arg_constraints: ClassVar[dict[str, Any]] = {"concentration": constraints.positive}

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise ValueError(f"Expected dim to be an integer greater than or equal to 2. Found dim={dim}.")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.size(), (dim, dim), validate_args)

    def _beta(self) -> Beta:
        like, marginal = self.concentration, self.concentration + 0.5 * (self.dim - 2)
        offset = torch.arange(-1, self.dim - 1, dtype=like.dtype, device=like.device).clamp(min=0)
        return Beta(offset + 0.5, marginal.unsqueeze(-1) - 0.5 * offset)

    def sample(self, sample_shape: Any = ()) -> Any:
        with torch.no_grad():
            y = self._beta().sample(sample_shape).unsqueeze(-1)
            normal = torch.randn(self._extended_shape(sample_shape), dtype=y.dtype, device=y.device).tril(-1)
            # The first row is zero, and so is its length.
            sphere = torch.where(normal == 0, 0.0, normal / normal.norm(dim=-1, keepdim=True))
            w = torch.sqrt(y) * sphere
            left = torch.clamp(1 - torch.sum(w**2, dim=-1), min=torch.finfo(w.dtype).tiny)
            return w + torch.diag_embed(left.sqrt())

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        n, alpha = self.dim - 1, self.concentration + 0.5 * (self.dim - 1)
        order = torch.arange(2, self.dim + 1, device=self.concentration.device)
        order = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        density = torch.sum(order * value.diagonal(dim1=-1, dim2=-2)[..., 1:].log(), dim=-1)
        norm = 0.5 * n * math.log(math.pi) + torch.mvlgamma(alpha - 0.5, n) - torch.lgamma(alpha) * n
        return density - norm
