"""Adagrad (torch.optim.Adagrad)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, addcmul, change_by_addcdiv, is_zero
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require_non_negative, rule


class AdagradState(NamedTuple):
    """`sum` is the sum of the squared gradients."""

    step: jax.Array
    sum: Any


@rule("Adagrad", *AdagradState._fields, execution=("foreach", "differentiable", "fused"))
def adagrad(
    lr: Hyper = 1e-2,
    lr_decay: Hyper = 0,
    weight_decay: Hyper = 0,
    initial_accumulator_value: float | jax.Array = 0,
    eps: Hyper = 1e-10,
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Divide the gradient by the root of the sum of all its squares, plus eps.

    Raises:
        ValueError: a negative argument.
    """
    require_non_negative(lr=lr, lr_decay=lr_decay, weight_decay=weight_decay)
    require_non_negative(initial_accumulator_value=initial_accumulator_value, eps=eps)

    def prepare(at: Clock) -> Leaf:
        rate = at(lr) / (1 + (at.step - 1) * at(lr_decay))
        epsilon, decay = at(eps), at(weight_decay)

        def leaf(p: jax.Array, g: jax.Array, total: jax.Array) -> tuple[Any, ...]:
            if not is_zero(decay):
                g = add(g, p, decay)
            total = addcmul(total, g, g)
            return change_by_addcdiv(p, g, add(jnp.sqrt(total), epsilon), -rate), total

        return leaf

    begin = {"sum": lambda p: jnp.full_like(p, initial_accumulator_value)}
    return per_parameter("adagrad", AdagradState, begin, prepare, maximize)
