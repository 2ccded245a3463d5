"""Statistics: variance, norms, order statistics, and running sums, products and extremes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import DTypeLike

from fnnet.functional.apart import apart
from fnnet.functional.arithmetic import pow as power_of
from fnnet.functional.dimension import canonical_dim, canonical_dims
from fnnet.functional.dtypes import (
    canonical,
    index_dtype,
    is_bool,
    is_complex,
    is_integral,
    require_floating,
    scalar_name,
)
from fnnet.functional.elementary import abs as magnitude
from fnnet.functional.half import once_rounded, widened
from fnnet.functional.operation import operation
from fnnet.functional.ordering import order_at, sorted_values, stable_order
from fnnet.functional.reduction import picked, shared, summed_dtype
from fnnet.functional.results import ValuesIndices

__all__ = [
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "dist",
    "linalg_vector_norm",
    "logcumsumexp",
    "median",
    "mode",
    "nanmedian",
    "nanquantile",
    "norm",
    "quantile",
    "std",
    "std_mean",
    "var",
    "var_mean",
]

Dims = int | Sequence[int] | None


# The derivative of a norm or a standard deviation at 0 is 0, where JAX gives NaN.
@jax.custom_jvp
def _root(x: jax.Array) -> jax.Array:
    return jnp.sqrt(x)


@_root.defjvp
def _root_jvp(primals: tuple[jax.Array], tangents: tuple[jax.Array]) -> tuple[jax.Array, jax.Array]:
    root = _root(primals[0])
    zero = root == 0
    return root, jnp.where(zero, 0, tangents[0] / (2 * jnp.where(zero, jnp.ones_like(root), root)))


def _moments(
    function: str, input: jax.Array, dim: Any, unbiased: bool | None, correction: Any, keepdim: bool
) -> tuple[jax.Array, jax.Array]:
    """Variance and mean over `dim`; a boolean `dim` is `unbiased`, as in var(input, unbiased)."""
    input = jnp.asarray(input)
    if is_integral(input):
        raise RuntimeError(f"{function} only support floating point and complex dtypes")
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    dims = canonical_dims(dim, input.ndim)
    mean = jnp.mean(input, dims, keepdims=True)
    offset = input - mean
    squares = jnp.real(offset * jnp.conj(offset)) if is_complex(input) else offset * offset
    count = math.prod(input.shape[one] for one in dims)
    divisor = jnp.asarray(max(count - correction, 0), squares.dtype)
    variance = jnp.sum(squares, dims, keepdims=keepdim) / divisor
    return variance, mean if keepdim else jnp.squeeze(mean, dims)


@operation("torch", "Tensor", grad_fn="VarBackward0")
def var(
    input: jax.Array,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> jax.Array:
    """The variance over `dim`: squares divided by the count less the correction (1 unless given)."""
    return _moments("var", input, dim, unbiased, correction, keepdim)[0]


@operation("torch", "Tensor", grad_fn="StdBackward0")
def std(
    input: jax.Array,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> jax.Array:
    """The square root of `var`; its derivative at 0 is 0."""
    return _root(_moments("std", input, dim, unbiased, correction, keepdim)[0])


@operation("torch", grad_fn="VarMeanBackward0")
def var_mean(
    input: jax.Array,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[jax.Array, jax.Array]:
    """The variance and the mean over `dim`."""
    return _moments("var_mean", input, dim, unbiased, correction, keepdim)


@operation("torch", grad_fn="StdMeanBackward0")
def std_mean(
    input: jax.Array,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: Any = None,
) -> tuple[jax.Array, jax.Array]:
    """The standard deviation and the mean over `dim`."""
    variance, mean = _moments("std_mean", input, dim, unbiased, correction, keepdim)
    return _root(variance), mean


@operation("linalg", grad_fn="LinalgVectorNormBackward0", spelled="vector_norm")
@once_rounded
def linalg_vector_norm(
    x: jax.Array,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """(sum |x|^ord)^(1/ord) over `dim`; ±inf give the extremes, 0 counts; the derivative at 0 is 0."""
    x = jnp.asarray(x)
    if is_integral(x) and dtype is None:
        raise RuntimeError(
            f"linalg.vector_norm: Expected a floating point or complex tensor as input. Got {scalar_name(x)}"
        )
    if dtype is not None:
        if not jnp.issubdtype(canonical(dtype), jnp.inexact):
            raise RuntimeError(
                "linalg.vector_norm: dtype should be floating point or complex, but got "
                f"{scalar_name(canonical(dtype))}"
            )
        x = x.astype(canonical(dtype))
    dims = canonical_dims(dim, x.ndim)
    if x.size == 0 and (ord < 0 or math.isinf(ord)) and not all(x.shape[one] for one in dims):
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because the operation does "
            "not have an identity"
        )
    if ord == 2:
        return _root(jnp.sum(jnp.real(x * jnp.conj(x)) if is_complex(x) else x * x, dims, keepdims=keepdim))
    size = magnitude(x)
    if math.isinf(ord):
        return (jnp.max if ord > 0 else jnp.min)(size, dims, keepdims=keepdim)
    if ord == 1:
        return jnp.sum(size, dims, keepdims=keepdim)
    if ord == 0:
        return jnp.sum(x != 0, dims, keepdims=keepdim).astype(size.dtype)
    power = jnp.asarray(ord, size.dtype)
    zero = size == 0
    terms = power_of(jnp.where(zero, jnp.ones_like(size), size), power)
    total = jnp.sum(jnp.where(zero, 0 if ord > 0 else jnp.inf, terms), dims, keepdims=keepdim)
    none = total == 0
    root = power_of(jnp.where(none, jnp.ones_like(total), total), 1 / power)
    return jnp.where(none, 0, root)


@operation("torch", "Tensor", grad_fn="LinalgVectorNormBackward0")
def norm(
    input: jax.Array,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DTypeLike | None = None,
) -> jax.Array:
    """The p-norm of the elements over `dim` (all by default); "fro" is 2, "nuc" sums the singular values."""
    if p == "nuc":
        from fnnet.functional.decomposition import linalg_matrix_norm

        dims = canonical_dims(dim, jnp.ndim(input))
        return linalg_matrix_norm(input, "nuc", dims, keepdim, dtype=dtype)
    if isinstance(p, str) and p != "fro":
        raise RuntimeError(f"norm: expected p to be a number, 'fro' or 'nuc', but got {p!r}")
    return linalg_vector_norm(input, 2 if p is None or isinstance(p, str) else p, dim, keepdim, dtype=dtype)


@operation("torch", "Tensor", grad_fn="LinalgVectorNormBackward0", promote=("input", "other"))
def dist(input: jax.Array, other: jax.Array, p: float = 2) -> jax.Array:
    """The p-norm of input - other."""
    return linalg_vector_norm(jnp.subtract(input, other), p)


def _lines(input: jax.Array, dim: int) -> tuple[jax.Array, int]:
    """The input with at least one dimension, and the dimension counted from the start."""
    input = jnp.asarray(input)
    axis = canonical_dim(dim, input.ndim)
    return (input[None] if input.ndim == 0 else input), axis


@operation("torch", "Tensor", in_place=True, grad_fn="CumsumBackward0")
def cumsum(input: jax.Array, dim: int, *, dtype: DTypeLike | None = None) -> jax.Array:
    """Sums of all elements up to each one along `dim`; of integers an int64."""
    lines, axis = _lines(input, dim)
    kind = summed_dtype(lines, dtype)
    wide = widened(lines.astype(kind))
    return jnp.cumsum(wide, axis, dtype=wide.dtype).astype(kind).reshape(jnp.shape(input))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _running_product(x: jax.Array, axis: int) -> jax.Array:
    return jnp.cumprod(x, axis, dtype=x.dtype)


# By hand because PyTorch divides the products by the elements where none is zero, so that an infinite or NaN
# one makes its derivative NaN; where one is zero JAX's derivative has no such quotient.
@_running_product.defjvp
def _running_product_jvp(axis: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    products = _running_product(x, axis)
    zero = (x == 0).any(axis, keepdims=True)
    # Ones where the other formula holds, so that nothing infinite meets the zeros that it is sent back.
    one = jnp.ones_like(x)
    whole = jax.jvp(lambda x: jnp.cumprod(x, axis, dtype=x.dtype), (jnp.where(zero, x, one),), (change,))[1]
    shares = jnp.cumsum(change / jnp.where(zero, one, x), axis, dtype=x.dtype)
    return products, jnp.where(zero, whole, jnp.where(zero, one, products) * shares)


@operation("torch", "Tensor", in_place=True, grad_fn="CumprodBackward0")
def cumprod(input: jax.Array, dim: int, *, dtype: DTypeLike | None = None) -> jax.Array:
    """Products of all elements up to each one along `dim`; of integers an int64."""
    lines, axis = _lines(input, dim)
    kind = summed_dtype(lines, dtype)
    return _running_product(widened(lines.astype(kind)), axis).astype(kind).reshape(jnp.shape(input))


def _later(a: tuple[jax.Array, jax.Array], b: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
    """Two steps y -> a y + b, one after the other, as one."""
    return a[0] * b[0], b[0] * a[1] + b[1]


def _share(part: jax.Array, whole: jax.Array) -> jax.Array:
    """exp(part - whole); 1 where they are equal, infinite ones among them."""
    return jnp.where(part == whole, jnp.ones_like(part), jnp.exp(part - whole))


def _before(x: jax.Array, axis: int) -> jax.Array:
    """At each place the element before it, at the first place that itself."""
    parts = lax.slice_in_dim(x, 0, 1, axis=axis), lax.slice_in_dim(x, 0, -1, axis=axis)
    return apart(jnp.concatenate(parts, axis))


# The sums of exponentials of the distances to the largest so far, which take a step wherever that grows.
# JAX's tree of pairs computes an exponential and a logarithm for each pair: of a million 320 ms instead of
# 30.
@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _running_logsumexp(x: jax.Array, axis: int) -> jax.Array:
    largest = apart(lax.cummax(x, axis))
    steps = apart(_share(_before(largest, axis), largest)), apart(_share(x, largest))
    return largest + jnp.log(apart(lax.associative_scan(_later, steps, axis=axis)[1]))


# By hand because JAX's derivative, that of a tree of pairs, is garbage from an infinite element on.
@_running_logsumexp.defjvp
def _running_logsumexp_jvp(axis: int, primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x,), (change,) = primals, tangents
    sums = _running_logsumexp(x, axis)
    share = _share(_before(sums, axis), sums)
    first = lax.broadcasted_iota(np.int32, x.shape, axis) == 0
    share = jnp.where(first, jnp.zeros_like(share), share)
    steps = apart(share), apart(jnp.exp(x - sums) * change)
    return sums, lax.associative_scan(_later, steps, axis=axis)[1]


@operation("torch", "Tensor", grad_fn="LogcumsumexpBackward0")
def logcumsumexp(input: jax.Array, dim: int) -> jax.Array:
    """The logarithm of the running sum of exponentials along `dim`."""
    lines, axis = _lines(input, dim)
    sums = _running_logsumexp(widened(lines), axis) if lines.size else lines
    return sums.astype(lines.dtype).reshape(jnp.shape(input))


def _running(input: jax.Array, dim: int, scan: Any) -> ValuesIndices:
    """Running extremes: an element equal to the extreme so far is the newest place of it."""
    if is_bool(input):
        found = _running(input.astype(jnp.uint8), dim, scan)
        return ValuesIndices(found.values.astype(bool), found.indices)
    lines, axis = _lines(input, dim)
    extreme = scan(lax.stop_gradient(lines), axis)
    fresh = lines == extreme
    if not is_integral(lines):
        fresh |= jnp.isnan(lines)
    few = lines.shape[axis] < 2**31
    places = lax.broadcasted_iota(np.dtype(np.int32) if few else index_dtype(), lines.shape, axis)
    newest = lax.cummax(jnp.where(fresh, places, 0), axis)
    indices, values = newest.astype(index_dtype()), jnp.take_along_axis(lines, newest, axis)
    return ValuesIndices(values.reshape(jnp.shape(input)), indices.reshape(jnp.shape(input)))


@operation("torch", "Tensor", grad_fn="CummaxBackward0")
def cummax(input: jax.Array, dim: int) -> ValuesIndices:
    """The largest element so far along `dim` and its index, the last in a tie; it gets the derivative."""
    return _running(input, dim, lax.cummax)


@operation("torch", "Tensor", grad_fn="CumminBackward0")
def cummin(input: jax.Array, dim: int) -> ValuesIndices:
    """The smallest element so far along `dim` and its index, the last in a tie; it gets the derivative."""
    return _running(input, dim, lax.cummin)


def _middle(input: jax.Array, dim: int | None, keepdim: bool, skip_nan: bool) -> Any:
    """The lower middle element, NaN where one is (or, with skip_nan, among those that are not NaN)."""
    input = jnp.asarray(input)
    if dim is None:
        flat = input.reshape(-1)
        if flat.size == 0:
            return jnp.full((), jnp.nan, input.dtype)
        value = lax.stop_gradient(_middle(flat, 0, False, skip_nan).values)
        return value if is_integral(input) else shared(input, value)
    lines, axis = _lines(input, dim)
    if lines.shape[axis] == 0:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    if is_integral(lines):
        missing = jnp.zeros_like(lines, bool)
    else:
        missing = jnp.isnan(lines)
    absent = jnp.sum(missing, axis, keepdims=True, dtype=index_dtype())
    count = lines.shape[axis]
    place = (
        jnp.maximum((count - absent - 1) // 2, 0)
        if skip_nan
        else jnp.where(absent > 0, count - absent, (count - 1) // 2)
    )
    result = picked(lines, order_at(lines, place, axis), axis, keepdim)
    return ValuesIndices(*(part.reshape(()) for part in result)) if input.ndim == 0 else result


@operation("torch", "Tensor", grad_fn="MedianBackward0")
def median(input: jax.Array, dim: int | None = None, keepdim: bool = False) -> Any:
    """The middle element, the lower of two; along `dim` values and indices. NaN where an element is.

    Over all elements those equal to the median share the derivative; along a dimension the index gets it.
    """
    return _middle(input, dim, keepdim, False)


@operation("torch", "Tensor", grad_fn="NanmedianBackward0")
def nanmedian(input: jax.Array, dim: int | None = None, keepdim: bool = False) -> Any:
    """The median of the elements that are not NaN."""
    return _middle(input, dim, keepdim, True)


@operation("torch", "Tensor", grad_fn="ModeBackward0")
def mode(input: jax.Array, dim: int = -1, keepdim: bool = False) -> ValuesIndices:
    """The most frequent element along `dim`, the smallest in a tie, and the last place where it stands.

    Differs from PyTorch: with NaN, what that gives depends on how its sort happens to leave the line; here a
    NaN is larger than all, and no other's equal.
    """
    lines, axis = _lines(input, dim)
    if not lines.shape[axis]:
        raise IndexError(f"mode(): Expected reduction dim {axis} to have non-zero size.")
    order = stable_order(lines, axis)
    ordered = jnp.take_along_axis(lines, order, axis)
    places = lax.broadcasted_iota(index_dtype(), lines.shape, axis)
    fresh = jnp.concatenate(
        [
            jnp.ones_like(lax.slice_in_dim(ordered, 0, 1, axis=axis), bool),
            lax.slice_in_dim(ordered, 1, None, axis=axis) != lax.slice_in_dim(ordered, 0, -1, axis=axis),
        ],
        axis,
    )
    run = places - lax.cummax(jnp.where(fresh, places, 0), axis)
    place = jnp.argmax(run, axis, keepdims=True)
    result = picked(lines, jnp.take_along_axis(order, place, axis), axis, keepdim)
    return ValuesIndices(*(part.reshape(()) for part in result)) if jnp.ndim(input) == 0 else result


_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _quantile(
    function: str,
    input: jax.Array,
    q: Any,
    dim: int | None,
    keepdim: bool,
    mode: str,
    skip_nan: bool,
) -> jax.Array:
    input = jnp.asarray(input)
    require_floating(function, input)
    if mode not in _INTERPOLATIONS:
        raise RuntimeError(f"{function}() interpolation must be one of {_INTERPOLATIONS}, but got {mode!r}")
    if isinstance(q, float | int) and not 0 <= q <= 1:
        raise RuntimeError(f"{function}() q must be in the range [0, 1] but got {q:g}")
    q = jnp.asarray(q, input.dtype)
    if q.ndim > 1:
        raise RuntimeError(f"{function}() q must be a scalar or 1D tensor, but has {q.ndim} dimensions")
    if input.size == 0:
        raise RuntimeError(f"{function}() input tensor must be non-empty")
    axis = canonical_dim(dim, input.ndim) if dim is not None else 0
    flat = input.reshape(-1) if dim is None or input.ndim == 0 else jnp.moveaxis(input, axis, -1)
    ordered = sorted_values(flat, flat.ndim - 1)
    missing = jnp.sum(jnp.isnan(flat), -1, keepdims=True).astype(input.dtype)
    last = flat.shape[-1] - 1
    if skip_nan:
        rank = q.reshape(-1) * jnp.maximum(last - missing, 0)
    else:
        rank = jnp.where(missing > 0, jnp.asarray(last, input.dtype), q.reshape(-1) * last)
    rank = jnp.broadcast_to(rank, (*flat.shape[:-1], q.size))
    if mode == "nearest":
        rank = jnp.round(rank)
    below = jnp.floor(rank) if mode != "higher" else jnp.ceil(rank)
    low = jnp.take_along_axis(ordered, below.astype(index_dtype()), -1)
    if mode in ("linear", "midpoint"):
        high = jnp.take_along_axis(ordered, jnp.ceil(rank).astype(index_dtype()), -1)
        weight = rank - below if mode == "linear" else jnp.full_like(rank, 0.5)
        step = high - low
        low = jnp.where(weight < 0.5, low + weight * step, high - step * (1 - weight))
    result = jnp.moveaxis(low, -1, 0)
    if keepdim:
        shape = [1] * input.ndim if dim is None or input.ndim == 0 else list(result.shape[1:])
        if dim is not None and input.ndim:
            shape.insert(axis, 1)
        result = result.reshape(q.size, *shape)
    return result[0] if q.ndim == 0 else result


@operation("torch", "Tensor", grad_fn="SqueezeBackward0")
def quantile(
    input: jax.Array, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> jax.Array:
    """The q-quantiles along `dim` (of all elements by default); several q come first in the shape."""
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@operation("torch", "Tensor", grad_fn="SqueezeBackward0")
def nanquantile(
    input: jax.Array, q: Any, dim: int | None = None, keepdim: bool = False, *, interpolation: str = "linear"
) -> jax.Array:
    """The q-quantiles of the elements that are not NaN."""
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
