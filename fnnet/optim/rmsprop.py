"""RMSprop (torch.optim.RMSprop)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, addcdiv, addcmul, change_by_add, change_by_addcdiv, is_zero, lerp, mul
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_non_negative, rule


class RMSpropState(NamedTuple):
    """`momentum_buffer` is None without momentum, `grad_avg` unless centered."""

    step: jax.Array
    square_avg: Any
    momentum_buffer: Any
    grad_avg: Any


@rule("RMSprop", *RMSpropState._fields, execution=("capturable", "foreach", "differentiable"))
def rmsprop(
    lr: Hyper = 1e-2,
    alpha: Hyper = 0.99,
    eps: Hyper = 1e-8,
    weight_decay: Hyper = 0,
    momentum: Hyper = 0,
    centered: bool = False,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Divide the gradient by the root of its running mean square, plus eps; centered, by its deviation.

    Raises:
        ValueError: a negative argument.
    """
    require_non_negative(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
    has_momentum = not is_zero(momentum)

    def prepare(at: Clock) -> Leaf:
        rate, smooth, epsilon, decay, mu = at(lr), at(alpha), at(eps), at(weight_decay), at(momentum)

        def leaf(p: jax.Array, g: jax.Array, square: jax.Array, buffer: Any, mean: Any) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            square = addcmul(mul(square, smooth), g, g, 1 - smooth)
            spread = square
            if centered:
                mean = lerp(mean, g, 1 - smooth)
                spread = addcmul(square, mean, mean, -1.0)
            average = add(jnp.sqrt(spread), epsilon)
            if has_momentum:
                buffer = addcdiv(mul(buffer, mu), g, average)
                return change_by_add(p, buffer, -rate), square, buffer, mean
            return change_by_addcdiv(p, g, average, -rate), square, buffer, mean

        return leaf

    slots = {
        "square_avg": jnp.zeros_like,
        "momentum_buffer": jnp.zeros_like if has_momentum else None,
        "grad_avg": jnp.zeros_like if centered else None,
    }
    return per_parameter("rmsprop", RMSpropState, slots, prepare, maximize)
