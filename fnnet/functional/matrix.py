"""Products of matrices and vectors."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.dimension import canonical_dim
from fnnet.functional.distance import farthest
from fnnet.functional.dtypes import index_dtype, is_bool, is_integral, scalar_name
from fnnet.functional.half import once_rounded, rounds_once, spread, widened
from fnnet.functional.operation import operation
from fnnet.functional.statistics import linalg_vector_norm

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "addr",
    "baddbmm",
    "bmm",
    "cdist",
    "cross",
    "dot",
    "einsum",
    "inner",
    "kron",
    "linalg_cross",
    "linalg_multi_dot",
    "linalg_vecdot",
    "matmul",
    "mm",
    "mv",
    "outer",
    "tensordot",
    "trace",
    "vdot",
]


def _dims(x: jax.Array) -> str:
    return "x".join(str(size) for size in x.shape)


def _require_one_dtype(function: str, first: jax.Array, second: jax.Array) -> None:
    if first.dtype != second.dtype:
        raise RuntimeError(
            f"{function}: expected m1 and m2 to have the same dtype, but got: {scalar_name(first)} != "
            f"{scalar_name(second)}"
        )


def _require_ndim(function: str, name: str, x: jax.Array, ndim: int) -> None:
    if x.ndim != ndim:
        raise RuntimeError(f"{function}: Expected {ndim}-D argument {name}, but got {x.ndim}-D")


@operation("torch", "Tensor", grad_fn="MmBackward0")
def mm(input: jax.Array, mat2: jax.Array) -> jax.Array:
    """The product of two matrices. Raises RuntimeError for shapes that do not fit."""
    if input.ndim != 2:
        raise RuntimeError(f"mm: self must be a matrix, but is {input.ndim}D")
    if mat2.ndim != 2:
        raise RuntimeError(f"mm: mat2 must be a matrix, but is {mat2.ndim}D")
    _require_one_dtype("mm", input, mat2)
    if input.shape[1] != mat2.shape[0]:
        raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({_dims(input)} and {_dims(mat2)})")
    return jnp.matmul(input, mat2)


@operation("torch", "Tensor", grad_fn="BmmBackward0")
def bmm(input: jax.Array, mat2: jax.Array) -> jax.Array:
    """The products of the matrices of two batches (b, n, m) and (b, m, p)."""
    for name, x in (("batch1", input), ("batch2", mat2)):
        if x.ndim != 3:
            raise RuntimeError(f"{name} must be a 3D tensor")
    if 0 in (*input.shape, *mat2.shape):
        input = input.astype(mat2.dtype)  # PyTorch gives an empty product before it looks
    _require_one_dtype("bmm", input, mat2)
    expected = [input.shape[0], input.shape[2]]
    if list(mat2.shape[:2]) != expected:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: {expected} but got: "
            f"{list(mat2.shape[:2])}."
        )
    return jnp.matmul(input, mat2)


@operation("torch", "Tensor", grad_fn="MvBackward0")
def mv(input: jax.Array, vec: jax.Array) -> jax.Array:
    """The product of a matrix and a vector."""
    if input.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {1}, {input.ndim}, {vec.ndim}")
    _require_one_dtype("mv", input, vec)
    if input.shape[1] != vec.shape[0]:
        raise RuntimeError(
            f"size mismatch, got input ({input.shape[0]}), mat ({_dims(input)}), vec ({vec.shape[0]})"
        )
    return jnp.matmul(input, vec)


def _dot(function: str, input: jax.Array, other: jax.Array) -> None:
    if input.ndim != 1 or other.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {other.ndim}D tensors")
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"{function} : expected both vectors to have same dtype, but found {scalar_name(input)} and "
            f"{scalar_name(other)}"
        )
    if input.shape != other.shape:
        raise RuntimeError(
            f"inconsistent tensor size, expected tensor {list(input.shape)} and src {list(other.shape)} "
            "to have the "
            f"same number of elements, but got {input.size} and {other.size} elements respectively"
        )


@operation("torch", "Tensor", grad_fn="DotBackward0")
def dot(input: jax.Array, tensor: jax.Array) -> jax.Array:
    """The sum of products of two vectors."""
    _dot("dot", input, tensor)
    return jnp.dot(input, tensor)


@operation("torch", "Tensor", grad_fn="VdotBackward0")
def vdot(input: jax.Array, other: jax.Array) -> jax.Array:
    """The sum of products of two vectors, the first conjugated."""
    _dot("vdot", input, other)
    return jnp.vdot(input, other)


@operation("torch", "Tensor", grad_fn="MmBackward0")
def matmul(input: jax.Array, other: jax.Array) -> jax.Array:
    """The product of matrices or vectors, batches broadcast. Raises RuntimeError for shapes that misfit."""
    if input.ndim == 0 or other.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {input.ndim}D and {other.ndim}D"
        )
    if input.ndim == 1 and other.ndim == 1:
        return dot(input, other)
    if input.ndim == 2 and other.ndim == 1:
        return mv(input, other)
    if input.ndim <= 2 and other.ndim == 2:
        return mm(input[None], other)[0] if input.ndim == 1 else mm(input, other)
    _require_one_dtype("matmul", input, other)
    inner = other.shape[-2] if other.ndim > 1 else other.shape[-1]
    if input.shape[-1] != inner:
        if other.ndim <= 2:
            rows = input.size // input.shape[-1] if input.shape[-1] else 0
            second = _dims(other) if other.ndim == 2 else f"{other.shape[0]}x1"
            raise RuntimeError(
                f"mat1 and mat2 shapes cannot be multiplied ({rows}x{input.shape[-1]} and {second})"
            )
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{other.shape[0]}, "
            f"{input.shape[-1]}] "
            f"but got: [{other.shape[0]}, {inner}]."
        )
    first, second_batch = input.shape[:-2], other.shape[:-2]
    for i in range(1, min(len(first), len(second_batch)) + 1):
        a, b = first[-i], second_batch[-i]
        if a != b and 1 not in (a, b):
            raise RuntimeError(
                f"The size of tensor a ({a}) must match the size of tensor b ({b}) at non-singleton "
                "dimension "
                f"{max(len(first), len(second_batch)) - i}"
            )
    return jnp.matmul(input, other)


def _blend(function: str, input: jax.Array, product: jax.Array, beta: Any, alpha: Any) -> jax.Array:
    """beta * input + alpha * product; a beta of 0 ignores the input, NaN and all."""
    if is_integral(product) and (isinstance(beta, float) or isinstance(alpha, float)):
        raise RuntimeError(
            f"{function}: For integral input tensors, argument beta and alpha must not be floating point"
        )
    if not isinstance(alpha, int) or alpha != 1:
        product = alpha * product
    try:
        shape = jnp.broadcast_shapes(input.shape, product.shape)
    except ValueError:
        shape = ()
    if shape != product.shape:
        raise RuntimeError(
            f"{function}: The expanded size of the tensor must match the existing size: "
            f"expand({list(input.shape)}, "
            f"size={list(product.shape)})"
        )
    if isinstance(beta, int | float) and beta == 0:
        return product
    return (input if isinstance(beta, int) and beta == 1 else beta * input) + product


@operation("torch", "Tensor", in_place=True, grad_fn="AddmmBackward0")
def addmm(input: jax.Array, mat1: jax.Array, mat2: jax.Array, *, beta: Any = 1, alpha: Any = 1) -> jax.Array:
    """beta * input + alpha * mat1 @ mat2."""
    if rounds_once(input, mat1, mat2):
        return addmm(widened(input), widened(mat1), widened(mat2), beta=beta, alpha=alpha).astype(input.dtype)
    return _blend("addmm", input, mm(mat1, mat2), beta, alpha)


@operation("torch", "Tensor", in_place=True, grad_fn="AddmvBackward0")
def addmv(input: jax.Array, mat: jax.Array, vec: jax.Array, *, beta: Any = 1, alpha: Any = 1) -> jax.Array:
    """beta * input + alpha * mat @ vec."""
    if rounds_once(input, mat, vec):
        return addmv(widened(input), widened(mat), widened(vec), beta=beta, alpha=alpha).astype(input.dtype)
    return _blend("addmv", input, mv(mat, vec), beta, alpha)


@operation("torch", "Tensor", in_place=True, grad_fn="AddrBackward0", promote=("input", "vec1", "vec2"))
def addr(input: jax.Array, vec1: jax.Array, vec2: jax.Array, *, beta: Any = 1, alpha: Any = 1) -> jax.Array:
    """beta * input + alpha * the outer product of two vectors."""
    return _blend("addr", input, outer(vec1, vec2), beta, alpha)


def _require_batches(*batches: jax.Array) -> None:
    """PyTorch reads the three lengths before it says that there are not three: IndexError."""
    for one in batches:
        canonical_dim(max(1, min(one.ndim, 2)), one.ndim)


@operation("torch", "Tensor", in_place=True, grad_fn="BaddbmmBackward0")
def baddbmm(
    input: jax.Array, batch1: jax.Array, batch2: jax.Array, *, beta: Any = 1, alpha: Any = 1
) -> jax.Array:
    """beta * input + alpha * the products of the matrices of two batches."""
    if rounds_once(input, batch1, batch2):
        return baddbmm(widened(input), widened(batch1), widened(batch2), beta=beta, alpha=alpha).astype(
            input.dtype
        )
    _require_batches(batch1, batch2)
    return _blend("baddbmm", input, bmm(batch1, batch2), beta, alpha)


@operation("torch", "Tensor", in_place=True, grad_fn="AddbmmBackward0")
def addbmm(
    input: jax.Array, batch1: jax.Array, batch2: jax.Array, *, beta: Any = 1, alpha: Any = 1
) -> jax.Array:
    """beta * input + alpha * the sum of the products of the matrices of two batches."""
    if rounds_once(input, batch1, batch2):
        return addbmm(widened(input), widened(batch1), widened(batch2), beta=beta, alpha=alpha).astype(
            input.dtype
        )
    _require_batches(batch1, batch2)
    jax.eval_shape(bmm, batch1, batch2)  # for its errors
    return _blend("addbmm", input, jnp.einsum("bnm,bmp->np", batch1, batch2), beta, alpha)


@operation("torch", "Tensor", grad_fn="MulBackward0", promote=("input", "vec2"), aliases=("ger",))
def outer(input: jax.Array, vec2: jax.Array) -> jax.Array:
    """The products of each element of one vector with each of another."""
    _require_ndim("outer", "self", input, 1)
    _require_ndim("outer", "vec2", vec2, 1)
    return jnp.multiply(input[:, None], vec2)


@operation("torch", "Tensor", grad_fn="ViewBackward0", promote=("input", "other"))
def inner(input: jax.Array, other: jax.Array) -> jax.Array:
    """The sums of products over the last dimension of both; a scalar multiplies."""
    if input.ndim == 0 or other.ndim == 0:
        return jnp.multiply(*spread(input, other))
    if input.shape[-1] != other.shape[-1]:
        raise RuntimeError(
            "inner() the last dimension must match on both input tensors but got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    return jnp.tensordot(input, other, (-1, -1))


@operation("torch", grad_fn="ViewBackward0")
def einsum(equation: str, *operands: Any) -> jax.Array:
    """The sum of products that the equation names ("ij,jk->ik"). Raises RuntimeError for a misfit."""
    if not operands:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, or at least one operand "
            "and its subscripts list"
        )
    several = operands[0] if len(operands) == 1 and isinstance(operands[0], Sequence) else operands
    if len(several) == 1:
        several = (_summed_wide(equation, jnp.asarray(several[0])),)
    try:
        return jnp.einsum(equation, *several)
    except (ValueError, TypeError) as error:
        raise RuntimeError(
            f"einsum(): operands of shapes {[list(x.shape) for x in several]} do not fit {equation!r}: "
            f"{error}"
        ) from error


def _summed_wide(equation: str, x: jax.Array) -> jax.Array:
    """The one operand of an equation: integers are summed as 64-bit ones. Raises for uneven diagonals."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    letters = left.replace("...", "")
    if "..." not in left and len(letters) == x.ndim:
        for place, letter in enumerate(letters):
            first = letters.index(letter)
            if x.shape[first] != x.shape[place]:
                raise RuntimeError(
                    f"einsum(): subscript {letter} is repeated for operand 0 but the sizes don't match, "
                    f"{x.shape[place]} != {x.shape[first]}"
                )
    kept = right if arrow else [one for one in letters if letters.count(one) == 1]
    summed = is_integral(x) and any(one not in kept for one in letters)
    return x.astype(index_dtype()) if summed else x


@operation("torch", grad_fn="ViewBackward0")
def tensordot(a: jax.Array, b: jax.Array, dims: Any = 2) -> jax.Array:
    """The sums of products over several dimensions: the last of a and first of b, or two lists of them."""
    if isinstance(dims, int):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        left, right = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    else:
        left, right = ([one] if isinstance(one, int) else [int(i) for i in one] for one in dims)
    if len(left) != len(right):
        raise RuntimeError(f"both dimension lists should have same length, got {len(left)} and {len(right)}")
    left = [canonical_dim(one, a.ndim) for one in left]
    right = [canonical_dim(one, b.ndim) for one in right]
    for i, j in zip(left, right, strict=True):
        if a.shape[i] == 1 != b.shape[j]:
            b = jnp.sum(b, j, keepdims=True)
        elif b.shape[j] == 1 != a.shape[i]:
            a = jnp.sum(a, i, keepdims=True)
        elif a.shape[i] != b.shape[j]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and "
                "second has "
                f"size {b.shape[j]} in dim {j}"
            )
    return jnp.tensordot(a, b, (left, right))


@operation("torch", "Tensor", grad_fn="ViewBackward0")
@once_rounded
def kron(input: jax.Array, other: jax.Array) -> jax.Array:
    """The Kronecker product."""
    if is_bool(input) and is_bool(other):
        return jnp.kron(input.astype(np.uint8), other.astype(np.uint8)).astype(bool)
    return jnp.kron(input, other)


@operation("torch", "Tensor", grad_fn="LinalgCrossBackward0", promote=("input", "other"))
def cross(input: jax.Array, other: jax.Array, dim: int | None = None) -> jax.Array:
    """The cross product of vectors of 3 along `dim`, by default the first dimension of size 3."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    x, y = jnp.broadcast_arrays(input, other)
    if dim is None:
        threes = [i for i, size in enumerate(x.shape) if size == 3]
        if not threes:
            raise RuntimeError("no dimension of size 3 in input")
        dim = threes[0]
    axis = canonical_dim(dim, x.ndim)
    if not input.shape[axis] == other.shape[axis] == 3:
        raise RuntimeError(
            f"linalg.cross: inputs dimension {dim} must have length 3. Got {input.shape[axis]} and "
            f"{other.shape[axis]}"
        )
    return jnp.cross(x, y, axis=axis)


@operation("linalg", grad_fn="LinalgCrossBackward0", promote=("input", "other"), spelled="cross")
def linalg_cross(input: jax.Array, other: jax.Array, *, dim: int = -1) -> jax.Array:
    """The cross product of vectors of 3 along `dim`."""
    return cross(input, other, dim)


@jax.custom_jvp
def _euclidean(x1: jax.Array, x2: jax.Array) -> jax.Array:
    return linalg_vector_norm(x1[..., :, None, :] - x2[..., None, :, :], 2, -1)


# The derivative as products, as in PyTorch. JAX's own goes through all differences (..., n, m, d): forward
# and backward of 200 and 300 rows of 1000 took 740 ms on a CPU, and take 12 so.
@_euclidean.defjvp
def _euclidean_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (x1, x2), (t1, t2) = primals, tangents
    distance = _euclidean(x1, x2)
    product = partial(jnp.matmul, precision=jax.lax.Precision.HIGHEST)
    first = jnp.sum(x1 * t1, -1)[..., :, None] - product(t1, jnp.swapaxes(x2, -1, -2))
    second = jnp.sum(x2 * t2, -1)[..., None, :] - product(x1, jnp.swapaxes(t2, -1, -2))
    same = distance == 0
    return distance, jnp.where(same, 0, (first + second) / jnp.where(same, 1, distance))


_MANY_ROWS = 25
"""From more rows than this on PyTorch takes products for Euclidean distances."""


def _by_products(x1: jax.Array, x2: jax.Array, p: float, compute_mode: str) -> bool:
    if p != 2 or x1.dtype != x2.dtype or x1.dtype not in (jnp.float32, jnp.float64):
        return False
    if compute_mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        return not compute_mode.startswith("donot")
    return max(x1.shape[-2], x2.shape[-2]) > _MANY_ROWS


@operation("torch", grad_fn="CdistBackward0")
def cdist(x1: jax.Array, x2: jax.Array, p: float = 2.0, compute_mode: str = "") -> jax.Array:
    """The p-norm distances (..., n, m) of rows (..., n, d) and (..., m, d); the derivative at 0 is 0.

    `compute_mode` says, as in PyTorch, whether products of matrices are used; here for the derivative alone:
    the distances come from the differences, so that those of equal rows are 0.
    """
    if x1.ndim < 2 or x2.ndim < 2:
        raise RuntimeError(
            f"cdist only supports at least 2D tensors, X1 got: {x1.ndim}D and X2 got: {x2.ndim}D"
        )
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}"
        )
    if _by_products(x1, x2, p, compute_mode):
        return _euclidean(x1, x2)
    difference = x1[..., :, None, :] - x2[..., None, :, :]
    return farthest(difference) if p == np.inf else linalg_vector_norm(difference, p, -1)


@operation("torch", "Tensor", grad_fn="TraceBackward0")
def trace(input: jax.Array) -> jax.Array:
    """The sum of a matrix's diagonal; of integers an int64. Raises RuntimeError for other than a matrix."""
    from fnnet.functional.reduction import sum as summed

    if input.ndim != 2:
        raise RuntimeError("trace: expected a matrix")
    return summed(jnp.diagonal(input))


@operation("linalg", grad_fn="SumBackward0", spelled="vecdot")
def linalg_vecdot(x: jax.Array, y: jax.Array, *, dim: int = -1) -> jax.Array:
    """The sum of products along `dim`, the first conjugated, the other dimensions broadcast."""
    return jnp.sum(jnp.conj(x) * y, dim)


@operation("linalg", grad_fn="MmBackward0", spelled="multi_dot")
def linalg_multi_dot(tensors: Sequence[jax.Array]) -> jax.Array:
    """The product of several matrices, in the order that costs least; the ends may be vectors."""
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    return jnp.linalg.multi_dot(list(tensors))
