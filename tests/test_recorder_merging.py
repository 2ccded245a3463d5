"""Loops that a pullback runs again are run once."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from fnnet.functional import recurrent
from fnnet.functional.jaxprs import equations
from fnnet.torch.merging import merged, repeats_loops


def _loops(closed: jax.extend.core.ClosedJaxpr) -> int:
    return sum(eqn.primitive.name == "scan" for eqn in equations(closed.jaxpr))


def test_the_loop_of_an_operation_and_of_its_pullback_is_one() -> None:
    rng = np.random.default_rng(0)
    shapes: list = [(5, 2, 3), (16, 3), (16, 4), 16, 16]
    x, *weights = (jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes)

    def layer(x: jax.Array, w: list[jax.Array]) -> jax.Array:
        return recurrent("LSTM", x, None, [[*w, None]])[0]

    def both(x: jax.Array, w: list[jax.Array]) -> list[jax.Array]:
        output = layer(x, w)
        return [output, *jax.vjp(lambda w: layer(x, w), w)[1](output)[0]]

    closed = jax.make_jaxpr(both)(x, weights)
    assert repeats_loops(closed)
    less = jax.make_jaxpr(merged(closed))(x, *weights)
    assert _loops(closed) == 3
    assert _loops(less) == 2
    for seen, expected in zip(merged(closed)(x, *weights), both(x, weights), strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-6, atol=1e-6)


def test_loops_that_differ_stay() -> None:
    xs = jnp.arange(6, dtype=jnp.float32)

    def loop(by: float, begin: float, xs: jax.Array, reverse: bool = False) -> list[jax.Array]:
        last, sums = lax.scan(lambda c, x: (c * by + x, c * x), jnp.float32(begin), xs, reverse=reverse)
        return [last, sums]

    def all_of_them(xs: jax.Array) -> list[jax.Array]:
        calls = [(2.0, 0.0, xs), (2.0, 0.0, xs), (3.0, 0.0, xs), (2.0, 1.0, xs), (2.0, 0.0, xs + 1)]
        return [one for call in calls for one in loop(*call)] + loop(2.0, 0.0, xs, True)

    closed = jax.make_jaxpr(all_of_them)(xs)
    less = merged(closed)
    assert _loops(jax.make_jaxpr(less)(xs)) == 5
    for seen, expected in zip(less(xs), all_of_them(xs), strict=True):
        np.testing.assert_array_equal(seen, expected)
