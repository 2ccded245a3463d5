"""Affine maps."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from fnnet.functional.operation import operation

__all__ = ["linear"]


@operation("nn.functional", grad_fn="AddmmBackward0")
def linear(input: jax.Array, weight: jax.Array, bias: jax.Array | None = None) -> jax.Array:
    """input (..., in) times weight (out, in) transposed, plus bias (out,), as torch.nn.functional.linear."""
    output = jnp.matmul(input, weight.T)
    return output if bias is None else output + bias
