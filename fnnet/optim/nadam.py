"""NAdam, Adam with Nesterov's momentum (torch.optim.NAdam)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import (
    add,
    addcdiv,
    addcmul,
    div,
    is_zero,
    lerp,
    mul,
    one_minus_power,
    power,
    scalar_dtype,
)
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_betas, require_non_negative, rule


class NAdamState(NamedTuple):
    """`mu_product` is the product of the momenta so far, a float32 scalar for each parameter."""

    step: jax.Array
    mu_product: Any
    exp_avg: Any
    exp_avg_sq: Any


@rule("NAdam", *NAdamState._fields, execution=("foreach", "capturable", "differentiable"))
def nadam(
    lr: Hyper = 2e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 0,
    momentum_decay: Hyper = 4e-3,
    decoupled_weight_decay: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Adam that looks one momentum ahead; the momentum grows to beta1 at the pace of `momentum_decay`.

    Raises:
        ValueError: a negative argument, or a beta outside [0, 1).
    """
    require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
    require_betas(betas)

    def prepare(at: Clock) -> Leaf:
        rate, beta1, beta2, epsilon, decay = at(lr), at(betas[0]), at(betas[1]), at(eps), at(weight_decay)
        slowness = at(momentum_decay)
        correction = one_minus_power(beta2, at.step)
        mu = beta1 * (1.0 - 0.5 * power(0.96, at.step * slowness))
        mu_next = beta1 * (1.0 - 0.5 * power(0.96, (at.step + 1) * slowness))

        def leaf(
            p: jax.Array, g: jax.Array, product: jax.Array, m: jax.Array, v: jax.Array
        ) -> tuple[Any, ...]:
            moved = p
            if not is_zero(decay):
                if decoupled_weight_decay:
                    moved = mul(p, 1 - rate * decay)
                else:
                    g = add(g, p, decay)
            product = mul(product, mu)
            so_far = product.astype(scalar_dtype())
            m = lerp(m, g, 1 - beta1)
            v = addcmul(mul(v, beta2), g, g, 1 - beta2)
            denom = add(jnp.sqrt(div(v, correction)), epsilon)
            moved = addcdiv(moved, g, denom, -rate * (1.0 - mu) / (1.0 - so_far))
            moved = addcdiv(moved, m, denom, -rate * mu_next / (1.0 - so_far * mu_next))
            return moved - p, product, m, v

        return leaf

    slots = {
        "mu_product": lambda p: jnp.ones((), jnp.float32),
        "exp_avg": jnp.zeros_like,
        "exp_avg_sq": jnp.zeros_like,
    }
    return per_parameter("nadam", NAdamState, slots, prepare, maximize)
