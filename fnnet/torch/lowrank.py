"""torch.svd_lowrank and pca_lowrank: a few singular values by random projection (Halko et al., 2009)."""

from __future__ import annotations

from typing import Any

from fnnet.torch.declare import NAMESPACES
from fnnet.torch.random import randn
from fnnet.torch.tensor import Tensor

__all__ = ["pca_lowrank", "svd_lowrank"]


def _basis(A: Any, q: int, niter: int) -> Any:
    """Orthonormal columns that span nearly what A maps to: Algorithm 4.4 of the paper."""
    qr = NAMESPACES["linalg"]["qr"]
    Q = qr(A.matmul(randn(A.shape[-1], q, dtype=A.dtype, device=A.device)))[0]
    for _ in range(niter):
        Q = qr(A.mH.matmul(Q))[0]
        Q = qr(A.matmul(Q))[0]
    return Q


def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V of the q greatest singular values of A - M, nearly: Algorithm 5.1 of the paper."""
    matrix: Any = A
    if M is not None:
        matrix = matrix - M
    wide = matrix.shape[-2] < matrix.shape[-1]
    if wide:
        matrix = matrix.mH
    Q = _basis(matrix, 6 if q is None else q, 2 if niter is None else niter)
    U, S, Vh = NAMESPACES["linalg"]["svd"](Q.mH.matmul(matrix), full_matrices=False)
    U, V = Q.matmul(U), Vh.mH
    return (V, S, U) if wide else (U, S, V)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and V of the first q principal components. Raises ValueError for a bad q or niter."""
    given: Any = A
    least = min(given.shape[-2:])
    if q is None:
        q = min(6, least)
    elif not 0 <= q <= least:
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={least}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(given - given.mean(dim=(-2,), keepdim=True) if center else given, q, niter)
