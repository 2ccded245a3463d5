"""Systems of linear equations: by factors that are given, by least squares, of tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.decomposition import _check as check_matrices
from fnnet.functional.decomposition import linalg_inv, linalg_pinv, linalg_solve, linalg_solve_triangular
from fnnet.functional.dtypes import concrete, index_dtype
from fnnet.functional.factorization import linalg_lu_factor_ex, lu_unpack
from fnnet.functional.operation import operation

__all__ = [
    "cholesky_inverse",
    "cholesky_solve",
    "linalg_cholesky_ex",
    "linalg_inv_ex",
    "linalg_lstsq",
    "linalg_lu_solve",
    "linalg_solve_ex",
    "linalg_tensorinv",
    "linalg_tensorsolve",
    "lu_solve",
    "triangular_solve",
]


class InverseInfo(NamedTuple):
    """An inverse, and which diagonal element of U was 0, counted from 1 (0: none)."""

    inverse: jax.Array
    info: jax.Array


class ResultInfo(NamedTuple):
    """A solution, and which diagonal element of U was 0, counted from 1 (0: none)."""

    result: jax.Array
    info: jax.Array


class CholeskyInfo(NamedTuple):
    """A Cholesky factor, and whether there is none (1) or there is (0)."""

    L: jax.Array
    info: jax.Array


class LeastSquares(NamedTuple):
    """The solution; the squared errors where the system is overdetermined; rank; singular values."""

    solution: jax.Array
    residuals: jax.Array
    rank: jax.Array
    singular_values: jax.Array


class TriangularSolution(NamedTuple):
    """The solution, and the matrix."""

    solution: jax.Array
    cloned_coefficient: jax.Array


def _adjoint(A: jax.Array) -> jax.Array:
    return jnp.conj(jnp.swapaxes(A, -1, -2))


@operation("linalg", grad_fn="LinalgLuSolveBackward0", spelled="lu_solve")
def linalg_lu_solve(
    LU: jax.Array, pivots: jax.Array, B: jax.Array, *, left: bool = True, adjoint: bool = False
) -> jax.Array:
    """X with A X = B (X A = B where not left; A^H for A with `adjoint`), A given by lu_factor."""
    check_matrices("linalg.lu_solve", LU)
    if not left:
        return _adjoint(linalg_lu_solve(LU, pivots, _adjoint(B), adjoint=not adjoint))
    if B.shape[-2] != LU.shape[-1]:
        raise RuntimeError(
            "linalg.lu_solve: Incompatible shapes of A and B for the equation AX = B "
            f"({LU.shape} and {B.shape})"
        )
    P, L, U = lu_unpack(LU, pivots)
    if not adjoint:
        right = jnp.matmul(jnp.swapaxes(P, -1, -2), B, precision="highest")
        inner = linalg_solve_triangular(L, right, upper=False, unitriangular=True)
        return linalg_solve_triangular(U, inner, upper=True)
    inner = linalg_solve_triangular(_adjoint(U), B, upper=False)
    outer = linalg_solve_triangular(_adjoint(L), inner, upper=True, unitriangular=True)
    return jnp.matmul(P, outer, precision="highest")


@operation("torch", "Tensor", grad_fn="LinalgLuSolveBackward0")
def lu_solve(b: jax.Array, LU_data: jax.Array, LU_pivots: jax.Array) -> jax.Array:
    """As linalg.lu_solve, with the right side first."""
    return linalg_lu_solve(LU_data, LU_pivots, b)


@operation("torch", "Tensor", grad_fn="CholeskySolveBackward0")
def cholesky_solve(B: jax.Array, L: jax.Array, upper: bool = False) -> jax.Array:
    """X with L L^H X = B (U^H U X = B with `upper`)."""
    if B.ndim < 2:
        raise RuntimeError(f"b should have at least 2 dimensions, but has {B.ndim} dimensions instead")
    lower = _adjoint(L) if upper else L
    strict = jnp.triu(lower, 1)
    # PyTorch reads one triangle, and yet gives the derivative of L L^H for a full L.
    whole = jnp.tril(lower) + (strict - lax.stop_gradient(strict))
    batch = jnp.broadcast_shapes(whole.shape[:-2], B.shape[:-2])
    whole, B = (jnp.broadcast_to(one, (*batch, *one.shape[-2:])) for one in (whole, B))

    def product(X: jax.Array) -> jax.Array:
        return jnp.matmul(whole, jnp.matmul(_adjoint(whole), X, precision="highest"), precision="highest")

    def solve(_: object, right: jax.Array) -> jax.Array:
        inner = linalg_solve_triangular(lower, right, upper=False)
        return linalg_solve_triangular(_adjoint(lower), inner, upper=True)

    def transposed(_: object, right: jax.Array) -> jax.Array:
        return jnp.conj(solve(None, jnp.conj(right)))

    return lax.custom_linear_solve(product, B, solve, transposed)


@operation("torch", "Tensor", grad_fn="CholeskyInverseBackward0")
def cholesky_inverse(L: jax.Array, upper: bool = False) -> jax.Array:
    """The inverse of L L^H (of U^H U with `upper`)."""
    L = check_matrices("cholesky_inverse", L)
    eye = jnp.broadcast_to(jnp.eye(L.shape[-1], dtype=L.dtype), L.shape)
    return cholesky_solve(eye, L, upper)


@operation("torch", "Tensor", grad_fn="TriangularSolveBackward0")
def triangular_solve(
    b: jax.Array, A: jax.Array, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> TriangularSolution:
    """X with A X = b (A^T X = b with `transpose`) for triangular A. (Deprecated by PyTorch.)"""
    turned = jnp.swapaxes(A, -1, -2) if transpose else A
    made = linalg_solve_triangular(turned, b, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolution(made, jnp.broadcast_to(A, (*made.shape[:-2], *A.shape[-2:])))


@operation("linalg", grad_fn="LinalgInvExBackward0", spelled="inv_ex")
def linalg_inv_ex(A: jax.Array, *, check_errors: bool = False) -> InverseInfo:
    """The inverse, and where it does not exist. Raises RuntimeError there with `check_errors`."""
    A = check_matrices("linalg.inv_ex", A)
    info = linalg_lu_factor_ex(lax.stop_gradient(A)).info
    return InverseInfo(linalg_inv(A) if check_errors else jnp.linalg.inv(A), info)


@operation("linalg", grad_fn="LinalgSolveExBackward0", spelled="solve_ex")
def linalg_solve_ex(
    A: jax.Array, B: jax.Array, *, left: bool = True, check_errors: bool = False
) -> ResultInfo:
    """X with A X = B, and where there is none. Raises RuntimeError there, where values are known."""
    del check_errors
    made = linalg_solve(A, B, left=left)
    return ResultInfo(made, linalg_lu_factor_ex(lax.stop_gradient(A)).info)


@operation("linalg", grad_fn="LinalgCholeskyExBackward0", spelled="cholesky_ex")
def linalg_cholesky_ex(A: jax.Array, *, upper: bool = False, check_errors: bool = False) -> CholeskyInfo:
    """The Cholesky factor, and whether there is none. Raises RuntimeError then with `check_errors`.

    `info` is the order of the first leading minor that is not positive-definite, or 0; differs from PyTorch:
    the factor of such a matrix is NaN, where LAPACK leaves what it had come to.
    """
    from fnnet.functional.decomposition import _hermitian, linalg_cholesky

    A = check_matrices("linalg.cholesky_ex", A)
    if check_errors:
        factor = linalg_cholesky(A, upper=upper)
    else:
        factor = jnp.linalg.cholesky(_hermitian(A, not upper), symmetrize_input=False)
        factor = _adjoint(factor) if upper else factor
    return CholeskyInfo(factor, order_of_failure(lax.stop_gradient(A), lax.stop_gradient(factor), upper))


def order_of_failure(A: jax.Array, factor: jax.Array, upper: bool = False) -> jax.Array:
    """The order of the first leading minor of each A that is not positive-definite; 0 if none is."""
    from fnnet.functional.decomposition import _hermitian

    failed = jnp.isnan(factor).any((-2, -1)) if factor.shape[-1] else jnp.zeros(A.shape[:-2], bool)
    none = jnp.zeros(failed.shape, np.int32)

    def eliminate(place: jax.Array, state: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        rest, order = state
        column = lax.dynamic_index_in_dim(rest, place, -1, keepdims=False)
        pivot = jnp.real(lax.dynamic_index_in_dim(column, place, -1, keepdims=False))
        order = jnp.where((order == 0) & ~(pivot > 0), jnp.asarray(place + 1, np.int32), order)
        scaled = column / jnp.where(pivot > 0, pivot, jnp.ones_like(pivot))[..., None]
        return rest - scaled[..., :, None] * jnp.conj(column)[..., None, :], order

    def minors() -> jax.Array:
        order = lax.fori_loop(0, A.shape[-1], eliminate, (_hermitian(A, not upper), none))[1]
        return jnp.where(failed, jnp.maximum(order, 1), none)

    return lax.cond(failed.any(), minors, lambda: none)


@operation("linalg", grad_fn="LinalgLstsqBackward0", spelled="lstsq")
def linalg_lstsq(
    A: jax.Array, B: jax.Array, rcond: float | None = None, *, driver: str | None = None
) -> LeastSquares:
    """X of least norm among those that make |A X - B| least.

    Residuals are given where A has more rows than columns and, as far as values are known, full rank, but not
    by the driver "gelsy", the default; the rank by every driver but "gels"; singular values by "gelsd" and
    "gelss".
    """
    A = check_matrices("torch.linalg.lstsq", A, square=False)
    chosen = driver or "gelsy"
    if chosen not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            "torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), got "
            f"{driver}"
        )
    vectors = A.ndim - 1 == B.ndim and B.shape == A.shape[:-1]
    right = B[..., None] if vectors else B
    if right.ndim < 2 or right.shape[-2] != A.shape[-2]:
        raise RuntimeError(
            f"torch.linalg.lstsq: input.size(-2) should match other.size(-2), got {A.shape} and {B.shape}"
        )
    rows, columns = A.shape[-2:]
    relative = max(rows, columns) * float(jnp.finfo(A.dtype).eps) if rcond is None else rcond
    solution = jnp.matmul(linalg_pinv(A, rtol=relative), right, precision="highest")
    real = jnp.real(A).dtype
    values = jnp.linalg.svd(lax.stop_gradient(A), compute_uv=False)
    rank = (values > relative * jnp.max(values, -1, keepdims=True, initial=0)).sum(-1, dtype=index_dtype())
    known = concrete(rank)
    full = chosen == "gels" or (chosen != "gelsy" and (known is None or (known == columns).all()))
    residuals = jnp.zeros((0,), real)
    if rows > columns and full:
        off = jnp.matmul(A, solution, precision="highest") - right
        residuals = jnp.real(off * jnp.conj(off)).sum(-2)
    return LeastSquares(
        solution[..., 0] if vectors else solution,
        residuals,
        jnp.zeros((0,), index_dtype()) if chosen == "gels" else rank,
        values if chosen in ("gelsd", "gelss") else jnp.zeros((0,), real),
    )


@operation("linalg", grad_fn="ViewBackward0", spelled="tensorinv")
def linalg_tensorinv(A: jax.Array, ind: int = 2) -> jax.Array:
    """The inverse for tensordot over the first `ind` dimensions. Raises RuntimeError for unequal sizes."""
    if ind <= 0:
        raise RuntimeError("Expected a strictly positive integer for 'ind'")
    first, last = A.shape[:ind], A.shape[ind:]
    if math.prod(first) != math.prod(last):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but "
            f"got {math.prod(last)} != {math.prod(first)}"
        )
    return linalg_inv(A.reshape(math.prod(first), -1)).reshape(*last, *first)


@operation("linalg", grad_fn="ViewBackward0", spelled="tensorsolve")
def linalg_tensorsolve(A: jax.Array, B: jax.Array, dims: Sequence[int] | None = None) -> jax.Array:
    """X with tensordot(A, X) = B over X's dimensions, which are A's last ones (after those in `dims`)."""
    if dims is not None:
        A = jnp.moveaxis(A, tuple(dims), tuple(range(A.ndim - len(dims), A.ndim)))
    last = A.shape[B.ndim :]
    if math.prod(last) != B.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == "
            f"prod(self.shape[:other.ndim]), but got {math.prod(last)} != {B.size}"
        )
    return linalg_solve(A.reshape(B.size, math.prod(last)), B.reshape(-1)).reshape(last)
