"""LU and Householder factorizations, eigenvectors of general matrices, and functions of matrices."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.decomposition import _check as check_matrices
from fnnet.functional.decomposition import linalg_inv, linalg_matrix_norm, linalg_svdvals
from fnnet.functional.dtypes import concrete, is_complex
from fnnet.functional.half import once_rounded
from fnnet.functional.matrix_exponential import exponential
from fnnet.functional.operation import operation
from fnnet.functional.results import Eigen

__all__ = [
    "geqrf",
    "linalg_cond",
    "linalg_eig",
    "linalg_eigvals",
    "linalg_householder_product",
    "linalg_lu",
    "linalg_lu_factor",
    "linalg_lu_factor_ex",
    "lu",
    "lu_unpack",
    "matrix_exp",
    "ormqr",
]


class LU(NamedTuple):
    """A permutation, a lower triangular matrix of unit diagonal and an upper triangular one."""

    P: jax.Array
    L: jax.Array
    U: jax.Array


class Factors(NamedTuple):
    """L (its unit diagonal left out) and U in one matrix, and the rows exchanged, counted from 1."""

    LU: jax.Array
    pivots: jax.Array


class FactorsInfo(NamedTuple):
    """As `Factors`, with the first diagonal element of U that is 0, counted from 1; 0 if there is none."""

    LU: jax.Array
    pivots: jax.Array
    info: jax.Array


class Reflections(NamedTuple):
    """R and, below its diagonal, the vectors of Householder reflections, and their factors."""

    a: jax.Array
    tau: jax.Array


def _require_pivot(function: str, pivot: bool) -> None:
    if not pivot:
        raise RuntimeError(f"{function}: LU without pivoting is not implemented on the CPU")


def _unpacked(factors: jax.Array, order: jax.Array) -> LU:
    rows, columns = factors.shape[-2:]
    size = min(rows, columns)
    eye = jnp.eye(rows, dtype=factors.dtype)
    lower = jnp.tril(factors[..., :, :size], -1) + eye[:, :size]
    return LU(jnp.swapaxes(eye[order], -1, -2), lower, jnp.triu(factors[..., :size, :]))


def _raw(A: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    if A.size:
        return lax.linalg.lu(A)
    batch, rows = A.shape[:-2], A.shape[-2]
    order = jnp.broadcast_to(jnp.arange(rows, dtype=np.int32), (*batch, rows))
    return A, order[..., : min(A.shape[-2:])], order


@operation("linalg", grad_fn="LinalgLuBackward0", spelled="lu")
def linalg_lu(A: jax.Array, *, pivot: bool = True) -> LU:
    """A = P L U. Raises RuntimeError without pivoting, as PyTorch does on a CPU."""
    A = check_matrices("linalg.lu", A, square=False)
    _require_pivot("linalg.lu", pivot)
    factors, _, order = _raw(A)
    return _unpacked(factors, order)


@operation("linalg", grad_fn="LinalgLuFactorExBackward0", spelled="lu_factor")
def linalg_lu_factor(A: jax.Array, *, pivot: bool = True) -> Factors:
    """L and U in one matrix, and the rows exchanged, for `lu_solve`."""
    made = linalg_lu_factor_ex(A, pivot=pivot)
    return Factors(made.LU, made.pivots)


@operation("linalg", grad_fn="LinalgLuFactorExBackward0", spelled="lu_factor_ex")
def linalg_lu_factor_ex(A: jax.Array, *, pivot: bool = True, check_errors: bool = False) -> FactorsInfo:
    """As lu_factor, and where U is singular. Raises RuntimeError there with `check_errors`."""
    A = check_matrices("linalg.lu_factor_ex", A, square=False)
    _require_pivot("linalg.lu_factor_ex", pivot)
    factors, pivots, _ = _raw(A)
    info = first_zero(factors)
    known = concrete(info) if check_errors else None
    if known is not None and known.any():
        raise RuntimeError(
            f"linalg.lu_factor_ex: U[{known.max()},{known.max()}] is zero and using it would fail"
        )
    return FactorsInfo(factors, pivots + 1, info)


def first_zero(factors: jax.Array) -> jax.Array:
    """Which diagonal element is the first that is 0, counted from 1; 0 if none."""
    zero = jnp.diagonal(factors, axis1=-2, axis2=-1) == 0
    if not zero.shape[-1]:
        return jnp.zeros(zero.shape[:-1], np.int32)
    return jnp.where(zero.any(-1), jnp.argmax(zero, -1) + 1, 0).astype(np.int32)


@operation("torch", grad_fn="LinalgLuFactorExBackward0")
def lu(A: jax.Array, pivot: bool = True, get_infos: bool = False, out: Any = None) -> tuple[jax.Array, ...]:
    """As linalg.lu_factor; with `get_infos` as linalg.lu_factor_ex. (Deprecated by PyTorch.)"""
    made = linalg_lu_factor_ex(A, pivot=pivot)
    return tuple(made) if get_infos else tuple(made)[:2]


@operation("torch", grad_fn="LuUnpackBackward0")
def lu_unpack(
    LU_data: jax.Array, LU_pivots: jax.Array, unpack_data: bool = True, unpack_pivots: bool = True
) -> LU:
    """P, L and U of what lu_factor gives; empty where not asked for."""
    nothing = jnp.zeros((0,), LU_data.dtype)
    rows, columns = LU_data.shape[-2:]
    if not unpack_pivots:  # PyTorch does not look at the pivots then
        made = _unpacked(LU_data, jnp.arange(rows))
        return LU(nothing, *(made[1:] if unpack_data else (nothing, nothing)))
    if LU_pivots.dtype != np.int32:
        raise RuntimeError(
            "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype."
        )
    if LU_pivots.shape != (*LU_data.shape[:-2], min(rows, columns)):
        raise RuntimeError(
            f"torch.lu_unpack: LU_pivots' shape {list(LU_pivots.shape)} does not fit LU_data's "
            f"{list(LU_data.shape)}"
        )
    order = lax.linalg.lu_pivots_to_permutation(LU_pivots - 1, rows) if LU_pivots.size else _raw(LU_data)[2]
    made = _unpacked(LU_data, order)
    return LU(made.P, *(made[1:] if unpack_data else (nothing, nothing)))


@operation("torch", "Tensor")
def geqrf(input: jax.Array) -> Reflections:
    """A QR factorization as LAPACK leaves it: see `Reflections`."""
    A = check_matrices("torch.geqrf", input, square=False)
    if not A.size:
        return Reflections(A, jnp.zeros((*A.shape[:-2], min(A.shape[-2:])), A.dtype))
    turned, tau = jnp.linalg.qr(A, "raw")
    return Reflections(jnp.swapaxes(turned, -1, -2), tau)


def _reflected(vectors: jax.Array, tau: jax.Array, X: jax.Array, adjoint: bool) -> jax.Array:
    """The product of the reflections I - tau_i v_i v_i^H (or its adjoint) with X."""
    rows, count = vectors.shape[-2], tau.shape[-1]
    eye = jnp.eye(rows, count, dtype=vectors.dtype)
    whole = jnp.tril(vectors[..., :count], -1) + eye
    factors = jnp.conj(tau) if adjoint else tau
    batch = jnp.broadcast_shapes(vectors.shape[:-2], X.shape[:-2])
    X = jnp.broadcast_to(X, (*batch, *X.shape[-2:]))

    def reflect(X: jax.Array, one: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, None]:
        v, factor = one
        along = jnp.einsum("...i,...ij->...j", jnp.conj(v), X, precision="highest")
        return X - factor[..., None, None] * v[..., :, None] * along[..., None, :], None

    if not count or not X.size:
        return X
    # Q X = H_1 (H_2 (... H_k X)): from the last, and for the adjoint from the first.
    steps = (jnp.moveaxis(whole, -1, 0), jnp.moveaxis(factors, -1, 0))
    return lax.scan(reflect, X, steps, reverse=not adjoint)[0]


@operation("linalg", grad_fn="LinalgHouseholderProductBackward0", spelled="householder_product")
def linalg_householder_product(A: jax.Array, tau: jax.Array) -> jax.Array:
    """The first columns of the product of Householder reflections (Q of what geqrf gives)."""
    A = check_matrices("torch.linalg.householder_product", A, square=False)
    rows, columns = A.shape[-2:]
    if rows < columns or columns < tau.shape[-1]:
        raise RuntimeError(
            "torch.linalg.householder_product: input.shape[-2] must be greater than or equal to "
            f"input.shape[-1], and that to tau.shape[-1]; got {list(A.shape)} and {list(tau.shape)}"
        )
    start = jnp.broadcast_to(jnp.eye(rows, columns, dtype=A.dtype), A.shape)
    return _reflected(A, tau, start, adjoint=False)


@operation("torch", "Tensor", grad_fn="OrmqrBackward0")
def ormqr(
    input: jax.Array, tau: jax.Array, other: jax.Array, left: bool = True, transpose: bool = False
) -> jax.Array:
    """Q other, or other Q where not left; Q^H in place of Q with `transpose`."""
    for name, one in (("input", input), ("other", other)):
        if one.ndim < 2:
            raise RuntimeError(f"torch.ormqr: {name} must have at least 2 dimensions.")
    if tau.shape[-1] != min(other.shape[-2 if left else -1], input.shape[-1]):
        raise RuntimeError(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{-2 if left else -1}], "
            f"input.shape[-1]), got tau {tau.shape}, other {other.shape} and input {input.shape}"
        )
    if left:
        return _reflected(input, tau, other, transpose)
    turned = jnp.conj(jnp.swapaxes(other, -1, -2))
    return jnp.conj(jnp.swapaxes(_reflected(input, tau, turned, not transpose), -1, -2))


# JAX has no derivative of eigenvectors.
@jax.custom_jvp
def _eig(A: jax.Array) -> tuple[jax.Array, jax.Array]:
    values, vectors = jnp.linalg.eig(A)
    return values, vectors


@_eig.defjvp
def _eig_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> Any:
    values, vectors = _eig(*primals)
    turned = jnp.linalg.solve(vectors, tangents[0].astype(vectors.dtype) @ vectors)
    apart = values[..., None, :] - values[..., :, None]
    eye = jnp.eye(values.shape[-1], dtype=bool)
    shares = jnp.where(eye, 0, turned / jnp.where(eye, 1, apart))
    change = vectors @ shares
    along = jnp.real(jnp.sum(jnp.conj(vectors) * change, -2, keepdims=True)).astype(vectors.dtype)
    return (values, vectors), (jnp.diagonal(turned, axis1=-2, axis2=-1), change - vectors * along)


@operation("linalg", grad_fn="LinalgEigBackward0", spelled="eig")
def linalg_eig(A: jax.Array) -> Eigen:
    """Complex eigenvalues and eigenvectors, as columns of norm 1, of square matrices."""
    A = check_matrices("linalg.eig", A)
    if not A.size:
        kind = A.dtype if is_complex(A) else np.complex128 if A.dtype == np.float64 else np.complex64
        return Eigen(jnp.zeros(A.shape[:-1], kind), A.astype(kind))
    return Eigen(*_eig(A))


@operation("linalg", grad_fn="LinalgEigBackward0", spelled="eigvals")
def linalg_eigvals(A: jax.Array) -> jax.Array:
    """The complex eigenvalues of square matrices."""
    return linalg_eig(A).eigenvalues


@operation("torch", "Tensor", "linalg", grad_fn="LinalgMatrixExpBackward0")
@once_rounded
def matrix_exp(A: jax.Array) -> jax.Array:
    """The exponential of square matrices."""
    A = check_matrices("linalg.matrix_exp", A)
    if not A.size:
        return A
    return exponential(A)


@operation("linalg", spelled="cond")
def linalg_cond(A: jax.Array, p: Any = None) -> jax.Array:
    """The condition number by a norm: of singular values for None, 2 and -2, else |A| |A^-1|."""
    A = check_matrices("linalg.cond", A, square=p not in (None, 2, -2))
    if p in (None, 2, -2):
        values = linalg_svdvals(A)
        if not values.shape[-1]:
            return jnp.zeros(values.shape[:-1], values.dtype)
        return values[..., -1] / values[..., 0] if p == -2 else values[..., 0] / values[..., -1]
    if not A.shape[-1]:
        return jnp.zeros(A.shape[:-2], jnp.real(A).dtype)
    known = concrete(A)
    singular = known is not None and (np.linalg.det(known) == 0).any()
    inverse = jnp.linalg.inv(A) if singular else linalg_inv(A)
    norm = linalg_matrix_norm(A, p) * linalg_matrix_norm(inverse, p)
    return jnp.where(jnp.isnan(norm) & ~jnp.isnan(A).any((-2, -1)), jnp.inf, norm)
