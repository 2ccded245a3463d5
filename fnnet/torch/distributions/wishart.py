"""The Wishart distribution of positive definite matrices."""

from __future__ import annotations

import math
import warnings
from typing import Any

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.exp_family import ExponentialFamily
from fnnet.torch.distributions.gamma import Chi2


class Wishart(ExponentialFamily):
    """Sums of `df` outer products of normal vectors; draws by Bartlett's decomposition."""

    support: Any = constraints.positive_definite
    has_rsample = True
    df: Any

    @property
    def arg_constraints(self) -> dict[str, Any]:  # type: ignore[override]
        """What the parameters must satisfy: `df` by the size of the matrices."""
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def __init__(
        self,
        df: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        if sum(one is not None for one in given.values()) != 1:
            raise AssertionError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        name, matrix = next((name, one) for name, one in given.items() if one is not None)
        if matrix.dim() < 2:
            raise ValueError(
                "scale_tril must be at least two-dimensional, with optional leading batch dimensions"
            )
        if isinstance(df, int | float):
            batch = matrix.shape[:-2]
            self.df = torch.tensor(df, dtype=matrix.dtype, device=matrix.device)
        else:
            batch = torch.broadcast_shapes(matrix.shape[:-2], df.shape)
            self.df = df.expand(batch)
        size = matrix.shape[-1]
        if self.df.le(size - 1).any():
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {size - 1}.")
        setattr(self, name, matrix.expand((*batch, -1, -1)))
        if self.df.lt(size).any():
            warnings.warn(
                "Low df values detected. Singular samples are highly likely to occur for ndim - 1 < df < "
                "ndim.",
                stacklevel=2,
            )
        super().__init__(batch, matrix.shape[-2:], validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(matrix)
        else:
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(torch.linalg.inv(matrix))

    def __getattr__(self, name: str) -> Any:
        tril = self.__dict__.get("_unbroadcasted_scale_tril")
        if tril is None or name not in ("scale_tril", "covariance_matrix", "precision_matrix"):
            raise AttributeError(f"'Wishart' object has no attribute '{name}'", name=name)
        found = tril
        if name == "covariance_matrix":
            found = tril @ tril.mT
        elif name == "precision_matrix":
            identity = torch.eye(tril.shape[-1], dtype=tril.dtype, device=tril.device)
            found = torch.cholesky_solve(identity, tril)
        return found.expand(self._batch_shape + self._event_shape)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a batch shape."""
        made = self._get_checked_instance(Wishart, _instance)
        batch, size = torch.Size(batch_shape), self._event_shape
        for name in ("scale_tril", "covariance_matrix", "precision_matrix", "_unbroadcasted_scale_tril"):
            if name in self.__dict__:
                made.__dict__[name] = self.__dict__[name].expand(batch + size)
        made.df = self.df.expand(batch)
        super(Wishart, made).__init__(batch, size, validate_args=False)
        made._validate_args = self._validate_args
        return made

    @property
    def mean(self) -> Any:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Any:
        factor = self.df - self._event_shape[-1] - 1
        return torch.where(factor <= 0, math.nan, factor)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Any:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v**2 + diagonal[..., :, None] * diagonal[..., None, :])

    def _bartlett(self, sample_shape: Any) -> Any:
        tril, size = self._unbroadcasted_scale_tril, self._event_shape[-1]
        places = torch.arange(size, dtype=tril.dtype, device=tril.device)
        squares = Chi2((self.df.unsqueeze(-1) - places).expand((*self._batch_shape, size)))
        roots = squares.rsample(sample_shape).sqrt().clamp(min=torch.finfo(tril.dtype).eps)
        factor = roots.diag_embed()
        rows, columns = torch.tril_indices(size, size, offset=-1)
        below = (*sample_shape, *self._batch_shape, size * (size - 1) // 2)
        factor[..., rows, columns] = torch.randn(below, dtype=tril.dtype, device=tril.device)
        chol = tril @ factor
        return chol @ chol.mT

    def rsample(self, sample_shape: Any = (), max_try_correction: int | None = None) -> Any:
        """Samples; drawn anew up to 10 times where PyTorch's check, of the positive definite, says so."""
        sample = self._bartlett(sample_shape)
        again = self.support.check(sample)
        if self._batch_shape:
            again = again.amax(tuple(range(-len(self._batch_shape), 0)))
        if again.any():
            warnings.warn("Singular sample detected.", stacklevel=2)
            for _ in range(10 if max_try_correction is None else max_try_correction):
                drawn = self._bartlett(again[again].shape)
                sample[again] = drawn
                still = ~self.support.check(drawn)
                if self._batch_shape:
                    still = still.amax(tuple(range(-len(self._batch_shape), 0)))
                again[again.clone()] = still
                if not again.any():
                    break
        return sample

    def _log_det(self) -> Any:
        return self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        nu, size = self.df, self._event_shape[-1]
        solved = torch.cholesky_solve(value, self._unbroadcasted_scale_tril)
        return (
            -nu * (size * math.log(2) / 2 + self._log_det())
            - torch.mvlgamma(nu / 2, p=size)
            + (nu - size - 1) / 2 * torch.linalg.slogdet(value).logabsdet
            - solved.diagonal(dim1=-2, dim2=-1).sum(dim=-1) / 2
        )

    def entropy(self) -> Any:
        nu, size = self.df, self._event_shape[-1]
        halves = torch.arange(size, dtype=nu.dtype, device=nu.device) / 2
        return (
            (size + 1) * (size * math.log(2) / 2 + self._log_det())
            + torch.mvlgamma(nu / 2, p=size)
            - (nu - size - 1) / 2 * torch.digamma((nu / 2).unsqueeze(-1) - halves).sum(-1)
            + nu * size / 2
        )
