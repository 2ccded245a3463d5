"""RAdam, Adam with a rectified variance (torch.optim.RAdam)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import (
    add,
    addcmul,
    div,
    is_known,
    is_zero,
    lerp,
    mul,
    one_minus_power,
    power,
    scalar_dtype,
)
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_betas, require_non_negative, rule


class RAdamState(NamedTuple):
    """As Adam's."""

    step: jax.Array
    exp_avg: Any
    exp_avg_sq: Any


def _bernoulli(x: Any) -> Any:
    """(x / 2) coth(x / 2) - 1 for |x| <= 1, by its series, to float32's precision."""
    y = x * x
    return y * (1 / 12 - y * (1 / 720 - y * (1 / 30240 - y * (1 / 1209600 - y / 47900160))))


def average_length(beta2: Any, step: jax.Array) -> tuple[Any, Any]:
    """PyTorch's rho_inf and rho_t, the lengths of the simple average that the moving one approximates.

    rho_t = rho_inf - 2 t beta2^t / (1 - beta2^t) is a small difference of two numbers near 2 / (1 - beta2) at
    first. With l = -log(beta2) and (x/2) coth(x/2) = 1 + b(x) it is t + (2 / l) (b(l) - b(t l)), which loses
    no digits in float32.
    """
    rho_inf = 2 / (1 - beta2) - 1
    direct = rho_inf - 2 * step * power(beta2, step) / one_minus_power(beta2, step)
    if not is_known(beta2) or beta2 < 0.5 or scalar_dtype() == jnp.float64:
        return rho_inf, direct
    decay = -math.log(beta2)
    x = jnp.minimum(step * decay, 1.0)
    return rho_inf, jnp.where(
        step * decay < 1, step + 2 / decay * (_bernoulli(decay) - _bernoulli(x)), direct
    )


@rule("RAdam", *RAdamState._fields, execution=("foreach", "capturable", "differentiable"))
def radam(
    lr: Hyper = 1e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 0,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adam that divides by the second moment only once its variance is finite, and then in proportion.

    Raises:
        ValueError: a negative argument, or a beta outside [0, 1).
    """
    require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
    require_betas(betas)

    def prepare(at: Clock) -> Leaf:
        rate, beta1, beta2, epsilon, decay = at(lr), at(betas[0]), at(betas[1]), at(eps), at(weight_decay)
        correction1, correction2 = one_minus_power(beta1, at.step), one_minus_power(beta2, at.step)
        rho_inf, rho = average_length(beta2, at.step)
        rectified = rho > 5.0
        length = jnp.where(rectified, rho, 6.0)
        rect = (length - 4) * (length - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * length)
        rect = jnp.where(rectified, jnp.sqrt(jnp.where(rectified, rect, 1.0)), 1.0)

        def leaf(p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array) -> tuple[Any, ...]:
            start = p
            if not is_zero(decay):
                if decoupled_weight_decay:
                    start = mul(p, 1 - rate * decay)
                else:
                    g = add(g, p, decay)
            m = lerp(m, g, 1 - beta1)
            v = addcmul(mul(v, beta2), g, g, 1 - beta2)
            plain = mul(div(m, correction1), rate)
            # The square root of the correction over the root of v, both sides as PyTorch rounds them.
            adaptive = div(jnp.full_like(v, 1.0), div(add(jnp.sqrt(v), epsilon), jnp.sqrt(correction2)))
            change = jnp.where(rectified, mul(mul(plain, adaptive), rect), plain)
            return (-change if start is p else start - change - p), m, v

        return leaf

    slots = {"exp_avg": jnp.zeros_like, "exp_avg_sq": jnp.zeros_like}
    return per_parameter("radam", RAdamState, slots, prepare, maximize)
