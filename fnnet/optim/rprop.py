"""Resilient backpropagation (torch.optim.Rprop)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import mul, sign
from fnnet.optim.rule import Clock, Hyper, Leaf, Slot, per_parameter, require_non_negative, rule


class RpropState(NamedTuple):
    """`prev` is the gradient before (0 where the sign has just changed), `step_size` each element's step."""

    step: jax.Array
    prev: Any
    step_size: Any


@rule("Rprop", *RpropState._fields, execution=("capturable", "foreach", "differentiable"))
def rprop(
    lr: Hyper = 1e-2,
    etas: tuple[float, float] = (0.5, 1.2),
    step_sizes: tuple[Hyper, Hyper] = (1e-6, 50),
    *,
    maximize: bool = False,
) -> optax.GradientTransformation:
    """Step against the gradient's sign; an element's step grows while the sign stays, else it shrinks.

    `lr` is where the steps begin; as in PyTorch, it is not looked at again.

    Raises:
        ValueError: a negative lr, or etas that do not lie on either side of 1.
    """
    require_non_negative(lr=lr)
    if not 0.0 < etas[0] < 1.0 < etas[1]:
        raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
    shrink, grow = etas

    def prepare(at: Clock) -> Leaf:
        smallest, largest = at(step_sizes[0]), at(step_sizes[1])

        def leaf(p: jax.Array, g: jax.Array, prev: jax.Array, size: jax.Array) -> tuple[Any, ...]:
            agreement = g * prev
            turned = agreement < 0
            scale = jnp.where(agreement > 0, grow, jnp.where(turned, shrink, 1.0))
            low, high = jnp.asarray(smallest).astype(p.dtype), jnp.asarray(largest).astype(p.dtype)
            size = jnp.clip(mul(size, scale), low, high)
            g = jnp.where(turned, jnp.zeros_like(g), g)
            return -(sign(g) * size), g, size

        return leaf

    def first_size(p: jax.Array) -> jax.Array:
        rate = lr(0) if callable(lr) else lr
        return jnp.full_like(p, rate)

    slots: dict[str, Slot] = {"prev": jnp.zeros_like, "step_size": first_size}
    return per_parameter("rprop", RpropState, slots, prepare, maximize)
