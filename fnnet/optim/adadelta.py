"""Adadelta (torch.optim.Adadelta)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, addcmul, change_by_add, is_zero, mul
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require, require_non_negative, rule


class AdadeltaState(NamedTuple):
    """Running mean squares of the gradients and of the changes."""

    step: jax.Array
    square_avg: Any
    acc_delta: Any


@rule("Adadelta", *AdadeltaState._fields, execution=("foreach", "capturable", "differentiable"))
def adadelta(
    lr: Hyper = 1.0,
    rho: Hyper = 0.9,
    eps: Hyper = 1e-6,
    weight_decay: Hyper = 0,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Scale the gradient by the root mean square of past changes over that of past gradients.

    Raises:
        ValueError: a negative argument, or rho outside [0, 1].
    """
    require_non_negative(lr=lr, eps=eps, weight_decay=weight_decay)
    require(lambda v: 0 <= v <= 1, rho, "Invalid rho value", "rho")

    def prepare(at: Clock) -> Leaf:
        rate, smooth, epsilon, decay = at(lr), at(rho), at(eps), at(weight_decay)

        def leaf(p: jax.Array, g: jax.Array, square: jax.Array, acc: jax.Array) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            square = addcmul(mul(square, smooth), g, g, 1 - smooth)
            delta = jnp.sqrt(add(acc, epsilon)) / jnp.sqrt(add(square, epsilon)) * g
            acc = addcmul(mul(acc, smooth), delta, delta, 1 - smooth)
            return change_by_add(p, delta, -rate), square, acc

        return leaf

    slots = {"square_avg": jnp.zeros_like, "acc_delta": jnp.zeros_like}
    return per_parameter("adadelta", AdadeltaState, slots, prepare, maximize)
