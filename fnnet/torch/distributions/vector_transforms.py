"""Transforms of vectors and matrices: simplices, triangles and correlations."""

from __future__ import annotations

import math
from typing import Any

from fnnet import torch
from fnnet.torch.distributions import constraints
from fnnet.torch.distributions.transform import Transform
from fnnet.torch.distributions.utils import tril_matrix_to_vec, vec_to_tril_matrix

F: Any = torch.nn.functional


def _enough(shape: Any, dims: int) -> Any:
    if len(shape) < dims:
        raise ValueError("Too few dimensions on input")
    return shape


class _OfVectors(Transform):
    """A function without parameters: equal to every other of its class."""

    domain: Any = constraints.real_vector

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))

    def __hash__(self) -> int:
        return hash(type(self))


class SoftmaxTransform(_OfVectors):
    """Numbers to probabilities by exp and division; the inverse is the logarithm."""

    codomain = constraints.simplex

    def _call(self, x: Any) -> Any:
        probs = (x - x.max(-1, True)[0]).exp()
        return probs / probs.sum(-1, True)

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def forward_shape(self, shape: Any) -> Any:
        return _enough(shape, 1)

    inverse_shape = forward_shape


class StickBreakingTransform(_OfVectors):
    """n numbers to n + 1 probabilities: each takes its part of what those before it left."""

    codomain = constraints.simplex
    bijective = True

    @staticmethod
    def _log_left(n: int, like: Any) -> Any:
        return (n + 1 - like.new_ones(n).cumsum(-1)).log()

    def _call(self, x: Any) -> Any:
        limits = torch.finfo(x.dtype)
        z = torch.sigmoid(x - self._log_left(x.shape[-1], x))
        z = torch.clamp(z, min=limits.tiny, max=1.0 - limits.eps)
        return F.pad(z, [0, 1], value=1) * F.pad((1 - z).cumprod(-1), [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        taken = y[..., :-1]
        left = torch.clamp(1 - taken.cumsum(-1), min=torch.finfo(y.dtype).tiny)
        return taken.log() - left.log() + self._log_left(taken.shape[-1], y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        x = x - self._log_left(x.shape[-1], x)
        return (-x + F.logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape: Any) -> Any:
        return (*_enough(shape, 1)[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Any) -> Any:
        return (*_enough(shape, 1)[:-1], shape[-1] - 1)


class LowerCholeskyTransform(_OfVectors):
    """Matrices to lower triangles with the diagonal's exp."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Any) -> Any:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Any) -> Any:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(_OfVectors):
    """Matrices to positive definite ones, by their Cholesky factor."""

    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Any) -> Any:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Any) -> Any:
        return LowerCholeskyTransform().inv(torch.linalg.cholesky(y))


class CorrCholeskyTransform(_OfVectors):
    """n (n - 1) / 2 numbers to the Cholesky factor of an n x n correlation matrix."""

    codomain = constraints.corr_cholesky
    bijective = True

    def _call(self, x: Any) -> Any:
        x = torch.tanh(x)
        eps = torch.finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.clamp(min=-1 + eps, max=1 - eps), diag=-1)
        left = (1 - r**2).sqrt().cumprod(-1)
        r = r + torch.eye(r.shape[-1], dtype=r.dtype, device=r.device)
        return r * F.pad(left[..., :-1], [1, 0], value=1)

    def _inverse(self, y: Any) -> Any:
        left = 1 - torch.cumsum(y * y, dim=-1)
        left = F.pad(left[..., :-1], [1, 0], value=1)
        t = tril_matrix_to_vec(y, diag=-1) / tril_matrix_to_vec(left, diag=-1).sqrt()
        return (t.log1p() - t.neg().log1p()) / 2

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        left = tril_matrix_to_vec(1 - (y * y).cumsum(dim=-1), diag=-2)
        of_tanh = -2 * (x + F.softplus(-2 * x) - math.log(2.0)).sum(dim=-1)
        return 0.5 * left.log().sum(-1) + of_tanh

    def forward_shape(self, shape: Any) -> Any:
        count = _enough(shape, 1)[-1]
        n = round((0.25 + 2 * count) ** 0.5 + 0.5)
        if n * (n - 1) // 2 != count:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return (*shape[:-1], n, n)

    def inverse_shape(self, shape: Any) -> Any:
        rows, n = _enough(shape, 2)[-2:]
        if rows != n:
            raise ValueError("Input is not square")
        return (*shape[:-2], n * (n - 1) // 2)
