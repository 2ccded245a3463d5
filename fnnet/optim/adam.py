"""Adam, AdamW and SparseAdam (torch.optim)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import (
    add,
    addcdiv,
    addcmul,
    change_by_addcdiv,
    div,
    is_zero,
    lerp,
    mul,
    one_minus_power,
)
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_betas, require_non_negative, rule

_EXECUTION = ("foreach", "capturable", "differentiable", "fused")


class AdamState(NamedTuple):
    """`max_exp_avg_sq` is None without amsgrad."""

    step: jax.Array
    exp_avg: Any
    exp_avg_sq: Any
    max_exp_avg_sq: Any


@rule("Adam", *AdamState._fields, execution=_EXECUTION)
def adam(
    lr: Hyper = 1e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
    decoupled_weight_decay: bool = False,
) -> optax.GradientTransformation:
    """Adam; `weight_decay` is added to the gradient, or shrinks the parameters if decoupled.

    amsgrad takes the maximum before the correction of the bias.

    Raises:
        ValueError: a negative argument, or a beta outside [0, 1).
    """
    require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
    require_betas(betas)

    def prepare(at: Clock) -> Leaf:
        rate, beta1, beta2, epsilon, decay = at(lr), at(betas[0]), at(betas[1]), at(eps), at(weight_decay)
        step_size = rate / one_minus_power(beta1, at.step)
        correction = jnp.sqrt(one_minus_power(beta2, at.step))

        def leaf(p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array, v_max: Any) -> tuple[Any, ...]:
            start = p
            if not is_zero(decay):
                if decoupled_weight_decay:
                    start = mul(p, 1 - rate * decay)
                else:
                    g = add(g, p, decay)
            m = lerp(m, g, 1 - beta1)
            v = addcmul(mul(v, beta2), g, g, 1 - beta2)
            if amsgrad:
                v_max = jnp.maximum(v_max, v)
            denom = add(div(jnp.sqrt(v_max if amsgrad else v), correction), epsilon)
            if start is p:
                return change_by_addcdiv(p, m, denom, -step_size), m, v, v_max
            return addcdiv(start, m, denom, -step_size) - p, m, v, v_max

        return leaf

    slots = {
        "exp_avg": jnp.zeros_like,
        "exp_avg_sq": jnp.zeros_like,
        "max_exp_avg_sq": jnp.zeros_like if amsgrad else None,
    }
    return per_parameter("adam", AdamState, slots, prepare, maximize)


@rule("AdamW", *AdamState._fields, execution=_EXECUTION)
def adamw(
    lr: Hyper = 1e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adam with decoupled weight decay: parameters first shrink by 1 - lr * weight_decay."""
    return adam(lr, betas, eps, weight_decay, amsgrad, maximize=maximize, decoupled_weight_decay=True)
