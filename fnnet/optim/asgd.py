"""Averaged stochastic gradient descent (torch.optim.ASGD)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, addcmul, is_zero, mul, scalar_dtype
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_non_negative, rule


class ASGDState(NamedTuple):
    """`ax` is the average of the parameters; `eta` and `mu` are float32 scalars for each parameter."""

    step: jax.Array
    eta: Any
    mu: Any
    ax: Any


@rule("ASGD", *ASGDState._fields, execution=("foreach", "differentiable", "capturable"))
def asgd(
    lr: Hyper = 1e-2,
    lambd: Hyper = 1e-4,
    alpha: Hyper = 0.75,
    t0: Hyper = 1e6,
    weight_decay: Hyper = 0,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Descend with a decaying rate `eta`, and average the parameters in `ax` from step `t0` on.

    As in PyTorch, the rate of an update was set by the one before it: a scheduled `lr` acts one step late.

    Raises:
        ValueError: a negative lr or weight_decay.
    """
    require_non_negative(lr=lr, weight_decay=weight_decay)

    def prepare(at: Clock) -> Leaf:
        rate, decay, shrink = at(lr), at(weight_decay), at(lambd)
        next_eta = rate / (1 + shrink * rate * at.step) ** at(alpha)
        next_mu = 1 / jnp.maximum(1.0, at.step - at(t0))

        def leaf(p: jax.Array, g: jax.Array, eta: jax.Array, mu: jax.Array, ax: jax.Array) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            now = eta.astype(scalar_dtype())
            moved = add(mul(p, 1 - shrink * now), g, -now)
            ax = jnp.where(mu == 1, moved, addcmul(ax, moved - ax, mu))
            return moved - p, next_eta.astype(eta.dtype), next_mu.astype(mu.dtype), ax

        return leaf

    def first_rate(p: jax.Array) -> jax.Array:
        return jnp.asarray(lr(0) if callable(lr) else lr).astype(jnp.float32).reshape(())

    slots = {"eta": first_rate, "mu": lambda p: jnp.ones((), jnp.float32), "ax": jnp.zeros_like}
    return per_parameter("asgd", ASGDState, slots, prepare, maximize)
