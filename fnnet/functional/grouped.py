"""Products of the matrices of groups whose parts are uneven, as a mixture of experts has them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from fnnet.functional.dtypes import scalar_name
from fnnet.functional.operation import operation

__all__ = ["grouped_mm"]

_KINDS = ("float32", "bfloat16", "float16")


def _check(mat_a: jax.Array, mat_b: jax.Array, offs: jax.Array | None) -> None:
    for name, mat in (("mat_a", mat_a), ("mat_b", mat_b)):
        if mat.ndim not in (2, 3):
            raise RuntimeError(f"grouped_mm: {name} has to be 2 or 3d, got {mat.ndim}d")
    if mat_a.shape[-1] != mat_b.shape[-2]:
        raise RuntimeError(
            "grouped_mm: contraction dimension of mat_a and mat_b must match, got "
            f"{list(mat_a.shape)} and {list(mat_b.shape)}"
        )
    if (offs is None) != (mat_a.ndim == 3 and mat_b.ndim == 3):
        raise RuntimeError(
            "grouped_mm: Have to provide offsets if there is a 2d matrix, or no offset if both matrices are "
            f"3d, got {mat_a.ndim}d, {mat_b.ndim}d and {'no ' if offs is None else ''}offsets"
        )
    if offs is not None and offs.ndim != 1:
        raise RuntimeError(f"grouped_mm: offs has to be 1D, got {offs.ndim}D")
    if offs is not None and offs.dtype != jnp.int32:
        raise RuntimeError(f"grouped_mm: Offsets have to be int32, got {scalar_name(offs)}")
    batches = {mat.shape[0] for mat in (mat_a, mat_b) if mat.ndim == 3}
    if offs is not None:
        batches |= {offs.shape[0]} if batches else set()
    if len(batches) > 1:
        words = "batched dimension has to match" if offs is None else "matrix batch sizes have to match"
        raise RuntimeError(f"grouped_mm: {words}, got {sorted(batches)}")


def product_of_groups(mat_a: jax.Array, mat_b: jax.Array, offs: jax.Array | None) -> jax.Array:
    """The product; operands of two dimensions have the parts that `offs` ends. Group after group, so that no
    more is held than one product needs; each at the size of all, for how long a part is depends on values."""
    if offs is None:
        return jnp.matmul(mat_a, mat_b)
    begins = jnp.concatenate([jnp.zeros(1, offs.dtype), offs[:-1]])
    rows, columns = mat_a.ndim == 2 and mat_b.ndim == 3, mat_a.ndim == 3
    length = mat_a.shape[0] if rows else mat_b.shape[1] if columns else mat_a.shape[1]
    places = jnp.arange(length, dtype=offs.dtype)

    def of_group(total: jax.Array, group: tuple[jax.Array, ...]) -> tuple[jax.Array, Any]:
        begin, end, *given = group
        part = (begin <= places) & (places < end)
        taken = iter(given)
        a, b = (next(taken) if mat.ndim == 3 else mat for mat in (mat_a, mat_b))
        # Zeros before the product keep what is not of the group out of the derivatives, even if infinite.
        a = jnp.where(part[:, None] if rows else True if columns else part, a, jnp.zeros_like(a))
        b = jnp.where(True if rows else part if columns else part[:, None], b, jnp.zeros_like(b))
        product = jnp.matmul(a, b)
        if rows or columns:
            return jnp.where(part[:, None] if rows else part, product, total), None
        return total, product

    start = jnp.zeros((mat_a.shape[-2], mat_b.shape[-1]), mat_a.dtype)
    scanned = (begins, offs, *(mat for mat in (mat_a, mat_b) if mat.ndim == 3))
    total, products = lax.scan(jax.checkpoint(of_group), start, scanned)
    return total if rows or columns else products


@operation("nn.functional", grad_fn="GroupedMmBackward0")
def grouped_mm(
    mat_a: jax.Array,
    mat_b: jax.Array,
    *,
    offs: jax.Array | None = None,
    bias: jax.Array | None = None,
    out_dtype: Any = None,
) -> jax.Array:
    """The products of the matrices of groups; of operands with two dimensions `offs` says where a part ends.

    | mat_a | mat_b | result | in parts |
    |---|---|---|---|
    | (G, M, K) | (G, K, N) | (G, M, N) | nothing; `offs` is None |
    | (M, K) | (G, K, N) | (M, N) | the rows of mat_a and of the result |
    | (G, M, K) | (K, N) | (M, N) | the columns of mat_b and of the result |
    | (M, K) | (K, N) | (G, M, N) | the dimension that is summed over |

    `offs` (G,) are int32 and never fall. Raises RuntimeError for shapes, dtypes and offsets that do not fit,
    and, as PyTorch does, for a bias.

    Differs from PyTorch: what lies beyond the last offset is zero, not what the memory held; rows need not be
    multiples of 16 bytes.
    """
    if mat_a.dtype.name not in _KINDS:
        raise RuntimeError(
            f"grouped_mm: Expected mat_a to be Float32, BFloat16 or Float16 matrix, got {scalar_name(mat_a)}"
        )
    if mat_a.dtype != mat_b.dtype:
        raise RuntimeError(
            "grouped_mm: expected m1 and m2 to have the same dtype, but got: "
            f"{scalar_name(mat_a)} != {scalar_name(mat_b)}"
        )
    _check(mat_a, mat_b, offs)
    if bias is not None:
        raise RuntimeError("grouped_mm: Bias not supported yet")
    if out_dtype is not None and jnp.dtype(out_dtype) != mat_a.dtype:
        raise RuntimeError(
            f"grouped_mm: Grouped gemm output dtype must match `mat_a` dtype, got {jnp.dtype(out_dtype).name}"
        )
    return product_of_groups(mat_a, mat_b, offs)
