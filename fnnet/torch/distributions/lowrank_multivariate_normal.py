"""The normal distribution of vectors whose covariance is a low-rank matrix plus a diagonal."""

from __future__ import annotations

from typing import Any, ClassVar

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.distribution import LOG_2PI, Centred
from fnnet.torch.distributions.utils import _standard_normal, lazy_property


def _times(matrix: Any, vector: Any) -> Any:
    return torch.matmul(matrix, vector.unsqueeze(-1)).squeeze(-1)


def _one_more(matrix: Any) -> Any:
    """The Cholesky factor of a matrix plus the identity."""
    return torch.linalg.cholesky(
        matrix + torch.eye(matrix.shape[-1], dtype=matrix.dtype, device=matrix.device)
    )


class LowRankMultivariateNormal(Centred):
    """The normal distribution of covariance cov_factor @ cov_factor.T + diag(cov_diag)."""

    support: Any = constraints.real_vector
    has_rsample = True
    arg_constraints: ClassVar[dict[str, Any]] = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }

    def __init__(self, loc: Any, cov_factor: Any, cov_diag: Any, validate_args: bool | None = None) -> None:
        if loc.dim() < 1:
            raise ValueError("loc must be at least one-dimensional.")
        event_shape = loc.shape[-1:]
        if cov_factor.dim() < 2:
            raise ValueError(
                "cov_factor must be at least two-dimensional, with optional leading batch dimensions"
            )
        if cov_factor.shape[-2:-1] != event_shape:
            raise ValueError(f"cov_factor must be a batch of matrices with shape {event_shape[0]} x m")
        if cov_diag.shape[-1:] != event_shape:
            raise ValueError(f"cov_diag must be a batch of vectors with shape {event_shape}")
        try:
            wide, self.cov_factor, diagonal = torch.broadcast_tensors(
                loc.unsqueeze(-1), cov_factor, cov_diag.unsqueeze(-1)
            )
        except RuntimeError as error:
            raise ValueError(
                f"Incompatible batch shapes: loc {loc.shape}, cov_factor {cov_factor.shape}, "
                f"cov_diag {cov_diag.shape}"
            ) from error
        self.loc, self.cov_diag = wide[..., 0], diagonal[..., 0]
        self._unbroadcasted_cov_factor, self._unbroadcasted_cov_diag = cov_factor, cov_diag
        self._capacitance_tril = _one_more(self._over_diagonal() @ cov_factor)
        super().__init__(self.loc.shape[:-1], event_shape, validate_args)

    def _over_diagonal(self) -> Any:
        return self._unbroadcasted_cov_factor.mT / self._unbroadcasted_cov_diag.unsqueeze(-2)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution with parameters expanded to a batch shape."""
        made = super().expand(batch_shape, _instance)
        for name in ("variance", "scale_tril", "covariance_matrix", "precision_matrix"):
            made.__dict__.pop(name, None)
        return made

    def _square(self, matrix: Any) -> Any:
        return matrix.expand(self._batch_shape + self._event_shape + self._event_shape)

    @lazy_property
    def variance(self) -> Any:
        """The covariance's diagonal."""
        variance = self._unbroadcasted_cov_factor.pow(2).sum(-1) + self._unbroadcasted_cov_diag
        return variance.expand(self._batch_shape + self._event_shape)

    @lazy_property
    def scale_tril(self) -> Any:
        """The covariance's Cholesky factor."""
        root = self._unbroadcasted_cov_diag.sqrt().unsqueeze(-1)
        scaled = self._unbroadcasted_cov_factor / root
        return self._square(root * _one_more(scaled @ scaled.mT))

    @lazy_property
    def covariance_matrix(self) -> Any:
        """The covariance."""
        factor = self._unbroadcasted_cov_factor
        return self._square(factor @ factor.mT + torch.diag_embed(self._unbroadcasted_cov_diag))

    @lazy_property
    def precision_matrix(self) -> Any:
        """The covariance's inverse, by Woodbury's identity."""
        solved = self._solved()
        diagonal = torch.diag_embed(self._unbroadcasted_cov_diag.reciprocal())
        return self._square(diagonal - solved.mT @ solved)

    def _solved(self) -> Any:
        return torch.linalg.solve_triangular(self._capacitance_tril, self._over_diagonal(), upper=False)

    def _log_det(self) -> Any:
        factor = self._capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return 2 * factor + self._unbroadcasted_cov_diag.log().sum(-1)

    def _distance(self, x: Any) -> Any:
        """The squared Mahalanobis distance of a difference."""
        within = _times(self._over_diagonal(), x).unsqueeze(-1)
        tril = self._capacitance_tril
        tril = tril.expand((*torch.broadcast_shapes(tril.shape[:-2], within.shape[:-2]), *tril.shape[-2:]))
        solved = torch.linalg.solve_triangular(tril, within, upper=False).squeeze(-1)
        return (x.pow(2) / self._unbroadcasted_cov_diag).sum(-1) - solved.pow(2).sum(-1)

    def rsample(self, sample_shape: Any = ()) -> Any:
        shape, dtype, device = self._extended_shape(sample_shape), self.loc.dtype, self.loc.device
        of_factor = _standard_normal((*shape[:-1], self.cov_factor.shape[-1]), dtype, device)
        of_diagonal = _standard_normal(shape, dtype, device)
        moved = self.loc + _times(self._unbroadcasted_cov_factor, of_factor)
        return moved + self._unbroadcasted_cov_diag.sqrt() * of_diagonal

    def log_prob(self, value: Any) -> Any:
        self._checked(value)
        distance = self._distance(value - self.loc)
        return -0.5 * (self._event_shape[0] * LOG_2PI + self._log_det() + distance)

    def entropy(self) -> Any:
        entropy = 0.5 * (self._event_shape[0] * (1.0 + LOG_2PI) + self._log_det())
        return entropy.expand(self._batch_shape) if self._batch_shape else entropy
