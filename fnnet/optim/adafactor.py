"""Adafactor (torch.optim.Adafactor)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import is_zero, lerp, mul
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require, rule


class AdafactorState(NamedTuple):
    """`row_var` and `col_var` for parameters of two dimensions or more, `variance` for the others."""

    step: jax.Array
    row_var: Any
    col_var: Any
    variance: Any


def _refuse_complex(p: Any) -> None:
    if jnp.iscomplexobj(p):
        raise RuntimeError("Adafactor does not support complex parameters")


def _root_mean_square(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(x * x)) / max(x.size, 1) ** 0.5


def _mean_square(g: jax.Array, axis: int) -> jax.Array:
    return jnp.sum(g * g, axis=axis, keepdims=True) / g.shape[axis]


@rule("Adafactor", *AdafactorState._fields, execution=("foreach",))
def adafactor(
    lr: Hyper = 1e-2,
    beta2_decay: Hyper = -0.8,
    eps: tuple[Hyper | None, Hyper] = (None, 1e-3),
    d: Hyper = 1.0,
    weight_decay: Hyper = 0.0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adam without momentum, the second moment of a matrix kept as its row and column means.

    The step is at most `lr`, scaled by the parameter's root mean square (at least eps[1]); updates are
    clipped to a root mean square of `d`. eps[0] None is the machine epsilon of the parameter's dtype.

    Raises:
        ValueError: an argument out of its range. RuntimeError: a complex parameter.
    """
    require(lambda v: v >= 0, lr, "Learning rate should be >= 0 but is")
    require(lambda v: v <= 0, beta2_decay, "beta2_decay should be <= 0 but is", "beta2_decay")
    if eps[0] is not None:
        require(lambda v: v >= 0, eps[0], "epsilon1 should be >= 0 but is", "eps[0]")
    require(lambda v: v >= 0, eps[1], "epsilon2 should be >= 0 but is", "eps[1]")
    require(lambda v: v >= 1, d, "Clipping threshold d should be >= 1 but is", "d")
    require(lambda v: v >= 0, weight_decay, "weight_decay should be >= 0 but is", "weight_decay")

    def prepare(at: Clock) -> Leaf:
        rate, decay, threshold, smallest = at(lr), at(weight_decay), at(d), at(eps[1])
        fresh = jnp.exp(jnp.log(at.step) * at(beta2_decay))
        rho = jnp.minimum(rate, 1 / jnp.sqrt(at.step))

        def leaf(p: jax.Array, g: jax.Array, row: Any, col: Any, variance: Any) -> tuple[Any, ...]:
            epsilon = jnp.finfo(p.dtype).eps if eps[0] is None else at(eps[0])
            floor = jnp.asarray(epsilon).astype(p.dtype)
            scale = jnp.maximum(jnp.asarray(smallest).astype(p.dtype), _root_mean_square(p))
            start = p if is_zero(decay) else mul(p, 1 - rate * decay)
            if g.ndim > 1:
                row, col = lerp(row, _mean_square(g, -1), fresh), lerp(col, _mean_square(g, -2), fresh)
                estimate = row * col / jnp.maximum(jnp.mean(row, axis=-2, keepdims=True), floor)
            else:
                variance = lerp(variance, g * g, fresh)
                estimate = variance
            change = jax.lax.rsqrt(jnp.maximum(estimate, floor * floor)) * g
            denom = jnp.maximum(1.0, _root_mean_square(change) / jnp.asarray(threshold).astype(p.dtype))
            change = mul(change, -(mul(scale, rho) / denom))
            return (change if start is p else start + change - p), row, col, variance

        return leaf

    def mean_along(axis: int) -> Any:
        def slot(p: jax.Array) -> Any:
            shape = list(p.shape)
            if p.ndim < 2:
                return None
            shape[axis] = 1
            return jnp.zeros(shape, p.dtype)

        return slot

    slots = {
        "row_var": mean_along(-1),
        "col_var": mean_along(-2),
        "variance": lambda p: None if p.ndim > 1 else jnp.zeros_like(p),
    }
    return per_parameter("adafactor", AdafactorState, slots, prepare, maximize, _refuse_complex)
