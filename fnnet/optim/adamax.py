"""Adamax, Adam with the infinity norm (torch.optim.Adamax)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, change_by_addcdiv, is_zero, lerp, mul, one_minus_power
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_betas, require_non_negative, rule


class AdamaxState(NamedTuple):
    """`exp_inf` is the decaying maximum of the gradient's magnitude."""

    step: jax.Array
    exp_avg: Any
    exp_inf: Any


@rule("Adamax", *AdamaxState._fields, execution=("foreach", "differentiable", "capturable"))
def adamax(
    lr: Hyper = 2e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adam, but divided by the decaying maximum of the gradient's magnitude (plus eps).

    Raises:
        ValueError: a negative argument, or a beta outside [0, 1).
    """
    require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
    require_betas(betas)

    def prepare(at: Clock) -> Leaf:
        beta1, beta2, epsilon, decay = at(betas[0]), at(betas[1]), at(eps), at(weight_decay)
        rate = at(lr) / one_minus_power(beta1, at.step)

        def leaf(p: jax.Array, g: jax.Array, m: jax.Array, norm: jax.Array) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            m = lerp(m, g, 1 - beta1)
            norm = jnp.maximum(mul(norm, beta2), add(jnp.abs(g), epsilon))
            return change_by_addcdiv(p, m, norm, -rate), m, norm

        return leaf

    slots = {"exp_avg": jnp.zeros_like, "exp_inf": jnp.zeros_like}
    return per_parameter("adamax", AdamaxState, slots, prepare, maximize)
