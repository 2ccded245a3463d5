"""Distributions of vectors, and batches of distributions seen as one of vectors."""

from __future__ import annotations

from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import LOG_2PI, Centred, Distribution


def sum_rightmost(value: Any, dims: int) -> Any:
    """Sum over so many of the last dimensions."""
    return value if dims == 0 else value.sum(tuple(range(-dims, 0)))


class Independent(Distribution):
    """A batch of distributions, of which the last dimensions are taken as one event."""

    arg_constraints: ClassVar[dict[str, Any]] = {}

    def __init__(
        self,
        base_distribution: Distribution,
        reinterpreted_batch_ndims: int,
        validate_args: bool | None = None,
    ) -> None:
        base, count = base_distribution, reinterpreted_batch_ndims
        if count > len(base.batch_shape):
            raise ValueError(
                "Expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), actual "
                f"{count} vs {len(base.batch_shape)}"
            )
        shape = base.batch_shape + base.event_shape
        split = len(base.batch_shape) - count
        self.base_dist, self.reinterpreted_batch_ndims = base, count
        self.has_rsample = base.has_rsample
        super().__init__(shape[:split], shape[split:], validate_args)

    @property
    def support(self) -> Any:
        inner = self.base_dist.support
        count = self.reinterpreted_batch_ndims
        return constraints.independent(inner, count) if inner is not None and count else inner

    @property
    def mean(self) -> Any:
        return self.base_dist.mean

    @property
    def mode(self) -> Any:
        return self.base_dist.mode

    @property
    def variance(self) -> Any:
        return self.base_dist.variance

    def sample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Any = ()) -> Any:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Any) -> Any:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Any:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        own = self._event_shape[: self.reinterpreted_batch_ndims]
        base = self.base_dist.expand((*batch_shape, *own))
        return Independent(base, self.reinterpreted_batch_ndims, validate_args=False)

    def __repr__(self) -> str:
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"


class MultivariateNormal(Centred):
    """The normal distribution of vectors, by covariance, precision or a Cholesky factor."""

    support: Any = constraints.real_vector
    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector,
        "covariance_matrix": constraints.positive_definite,
        "precision_matrix": constraints.positive_definite,
        "scale_tril": constraints.lower_cholesky,
    }

    def __init__(
        self,
        loc: Any,
        covariance_matrix: Any = None,
        precision_matrix: Any = None,
        scale_tril: Any = None,
        validate_args: bool | None = None,
    ) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        given = {
            "covariance_matrix": covariance_matrix,
            "scale_tril": scale_tril,
            "precision_matrix": precision_matrix,
        }
        if sum(one is not None for one in given.values()) != 1:
            raise ValueError(
                "Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified."
            )
        name, matrix = next((name, one) for name, one in given.items() if one is not None)
        if matrix.dim() < 2:
            raise ValueError(
                f"{name} must be at least two-dimensional, with optional leading batch dimensions"
            )
        batch = torch.broadcast_shapes(matrix.shape[:-2], loc.shape[:-1])
        size = loc.shape[-1]
        self.loc = loc.expand((*batch, size))
        setattr(self, name, matrix.expand((*batch, size, size)))
        super().__init__(batch, (size,), validate_args)
        if name == "scale_tril":
            self._unbroadcasted_scale_tril = self.__dict__["scale_tril"]
        elif name == "covariance_matrix":
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(self.__dict__["covariance_matrix"])
        else:
            self._unbroadcasted_scale_tril = torch.linalg.cholesky(
                torch.linalg.inv(self.__dict__["precision_matrix"])
            )

    def __getattr__(self, name: str) -> Any:
        tril = self.__dict__.get("_unbroadcasted_scale_tril")
        if tril is not None and name == "scale_tril":
            return tril
        if tril is not None and name == "covariance_matrix":
            return tril @ tril.mT
        if tril is not None and name == "precision_matrix":
            return torch.linalg.inv(tril @ tril.mT)
        raise AttributeError(f"'MultivariateNormal' object has no attribute '{name}'", name=name)

    @property
    def variance(self) -> Any:
        return self._unbroadcasted_scale_tril.pow(2).sum(-1).expand(self._batch_shape + self._event_shape)

    def _parameters(self) -> tuple[str, ...]:
        return (*self.arg_constraints, "_unbroadcasted_scale_tril")

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended_shape(sample_shape)
        eps = torch.empty(shape, dtype=self.loc.dtype, device=self.loc.device).normal_()
        return self.loc + (self._unbroadcasted_scale_tril @ eps.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        difference = (value - self.loc).unsqueeze(-1)
        solved = torch.linalg.solve_triangular(self._unbroadcasted_scale_tril, difference, upper=False)
        distance = solved.squeeze(-1).pow(2).sum(-1)
        half_log_det = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (self._event_shape[0] * LOG_2PI + distance) - half_log_det

    def entropy(self) -> Any:
        half_log_det = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return 0.5 * self._event_shape[0] * (1.0 + LOG_2PI) + half_log_det
