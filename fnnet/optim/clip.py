"""Gradient clipping (torch.nn.utils): functions of a tree of gradients, and the same as transformations.

optimizer = optax.chain(clip_norm(1.0), adam(1e-3))
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import mul


def _norm(x: jax.Array, order: float) -> jax.Array:
    magnitude = jnp.abs(x)
    half = magnitude.dtype in (jnp.float16, jnp.bfloat16)
    wide = magnitude.astype(jnp.float32) if half else magnitude
    if math.isinf(order):
        if x.size == 0:
            raise RuntimeError(f"get_total_norm: a norm of order {order} is not defined for an empty tensor")
        total = jnp.max(wide) if order > 0 else jnp.min(wide)
    elif order == 0:
        total = jnp.sum((wide != 0).astype(wide.dtype))
    elif order == 1:
        total = jnp.sum(wide)
    elif order == 2:
        total = jnp.sqrt(jnp.sum(wide * wide))
    else:
        total = jnp.sum(wide**order) ** (1.0 / order)
    return total.astype(magnitude.dtype)


def get_total_norm(grads: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False) -> jax.Array:
    """The norm of the norms of all gradients, a 0-d array.

    Args:
        grads: a tree of arrays.
        norm_type: the order; `inf` for the largest element. (0 counts the arrays that are not all zero.)
        error_if_nonfinite: raise if the norm is NaN or infinite. Tracing cannot: under jit, test the norm.

    Raises:
        RuntimeError: a norm that is not finite, or `error_if_nonfinite` under a transformation of JAX.
    """
    order = float(norm_type)
    norms = [_norm(g, order) for g in jax.tree.leaves(grads)]
    if not norms:
        return jnp.zeros(())
    with jax.numpy_dtype_promotion("standard"):
        total = _norm(jnp.stack(norms), order)
    if error_if_nonfinite:
        if isinstance(total, jax.core.Tracer):
            raise RuntimeError(
                "clip_grad_norm: error_if_nonfinite=True reads the norm, which is unknown while JAX traces; "
                "test the norm that is returned instead"
            )
        if not bool(jnp.isfinite(total)):
            raise RuntimeError(
                f"The total norm of order {order} for gradients from `parameters` is non-finite, so it "
                "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
                "anyway, set `error_if_nonfinite=False`"
            )
    return total


def clip_grads_with_norm(grads: Any, max_norm: Any, total_norm: jax.Array) -> Any:
    """The gradients times max_norm / (total_norm + 1e-6), if that is below 1."""
    scale = jnp.minimum(jnp.asarray(max_norm).astype(total_norm.dtype) / (total_norm + 1e-6), 1.0)
    return jax.tree.map(lambda g: mul(g, scale), grads)


def clip_grad_norm(
    grads: Any, max_norm: Any, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> tuple[Any, jax.Array]:
    """Clip the norm of all gradients together; PyTorch's `clip_grad_norm_`.

    Returns:
        The clipped gradients, and the norm before. Raises as `get_total_norm`.
    """
    total = get_total_norm(grads, norm_type, error_if_nonfinite)
    return clip_grads_with_norm(grads, max_norm, total), total


def clip_grad_value(grads: Any, clip_value: Any) -> Any:
    """Clip each element of the gradients to [-clip_value, clip_value]; PyTorch's `clip_grad_value_`.

    Raises:
        RuntimeError: a complex gradient.
    """

    def clamp(g: jax.Array) -> jax.Array:
        if jnp.iscomplexobj(g):
            raise RuntimeError(f"clip_grad_value: clamp is not supported for complex types, got {g.dtype}")
        bound = jnp.asarray(clip_value).astype(g.dtype)
        return jnp.clip(g, -bound, bound)

    return jax.tree.map(clamp, grads)


def clip_norm(max_norm: Any, norm_type: float = 2.0) -> optax.GradientTransformation:
    """`clip_grad_norm` as a transformation, to be chained before a rule."""
    return optax.stateless(lambda grads, params: clip_grad_norm(grads, max_norm, norm_type)[0])


def clip_value(clip_value: Any) -> optax.GradientTransformation:
    """`clip_grad_value` as a transformation, to be chained before a rule."""
    return optax.stateless(lambda grads, params: clip_grad_value(grads, clip_value))
