"""Linear algebra: decompositions, determinants, inverses, systems of equations, norms of matrices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from fnnet.functional.dimension import canonical_dims
from fnnet.functional.dtypes import canonical, concrete, is_integral, scalar_name
from fnnet.functional.operation import operation
from fnnet.functional.reduction import amax, amin
from fnnet.functional.results import (
    Decomposition,
    Eigen,
    SignLogDeterminant,
    SingularValues,
    SingularValuesV,
)
from fnnet.functional.statistics import linalg_vector_norm

__all__ = [
    "cholesky",
    "det",
    "inverse",
    "linalg_cholesky",
    "linalg_det",
    "linalg_eigh",
    "linalg_eigvalsh",
    "linalg_inv",
    "linalg_matrix_norm",
    "linalg_matrix_power",
    "linalg_matrix_rank",
    "linalg_norm",
    "linalg_pinv",
    "linalg_qr",
    "linalg_slogdet",
    "linalg_solve",
    "linalg_solve_triangular",
    "linalg_svd",
    "linalg_svdvals",
    "logdet",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
]


def _check(function: str, A: jax.Array, *, square: bool = True) -> jax.Array:
    A = jnp.asarray(A)
    if is_integral(A):
        raise RuntimeError(
            f"{function}: Expected a floating point or complex tensor as input. Got {scalar_name(A)}"
        )
    if A.ndim < 2:
        raise RuntimeError(f"{function}: The input tensor A must have at least 2 dimensions.")
    if square and A.shape[-1] != A.shape[-2]:
        raise RuntimeError(
            f"{function}: A must be batches of square matrices, but they are {A.shape[-2]} by "
            f"{A.shape[-1]} matrices"
        )
    return A


def _require_regular(function: str, result: jax.Array, A: jax.Array, why: str) -> jax.Array:
    """Raise RuntimeError (as LinAlgError is one) where a result is known and not finite though A is."""
    values = concrete(result)
    if values is not None and values.size and not jnp.isfinite(result).all() and jnp.isfinite(A).all():
        raise RuntimeError(f"{function}: {why}")
    return result


def _hermitian(A: jax.Array, lower: bool) -> jax.Array:
    """A made Hermitian from one triangle; the derivative is shared by both triangles, as PyTorch does it.

    Imaginary parts on the diagonal are not read.
    """
    triangle = jnp.tril(A) if lower else jnp.triu(A)
    strict = jnp.tril(A, -1) if lower else jnp.triu(A, 1)
    mean = (A + jnp.conj(jnp.swapaxes(A, -1, -2))) / 2
    if jnp.iscomplexobj(A):
        triangle = strict + jnp.real(triangle - strict).astype(A.dtype)
    return mean + lax.stop_gradient(triangle + jnp.conj(jnp.swapaxes(strict, -1, -2)) - mean)


_SINGULAR = (
    "The diagonal element of the input matrix is zero, the inversion could not be completed because the "
    "input "
    "matrix is singular."
)
_SOLVER = "The solver failed because the input matrix is singular."
_NOT_POSITIVE = "The factorization could not be completed because the input is not positive-definite."


@operation("linalg", grad_fn="LinalgInvExBackward0", spelled="inv")
def linalg_inv(A: jax.Array) -> jax.Array:
    """The inverse of square matrices. Raises RuntimeError for a singular one where values are known."""
    A = _check("linalg.inv", A)
    return _require_regular("linalg.inv", jnp.linalg.inv(A), A, _SINGULAR)


@operation("torch", "Tensor", grad_fn="LinalgInvExBackward0")
def inverse(input: jax.Array) -> jax.Array:
    """The inverse of square matrices."""
    return linalg_inv(input)


@operation("linalg", grad_fn="LinalgDetBackward0", spelled="det")
def linalg_det(A: jax.Array) -> jax.Array:
    """The determinant of square matrices."""
    A = _check("linalg.det", A)
    return jnp.linalg.det(A) if A.shape[-1] else jnp.ones(A.shape[:-2], A.dtype)


@operation("torch", "Tensor", grad_fn="LinalgDetBackward0")
def det(input: jax.Array) -> jax.Array:
    """The determinant of square matrices."""
    return linalg_det(input)


@operation("linalg", grad_fn="LinalgSlogdetBackward0", spelled="slogdet")
def linalg_slogdet(A: jax.Array) -> SignLogDeterminant:
    """The sign of the determinant and the logarithm of its absolute value."""
    return SignLogDeterminant(*jnp.linalg.slogdet(_check("linalg.slogdet", A)))


@operation("torch", "Tensor", grad_fn="LinalgSlogdetBackward0")
def slogdet(input: jax.Array) -> SignLogDeterminant:
    """The sign of the determinant and the logarithm of its absolute value."""
    return linalg_slogdet(input)


@operation("torch", "Tensor", grad_fn="LinalgSlogdetBackward0")
def logdet(input: jax.Array) -> jax.Array:
    """The logarithm of the determinant; NaN where it is negative."""
    sign, logabsdet = linalg_slogdet(input)
    if jnp.iscomplexobj(sign):
        return jnp.log(sign) + logabsdet.astype(sign.dtype)
    return jnp.where(sign < 0, jnp.nan, logabsdet)


@operation("linalg", grad_fn="LinalgSolveExBackward0", spelled="solve")
def linalg_solve(A: jax.Array, B: jax.Array, *, left: bool = True) -> jax.Array:
    """X with A X = B, or X A = B where not left; B of A's shape without the last size is vectors."""
    A, B = _check("linalg.solve", A), jnp.asarray(B)
    vectors = B.ndim == 1 or (A.ndim - 1 == B.ndim and B.shape == A.shape[:-1])
    right = B[..., None] if vectors else B
    if right.shape[-2 if left else -1] != A.shape[-1]:
        raise RuntimeError(
            f"linalg.solve: Incompatible shapes of A and B for the equation AX = B ({A.shape} and {B.shape})"
        )
    if left:
        result = jnp.linalg.solve(A, right)
    else:
        result = jnp.swapaxes(jnp.linalg.solve(jnp.swapaxes(A, -1, -2), jnp.swapaxes(right, -1, -2)), -1, -2)
    _require_regular("linalg.solve", result, A, _SOLVER)
    return result[..., 0] if vectors else result


@operation("linalg", grad_fn="LinalgSolveTriangularBackward0", spelled="solve_triangular")
def linalg_solve_triangular(
    A: jax.Array, B: jax.Array, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> jax.Array:
    """X with A X = B (X A = B where not left) for triangular matrices A."""
    A = _check("linalg.solve_triangular", A)
    batch = jnp.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    return lax.linalg.triangular_solve(
        jnp.broadcast_to(A, (*batch, *A.shape[-2:])),
        jnp.broadcast_to(B, (*batch, *B.shape[-2:])),
        left_side=left,
        lower=not upper,
        unit_diagonal=unitriangular,
    )


@operation("linalg", grad_fn="LinalgCholeskyExBackward0", spelled="cholesky")
def linalg_cholesky(A: jax.Array, *, upper: bool = False) -> jax.Array:
    """L with A = L L^H, of which only the lower triangle is read (the upper, and U, with `upper`).

    Raises RuntimeError for a matrix that is not positive-definite where values are known.
    """
    A = _check("linalg.cholesky", A)
    factor = jnp.linalg.cholesky(_hermitian(A, not upper), symmetrize_input=False)
    factor = jnp.conj(jnp.swapaxes(factor, -1, -2)) if upper else factor
    return _require_regular("linalg.cholesky", factor, A, _NOT_POSITIVE)


@operation("torch", "Tensor", grad_fn="LinalgCholeskyExBackward0")
def cholesky(input: jax.Array, upper: bool = False) -> jax.Array:
    """As linalg.cholesky."""
    return linalg_cholesky(input, upper=upper)


@operation("linalg", grad_fn="LinalgQrBackward0", spelled="qr")
def linalg_qr(A: jax.Array, mode: str = "reduced") -> Decomposition:
    """A = Q R; mode "reduced", "complete" or "r" (R alone, Q empty)."""
    A = _check("linalg.qr", A, square=False)
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or "
            "'complete'"
        )
    if mode == "r":
        return Decomposition(jnp.zeros((0,), A.dtype), jnp.linalg.qr(A, "r"))
    return Decomposition(*jnp.linalg.qr(A, mode))


@operation("torch", "Tensor", grad_fn="LinalgQrBackward0")
def qr(input: jax.Array, some: bool = True) -> Decomposition:
    """A = Q R, reduced where `some`."""
    return linalg_qr(input, "reduced" if some else "complete")


@operation("linalg", grad_fn="LinalgSvdBackward0", spelled="svd")
def linalg_svd(A: jax.Array, full_matrices: bool = True, *, driver: str | None = None) -> SingularValues:
    """A = U diag(S) Vh, S in descending order."""
    del driver  # a choice of cuSOLVER's
    A = _check("linalg.svd", A, square=False)
    U, S, Vh = jnp.linalg.svd(A, full_matrices=False)
    if full_matrices and A.shape[-2] != A.shape[-1]:
        # The vectors that complete a basis are free and have no derivative; JAX then refuses all others.
        whole = jnp.linalg.svd(lax.stop_gradient(A), full_matrices=True)
        U = jnp.concatenate([U, whole[0][..., :, U.shape[-1] :]], -1)
        Vh = jnp.concatenate([Vh, whole[2][..., Vh.shape[-2] :, :]], -2)
    return SingularValues(U, S, Vh)


@operation("torch", "Tensor", grad_fn="LinalgSvdBackward0")
def svd(input: jax.Array, some: bool = True, compute_uv: bool = True) -> SingularValuesV:
    """A = U diag(S) V^H, reduced where `some`; U and V are zeros where not computed."""
    A = _check("svd", input, square=False)
    if not compute_uv:
        values = linalg_svdvals(A)
        rows, columns = (jnp.zeros((*A.shape[:-2], size, size), A.dtype) for size in A.shape[-2:])
        return SingularValuesV(rows, values, columns)
    U, S, Vh = linalg_svd(A, not some)
    return SingularValuesV(U, S, jnp.conj(jnp.swapaxes(Vh, -1, -2)))


@operation("linalg", grad_fn="LinalgSvdBackward0", spelled="svdvals")
def linalg_svdvals(A: jax.Array, *, driver: str | None = None) -> jax.Array:
    """The singular values in descending order."""
    del driver
    return jnp.linalg.svd(_check("linalg.svdvals", A, square=False), compute_uv=False)


@operation("linalg", grad_fn="LinalgEighBackward0", spelled="eigh")
def linalg_eigh(A: jax.Array, UPLO: str = "L") -> Eigen:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices, of which one triangle is read."""
    A = _check("linalg.eigh", A)
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return Eigen(*jnp.linalg.eigh(_hermitian(A, UPLO.upper() == "L"), symmetrize_input=False))


@operation("linalg", grad_fn="LinalgEighBackward0", spelled="eigvalsh")
def linalg_eigvalsh(A: jax.Array, UPLO: str = "L") -> jax.Array:
    """Eigenvalues, ascending, of Hermitian matrices, of which one triangle is read."""
    return linalg_eigh(A, UPLO).eigenvalues


@operation("linalg", grad_fn="MmBackward0", spelled="pinv")
def linalg_pinv(
    A: jax.Array, rcond: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> jax.Array:
    """The Moore-Penrose inverse; singular values up to max(atol, rtol * largest) count as 0."""
    A = _check("linalg.pinv", A, square=hermitian)
    if 0 in A.shape[-2:]:
        return jnp.zeros((*A.shape[:-2], A.shape[-1], A.shape[-2]), A.dtype)
    relative = rtol if rtol is not None else rcond
    if relative is None:
        relative = 0.0 if atol is not None else max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    if atol is not None:
        largest = jnp.max(linalg_svdvals(lax.stop_gradient(A)), -1)
        relative = jnp.maximum(relative, jnp.asarray(atol, largest.dtype) / largest)
    if hermitian:
        # PyTorch reads one triangle, and yet gives the derivative of a general matrix.
        A = A + lax.stop_gradient(_hermitian(A, True) - A)
    if atol is None:
        return jnp.linalg.pinv(A, rtol=relative)
    # JAX's rule for pinv does not carry a bound that was computed, so this is its definition.
    U, S, Vh = jnp.linalg.svd(lax.stop_gradient(A), full_matrices=False)
    bound = (relative * S.max(-1))[..., None]
    kept = bound < S
    inverse = jnp.where(kept, 1 / jnp.where(kept, S, 1), 0).astype(A.dtype)
    V, UH = (jnp.conj(jnp.swapaxes(one, -1, -2)) for one in (Vh, U))
    P = (V * inverse[..., None, :]) @ UH
    return _with_derivative_of_inverse(A, P)


@jax.custom_jvp
def _with_derivative_of_inverse(A: jax.Array, P: jax.Array) -> jax.Array:
    """P, the Moore-Penrose inverse of A, as a function of A (Golub and Pereyra, 1973)."""
    del A
    return P


@_with_derivative_of_inverse.defjvp
def _derivative_of_inverse(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (A, P), (dA, _) = primals, tangents
    P = _with_derivative_of_inverse(A, P)  # which has a second derivative
    PH, dAH = (jnp.conj(jnp.swapaxes(one, -1, -2)) for one in (P, dA))
    change = -P @ dA @ P + P @ PH @ (dAH - dAH @ A @ P) + (dAH - P @ A @ dAH) @ PH @ P
    return P, change


@operation("torch", "Tensor", grad_fn="MmBackward0")
def pinverse(input: jax.Array, rcond: float = 1e-15) -> jax.Array:
    """The Moore-Penrose inverse."""
    return linalg_pinv(input, rcond)


@operation("linalg", grad_fn="MmBackward0", spelled="matrix_power")
def linalg_matrix_power(A: jax.Array, n: int) -> jax.Array:
    """The n-th power of square matrices, by their inverse where n is negative."""
    if not is_integral(A) or n < 0:
        A = _check("linalg.matrix_power", A)
    elif A.ndim < 2 or A.shape[-1] != A.shape[-2]:
        _check("linalg.matrix_power", A.astype(jnp.float32))
    return jnp.linalg.matrix_power(linalg_inv(A) if n < 0 else A, abs(n))


@operation("linalg", spelled="matrix_rank")
def linalg_matrix_rank(
    A: jax.Array, tol: Any = None, hermitian: bool = False, *, atol: Any = None, rtol: Any = None
) -> jax.Array:
    """How many singular values exceed max(atol, rtol * largest)."""
    from fnnet.functional.dtypes import index_dtype

    A = _check("linalg.matrix_rank", A, square=hermitian)
    if tol is not None:
        atol, rtol = tol, 0.0
    values = linalg_svdvals(A)
    if rtol is None:
        rtol = 0.0 if atol is not None else max(A.shape[-2:]) * float(jnp.finfo(A.dtype).eps)
    largest = jnp.max(values, -1, initial=0)
    absolute = jnp.asarray(0.0 if atol is None else atol, values.dtype)
    bound = jnp.maximum(largest * jnp.asarray(rtol, values.dtype), absolute)
    return jnp.sum(values > bound[..., None], -1, dtype=index_dtype())


@operation("linalg", grad_fn="LinalgVectorNormBackward0", spelled="matrix_norm")
def linalg_matrix_norm(
    A: jax.Array,
    ord: Any = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """The norm of matrices: "fro", "nuc", ±inf, ±1 (sums of rows, of columns), ±2 (spectral)."""
    A = _check("linalg.matrix_norm", A, square=False)
    if dtype is not None:
        A = A.astype(canonical(dtype))
    dims = canonical_dims(dim, A.ndim)
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {list(dim)}")
    if ord not in ("fro", "nuc", 1, -1, 2, -2, float("inf"), -float("inf")):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    if ord == "fro":
        return linalg_vector_norm(A, 2, dims, keepdim)
    last = jnp.moveaxis(A, dims, (-2, -1))
    if ord in ("nuc", 2, -2):
        values = linalg_svdvals(last)
        result = jnp.sum(values, -1) if ord == "nuc" else (amax if ord > 0 else amin)(values, -1)
    else:
        sums = linalg_vector_norm(last, 1, -2 if ord in (1, -1) else -1)
        result = (amax if ord > 0 else amin)(sums, -1)
    return jnp.expand_dims(result, sorted(dims)) if keepdim else result


@operation("linalg", grad_fn="LinalgVectorNormBackward0", spelled="norm")
def linalg_norm(
    A: jax.Array,
    ord: Any = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """The norm of all elements, of vectors (one `dim`) or of matrices (two)."""
    A = jnp.asarray(A)
    if ord is None:
        return linalg_vector_norm(A, 2, dim, keepdim, dtype=dtype)
    if dim is None and A.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {A.ndim}D."
        )
    dims = canonical_dims(dim, A.ndim)
    if len(dims) == 2:
        return linalg_matrix_norm(A, ord, dims, keepdim, dtype=dtype)
    if isinstance(ord, str):
        raise RuntimeError(f"linalg.norm: Order {ord} not supported for vectors")
    return linalg_vector_norm(A, ord, dims, keepdim, dtype=dtype)
