"""Stochastic gradient descent, with momentum (torch.optim.SGD)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, change_by_add, is_zero, mul
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_non_negative, rule


class SGDState(NamedTuple):
    """`momentum_buffer` is None without momentum. PyTorch keeps no step; here it tells the first one."""

    step: jax.Array
    momentum_buffer: Any


@rule("SGD", "momentum_buffer", execution=("foreach", "differentiable", "fused"))
def sgd(
    lr: Hyper = 1e-3,
    momentum: Hyper = 0,
    dampening: Hyper = 0,
    weight_decay: Hyper = 0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Descend the gradient; the velocity begins as the first gradient, undamped.

    A traced or scheduled `momentum` counts as non-zero, whatever its value.

    Raises:
        ValueError: a negative argument, or Nesterov's momentum without momentum or with dampening.
    """
    require_non_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
    if nesterov and (is_zero(momentum) or not is_zero(dampening)):
        raise ValueError("Nesterov momentum requires a momentum and zero dampening")
    has_momentum = not is_zero(momentum)

    def prepare(at: Clock) -> Leaf:
        rate, mu, damp, decay = at(lr), at(momentum), at(dampening), at(weight_decay)

        def leaf(p: jax.Array, g: jax.Array, buffer: Any) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            if has_momentum:
                later = add(mul(buffer, mu), g, 1 - damp)
                buffer = jnp.where(at.count == 0, g, later)
                g = add(g, buffer, mu) if nesterov else buffer
            return change_by_add(p, g, -rate), buffer

        return leaf

    return per_parameter(
        "sgd", SGDState, {"momentum_buffer": jnp.zeros_like if has_momentum else None}, prepare, maximize
    )
