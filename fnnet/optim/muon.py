"""Muon, momentum orthogonalised by Newton and Schulz's iteration (torch.optim.Muon)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from fnnet.optim.arithmetic import div, is_zero, lerp, mul, to_bfloat16
from fnnet.optim.rule import Clock, Hyper, Leaf, per_parameter, require, rule


class MuonState(NamedTuple):
    """PyTorch keeps no step; here it serves the schedules."""

    step: jax.Array
    momentum_buffer: Any


def _only_matrices(p: Any) -> None:
    if jnp.iscomplexobj(p):
        raise RuntimeError("Muon does not support complex parameters")
    if p.ndim != 2:
        raise ValueError(
            f"Muon only supports 2D parameters whereas we found a parameter with size: {p.shape}"
        )


def _product(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.matmul(a, b, preferred_element_type=jnp.float32)


def _orthogonalise(g: jax.Array, coefficients: tuple[float, float, float], eps: Any, steps: int) -> jax.Array:
    """The quintic iteration in bfloat16: singular values go to the neighbourhood of 1."""
    a, b, c = coefficients
    x = to_bfloat16(g.astype(jnp.float32))
    if g.shape[0] > g.shape[1]:
        x = x.T
    norm = to_bfloat16(jnp.sqrt(jnp.sum(jnp.square(x.astype(jnp.float32)))))
    x = div(x, jnp.maximum(norm, jnp.asarray(eps).astype(jnp.bfloat16)))
    for _ in range(steps):
        gram = to_bfloat16(_product(x, x.T))
        change = to_bfloat16(b * gram.astype(jnp.float32) + c * _product(gram, gram))
        x = to_bfloat16(a * x.astype(jnp.float32) + _product(change, x))
    return x.T if g.shape[0] > g.shape[1] else x


def _shape_factor(shape: tuple[int, ...], adjust_lr_fn: str | None) -> float:
    rows, columns = shape
    if adjust_lr_fn == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))


@rule("Muon", "momentum_buffer")
def muon(
    lr: Hyper = 1e-3,
    weight_decay: Hyper = 0.1,
    momentum: Hyper = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
    eps: Hyper = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> optax.GradientTransformation:
    """Move matrices along the orthogonalised momentum; other parameters need another rule (see `groups`).

    `adjust_lr_fn`: "original" (also None) scales lr by sqrt(max(1, rows / columns)), "match_rms_adamw" by
    0.2 sqrt(max(rows, columns)). The iteration runs in bfloat16, as in PyTorch.

    Raises:
        ValueError: an argument out of its range, a parameter that is not a matrix. RuntimeError: a complex
            one.
    """
    require(lambda v: v >= 0, lr, "Learning rate should be >= 0 but is")
    require(lambda v: v >= 0, momentum, "momentum should be >= 0 but is", "momentum")
    require(lambda v: v >= 0, weight_decay, "weight decay should be >= 0 but is", "weight_decay")
    if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
        raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
    if ns_steps >= 100:
        raise ValueError(
            f"Number of steps must be less than 100 for computational efficiency, got ns_steps={ns_steps}"
        )
    if len(ns_coefficients) != 3:
        raise ValueError(f"Coefficients must be a tuple of exactly 3 values, got {ns_coefficients}")

    def prepare(at: Clock) -> Leaf:
        rate, decay, mu, epsilon = at(lr), at(weight_decay), at(momentum), at(eps)

        def leaf(p: jax.Array, g: jax.Array, buffer: jax.Array) -> tuple[Any, ...]:
            buffer = lerp(buffer, g, 1 - mu)
            direction = lerp(g, buffer, mu) if nesterov else buffer
            direction = _orthogonalise(direction, ns_coefficients, epsilon, ns_steps).astype(p.dtype)
            change = mul(direction, -rate * _shape_factor(p.shape, adjust_lr_fn))
            if is_zero(decay):
                return change, buffer
            return mul(p, 1 - rate * decay) + change - p, buffer

        return leaf

    return per_parameter(
        "muon", MuonState, {"momentum_buffer": jnp.zeros_like}, prepare, admit=_only_matrices
    )
