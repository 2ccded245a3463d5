"""Affine maps."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from fnnet.functional.half import rounds_once, spread, widened
from fnnet.functional.operation import operation

__all__ = ["bilinear", "linear"]


def _check_product(input: jax.Array, weight: jax.Array) -> None:
    if input.dtype != weight.dtype:
        raise RuntimeError(
            f"linear: mat1 and mat2 must have the same dtype, but got {input.dtype} and {weight.dtype}"
        )
    if input.ndim == 0 or weight.ndim not in (1, 2):
        raise RuntimeError(
            "linear: both arguments to linear need to be at least 1D, and weight at most 2D, "
            f"but they are {input.ndim}D and {weight.ndim}D"
        )
    features = input.shape[-1]
    if features != weight.shape[-1]:
        rows = input.size // features if features else 0
        transposed = "x".join(str(size) for size in weight.shape[::-1])
        raise RuntimeError(
            f"linear: mat1 and mat2 shapes cannot be multiplied ({rows}x{features} and {transposed}): "
            "input has "
            f"{features} features, weight expects {weight.shape[-1]}"
        )


def by_rows(rows: jax.Array, others: jax.Array, **options: Any) -> jax.Array:
    """rows (..., L, E) times others (..., S, E) transposed: (..., L, S).

    A single row is put on the right: of one on the left XLA on a CPU makes products and sums of its own,
    which take 0.4 to 0.7 ms for 1000 to 1000 instead of 0.07, and with gradients 1.5 instead of 0.2.
    """
    if rows.shape[-2] == 1:
        return jnp.swapaxes(jnp.matmul(others, jnp.swapaxes(rows, -1, -2), **options), -1, -2)
    return jnp.matmul(rows, jnp.swapaxes(others, -1, -2), **options)


@operation("nn.functional", grad_fn="AddmmBackward0")
def linear(input: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """input (..., in) times weight (out, in) transposed, plus bias (out,), as torch.nn.functional.linear.

    Raises RuntimeError for shapes or dtypes that do not fit.
    """
    _check_product(input, weight)
    if bias is not None and rounds_once(input, weight, bias):
        return linear(widened(input), widened(weight), widened(bias)).astype(input.dtype)
    if input.ndim > 1 and weight.ndim == 2 and math.prod(input.shape[:-1]) == 1:
        row = input.reshape(1, input.shape[-1])
        output = by_rows(row, weight).reshape(*input.shape[:-1], weight.shape[0])
    else:
        output = jnp.matmul(input, weight.T)
    return output if bias is None else jnp.add(*spread(output, bias))


@operation("torch", "nn.functional", grad_fn="AddBackward0")
def bilinear(
    input1: jax.Array, input2: jax.Array, weight: jax.Array, bias: jax.Array | None = None
) -> jax.Array:
    """y_k = x1ᵀ W_k x2 + b_k: input1 (..., in1), input2 (..., in2), weight (out, in1, in2), bias (out,)."""
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear(): input batch dimensions do not match: got {input1.shape} and {input2.shape}"
        )
    if (input1.shape[-1], input2.shape[-1]) != weight.shape[1:]:
        raise RuntimeError(
            f"bilinear(): input sizes do not match weight size: got {input1.shape[-1]} and "
            f"{input2.shape[-1]}, "
            f"weight is {weight.shape}"
        )
    output = jnp.einsum("...i,kij,...j->...k", input1, weight, input2)
    return output if bias is None else jnp.add(*spread(output, bias))
