"""Factors of symmetric matrices that need not be positive: L D L^T with pivots, after Bunch and Kaufman.

The pivots are those of LAPACK's sytf2 (Bunch and Kaufman, "Some stable methods for calculating inertia and
solving symmetric linear systems", 1977): a block of one or of two rows at a time.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional.decomposition import _check as check_matrices
from fnnet.functional.dtypes import concrete, is_integral, scalar_name
from fnnet.functional.operation import operation

__all__ = ["linalg_ldl_factor", "linalg_ldl_factor_ex", "linalg_ldl_solve"]

_ALPHA = (1 + math.sqrt(17)) / 8


class SymmetricFactors(NamedTuple):
    """L (its unit diagonal left out) and D in one matrix, and the rows exchanged, counted from 1.

    Two negative pivots -p mean a block of two rows, of which the second was exchanged with row p.
    """

    LD: jax.Array
    pivots: jax.Array


class SymmetricFactorsInfo(NamedTuple):
    """As `SymmetricFactors`, with the first block of D that is 0, counted from 1; 0 if there is none."""

    LD: jax.Array
    pivots: jax.Array
    info: jax.Array


class _State(NamedTuple):
    """What is still to be factored, what is made, and how far it is."""

    rest: jax.Array
    made: jax.Array
    pivots: jax.Array
    info: jax.Array
    k: jax.Array


def _size(x: jax.Array) -> jax.Array:
    """By what LAPACK compares: of complex numbers the sum of both parts."""
    return jnp.abs(x.real) + jnp.abs(x.imag) if jnp.iscomplexobj(x) else jnp.abs(x)


def _pivot(rest: jax.Array, k: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """The row to be exchanged, whether the block has two rows, and whether the column is 0."""
    places = jnp.arange(rest.shape[0], dtype=k.dtype)
    sizes = _size(rest[:, k])
    below = jnp.where(places > k, sizes, -1)
    largest = jnp.argmax(below).astype(k.dtype)
    own, column = sizes[k], jnp.maximum(below[largest], 0)
    across = _size(rest[largest])
    row = jnp.max(jnp.where((places >= k) & (places != largest), across, 0))
    alpha = jnp.asarray(_ALPHA, own.dtype)
    nothing = jnp.maximum(own, column) == 0
    stay = nothing | (own >= alpha * column)
    stay = stay | (own >= alpha * column * (column / jnp.where(row == 0, 1, row)))
    two = ~stay & (across[largest] < alpha * row)
    return jnp.where(stay, k, largest), two, nothing


def _factors(A: jax.Array, hermitian: bool) -> tuple[jax.Array, jax.Array, jax.Array]:
    """LD, pivots and info of one matrix."""
    size = A.shape[0]
    places = jnp.arange(size, dtype=np.int32)

    def turned(x: jax.Array) -> jax.Array:
        return jnp.conj(x) if hermitian else x

    def step(state: _State) -> _State:
        rest, k = state.rest, state.k
        kp, two, nothing = _pivot(rest, k)
        last = jnp.where(two, k + 1, k)
        order = places.at[last].set(kp).at[kp].set(last)
        rest = rest[order][:, order]
        after = jnp.minimum(k + 1, size - 1)
        first, second = rest[:, k], rest[:, after]
        d, e, f = first[k], first[after], second[after]
        if hermitian:  # what rounding left of imaginary parts is dropped, as LAPACK does
            d, f = (x.real.astype(x.dtype) for x in (d, f))
        below = jnp.where(places > last, first, 0)
        one = below / jnp.where(nothing | two, 1, d)
        # The block of two rows divided by what lies off its diagonal, which is the largest.
        scale = jnp.where(two, jnp.abs(e).astype(e.dtype) if hermitian else e, 1)
        upper, lower, turn = d / scale, f / scale, e / scale
        determinant = jnp.where(two, lower * upper - 1, 1) * scale
        other = jnp.where(places > last, second, 0)
        left = (lower * below - turn * other) / determinant
        right = (upper * other - turned(turn) * below) / determinant
        column = jnp.where(two, left, one)
        change = column[:, None] * turned(below)
        change = change + jnp.where(two, right[:, None] * turned(other), 0)
        column = jnp.where(places == k, d, jnp.where(two & (places == k + 1), e, column))
        made = state.made.at[:, k].set(column)
        beside = jnp.where(places == k + 1, f, right)
        made = jnp.where(two, made.at[:, after].set(beside), made)
        sign = jnp.where(two, -(kp + 1), kp + 1)
        pivots = state.pivots.at[k].set(sign)
        pivots = jnp.where(two & (places == k + 1), sign, pivots)
        info = jnp.where((state.info == 0) & nothing, k + 1, state.info)
        return _State(rest - change, made, pivots, info, last + 1)

    lower = jnp.tril(A, -1)
    diagonal = jnp.diagonal(A)
    diagonal = diagonal.real.astype(A.dtype) if hermitian else diagonal
    whole = lower + turned(lower).T + jnp.diag(diagonal)
    zero = jnp.zeros((), np.int32)
    state = _State(whole, jnp.zeros_like(A), jnp.zeros_like(places), zero, zero)

    def reached(state: _State, k: jax.Array) -> tuple[_State, None]:  # the second row of a block is done
        now = state.k == k
        rest = jnp.where(now, state.rest, jnp.eye(size, dtype=A.dtype))  # else derivatives there may be NaN
        return jax.tree.map(partial(jnp.where, now), step(state._replace(rest=rest, k=k)), state), None

    state = lax.scan(reached, state, places)[0]
    return state.made, state.pivots, state.info


def _flat(x: jax.Array, ndim: int) -> jax.Array:
    return x.reshape(-1, *x.shape[x.ndim - ndim :])


@operation("linalg", grad_fn="NotImplemented", spelled="ldl_factor_ex")
def linalg_ldl_factor_ex(
    A: jax.Array, *, hermitian: bool = False, check_errors: bool = False
) -> SymmetricFactorsInfo:
    """As ldl_factor, and which block of D is 0. Raises RuntimeError for one with `check_errors`."""
    A = check_matrices("torch.linalg.ldl_factor_ex", A)
    if not A.size:
        pivots, info = (jnp.zeros(shape, np.int32) for shape in (A.shape[:-1], A.shape[:-2]))
        return SymmetricFactorsInfo(A, pivots, info)
    complex_hermitian = hermitian and jnp.iscomplexobj(A)
    made = jax.vmap(lambda one: _factors(one, complex_hermitian))(_flat(A, 2))
    LD, pivots, info = (x.reshape(A.shape[: A.ndim - 3 + x.ndim]) for x in made)
    known = concrete(info) if check_errors else None
    if known is not None and known.any():
        raise RuntimeError(f"torch.linalg.ldl_factor: D[{known.max()}] is zero (error code: {known.max()})")
    return SymmetricFactorsInfo(LD, pivots, info)


@operation("linalg", grad_fn="NotImplemented", spelled="ldl_factor")
def linalg_ldl_factor(A: jax.Array, *, hermitian: bool = False) -> SymmetricFactors:
    """A = L D L^T (L D L^H with `hermitian`) of a symmetric A, of which the lower triangle is read.

    D has blocks of one or two rows; see `SymmetricFactors`. Raises RuntimeError for what are no square
    matrices, and, as far as values are known, where D is singular.

    Differs from PyTorch: it is differentiable.
    """
    made = linalg_ldl_factor_ex(A, hermitian=hermitian, check_errors=True)
    return SymmetricFactors(made.LD, made.pivots)


def _exchanged(X: jax.Array, i: jax.Array, j: jax.Array) -> jax.Array:
    return X.at[i].set(X[j]).at[j].set(X[i])


def _solution(LD: jax.Array, pivots: jax.Array, B: jax.Array, hermitian: bool) -> jax.Array:
    """X of one system."""
    size = LD.shape[0]
    places = jnp.arange(size, dtype=pivots.dtype)
    paired = pivots < 0
    second = paired & (jnp.cumsum(paired) % 2 == 0)
    first = paired & ~second
    rows = jnp.abs(pivots) - 1
    # L alone: below the diagonal, without what of a block lies there.
    lower = jnp.where((places[:, None] > places) & ~(first & (places[:, None] == places + 1)), LD, 0)

    def down(X: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
        after = jnp.minimum(k + 1, size - 1)
        moved = _exchanged(X, jnp.where(first[k], after, k), rows[k])
        left = lower[:, k, None] * moved[k]
        left = left + jnp.where(first[k], lower[:, after, None] * moved[after], 0)
        return jnp.where(second[k], X, moved - left), None

    def up(X: jax.Array, k: jax.Array) -> tuple[jax.Array, None]:
        above = jnp.where(second[k], k - 1, k)
        columns = jnp.stack([lower[:, k], lower[:, above]])
        taken = jnp.matmul(jnp.conj(columns) if hermitian else columns, X, precision="highest")
        moved = X.at[k].add(-taken[0])
        moved = jnp.where(second[k], moved.at[above].add(-taken[1]), moved)
        return jnp.where(first[k], X, _exchanged(moved, k, rows[k])), None

    X = lax.scan(down, B, places)[0]
    diagonal = jnp.diagonal(LD)
    below = jnp.where(first, jnp.append(jnp.diagonal(LD, -1), jnp.zeros((), LD.dtype)), 0)[:, None]
    left, right = jnp.roll(below, 1, 0), below
    own = diagonal[:, None]
    other = jnp.where(second[:, None], jnp.roll(own, 1, 0), jnp.roll(own, -1, 0))
    across = jnp.where(
        second[:, None], left * jnp.roll(X, 1, 0), _turned(right, hermitian) * jnp.roll(X, -1, 0)
    )
    product = jnp.where(second[:, None], left, right)
    determinant = own * other - product * _turned(product, hermitian)
    pair = paired[:, None]
    X = jnp.where(pair, (other * X - across) / jnp.where(pair, determinant, 1), X / jnp.where(pair, 1, own))
    return lax.scan(up, X, places, reverse=True)[0]


def _turned(x: jax.Array, hermitian: bool) -> jax.Array:
    return jnp.conj(x) if hermitian else x


@operation("linalg", grad_fn="NotImplemented", spelled="ldl_solve")
def linalg_ldl_solve(LD: jax.Array, pivots: jax.Array, B: jax.Array, *, hermitian: bool = False) -> jax.Array:
    """X with A X = B, A given by ldl_factor. Raises RuntimeError for shapes and dtypes that do not fit."""
    LD = check_matrices("torch.linalg.ldl_solve", LD)
    if B.ndim < 2:
        raise RuntimeError(f"torch.linalg.ldl_solve: Expected B to have at least 2 dimensions, got {B.ndim}")
    if LD.shape[-1] != B.shape[-2]:
        raise RuntimeError(
            "Incompatible matrix sizes for torch.linalg.ldl_solve: each A matrix is "
            f"{LD.shape[-1]} by {LD.shape[-1]} but each b matrix is {B.shape[-2]} by {B.shape[-1]}"
        )
    if not is_integral(pivots):
        raise RuntimeError(
            f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {scalar_name(pivots)}"
        )
    if pivots.shape != LD.shape[:-1]:
        raise RuntimeError(
            "torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots "
            f"with shape {list(pivots.shape)} instead"
        )
    if B.dtype != LD.dtype:
        raise RuntimeError(
            "torch.linalg.ldl_solve: Expected b and A to have the same dtype, but found b of type "
            f"{scalar_name(B)} and A of type {scalar_name(LD)} instead."
        )
    batch = jnp.broadcast_shapes(LD.shape[:-2], B.shape[:-2])
    shape = (*batch, *B.shape[-2:])
    if not math.prod(shape):
        return jnp.zeros(shape, B.dtype)
    complex_hermitian = hermitian and jnp.iscomplexobj(LD)
    together: list[Any] = [
        _flat(jnp.broadcast_to(x, (*batch, *x.shape[x.ndim - ndim :])), ndim)
        for x, ndim in ((LD, 2), (pivots, 1), (B, 2))
    ]
    return jax.vmap(partial(_solution, hermitian=complex_hermitian))(*together).reshape(shape)
