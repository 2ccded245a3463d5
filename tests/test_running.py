"""Running products and logarithms of running sums: values and derivatives as recorded from PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F
from fnnet.torch.lowering import is_for_new_emitters

RECORDED = json.loads((Path(__file__).parent / "reference" / "running.json").read_text())


@pytest.mark.parametrize("which", ["with and without zeros", "without zeros"])
@pytest.mark.parametrize("mapped", [False, True])
def test_running_products_and_two_derivatives(which: str, mapped: bool) -> None:
    values, first, second = (np.asarray(one, np.float32) for one in RECORDED[which])
    x = jnp.asarray(RECORDED["lines"][: len(values)])
    weights, direction = (jnp.broadcast_to(jnp.asarray(RECORDED[n]), x.shape) for n in ("weights", "second"))

    def products(x: jax.Array) -> jax.Array:
        return jax.vmap(lambda one: F.cumprod(one, 0))(x) if mapped else F.cumprod(x, 1)

    def gradient(x: jax.Array) -> jax.Array:
        return jax.vjp(products, x)[1](weights)[0]

    np.testing.assert_allclose(products(x), values, rtol=1e-6)
    np.testing.assert_allclose(gradient(x), first, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.vjp(gradient, x)[1](direction)[0], second, rtol=1e-5, atol=1e-5)
    change = jax.jvp(products, (x,), (direction,))[1]
    np.testing.assert_allclose(jnp.sum(change * weights, 1), np.sum(first * direction, 1), rtol=1e-5)


def test_logcumsumexp_of_a_walk() -> None:
    walk, weights = (jnp.asarray(RECORDED[name]) for name in ("walk", "weights of the walk"))
    sums, pullback = jax.vjp(lambda x: F.logcumsumexp(x, 0), walk)
    np.testing.assert_allclose(sums, RECORDED["logcumsumexp"], rtol=1e-6, atol=2e-6)
    np.testing.assert_allclose(pullback(weights)[0], RECORDED["gradient of the walk"], rtol=1e-4, atol=1e-5)


def test_running_sums_are_for_the_older_emitters() -> None:
    x = jax.ShapeDtypeStruct((1000, 1000), np.float32)
    assert is_for_new_emitters(jax.make_jaxpr(jnp.exp)(x))
    assert not is_for_new_emitters(jax.make_jaxpr(lambda x: jnp.cumsum(jnp.exp(x), 1))(x))
