"""SparseAdam for dense gradients (torch.optim.SparseAdam)."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import add, div, mul, one_minus_power
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require, require_betas, rule


class SparseAdamState(NamedTuple):
    """As Adam's."""

    step: jax.Array
    exp_avg: Any
    exp_avg_sq: Any


def _refuse_complex(p: Any) -> None:
    if jnp.iscomplexobj(p):
        raise ValueError("Complex params: SparseAdam does not support complex parameters")


@rule("SparseAdam", *SparseAdamState._fields)
def sparse_adam(
    lr: Hyper = 1e-3,
    betas: tuple[Hyper, Hyper] = (0.9, 0.999),
    eps: Hyper = 1e-8,
    maximize: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Adam for sparse gradients: moments and parameters move only where the gradient has an entry.

    JAX's gradients are dense. `update(grads, state, params, present=...)` takes what a sparse tensor would
    tell: a tree of boolean arrays that broadcast to the parameters, for instance (rows, 1) for the rows of an
    embedding that the batch looked up. Without it every element is present. eps is outside the correction of
    the bias, so that the result differs from Adam's.

    Raises:
        ValueError: lr or eps not positive, a beta outside [0, 1), a complex parameter.
    """
    require(lambda v: v > 0, lr, "Invalid learning rate")
    require(lambda v: v > 0, eps, "Invalid epsilon value", "eps")
    require_betas(betas)

    def prepare(at: Clock) -> Leaf:
        beta1, beta2, epsilon = at(betas[0]), at(betas[1]), at(eps)
        step_size = at(lr) * jnp.sqrt(one_minus_power(beta2, at.step)) / one_minus_power(beta1, at.step)

        def leaf(p: jax.Array, g: jax.Array, m: jax.Array, v: jax.Array) -> tuple[Any, ...]:
            m = add(m, mul(g - m, 1 - beta1))
            v = add(v, mul(g * g - v, 1 - beta2))
            return mul(div(m, add(jnp.sqrt(v), epsilon)), -step_size), m, v

        return leaf

    slots = {"exp_avg": jnp.zeros_like, "exp_avg_sq": jnp.zeros_like}
    dense = per_parameter("sparse_adam", SparseAdamState, slots, prepare, maximize, _refuse_complex)

    def update(
        grads: Any, state: Any, params: Any = None, *, present: Any = None, **extra: Any
    ) -> tuple[Any, Any]:
        updates, new = dense.update(grads, state, params)
        if present is None:
            return updates, new

        def keep(mask: Any, now: Any, before: Any) -> Any:
            return jax.tree.map(lambda b, x, y: jnp.where(b, x, y), mask, now, before)

        still = jax.tree.map(jnp.zeros_like, updates)
        return keep(present, updates, still), SparseAdamState(
            new.step,
            keep(present, new.exp_avg, state.exp_avg),
            keep(present, new.exp_avg_sq, state.exp_avg_sq),
        )

    return optax.GradientTransformationExtraArgs(dense.init, update)
