"""What is said to XLA in another way."""

import jax
import jax.numpy as jnp
import numpy as np

from fnnet.functional.jaxprs import equations
from fnnet.torch import executable
from fnnet.torch.lowering import is_to_be_rewritten, rewritten


def test_sums_that_leave_many_numbers_are_products_with_ones() -> None:
    def sums(x: jax.Array) -> list[jax.Array]:
        return [x.sum(0), x.sum((0, 1)), x.sum(1), x[:, :, :9].sum(0), x.astype(jnp.int32).sum(0)]

    x = jnp.asarray(np.random.default_rng(0).standard_normal((3, 2, 20000)), jnp.float32)
    closed = jax.make_jaxpr(sums)(x)
    assert is_to_be_rewritten(closed)
    assert not is_to_be_rewritten(jax.make_jaxpr(sums)(x[:, :, :1000]))
    said = rewritten(closed)
    names = [eqn.primitive.name for eqn in equations(jax.make_jaxpr(said)(x).jaxpr)]
    assert (names.count("dot_general"), names.count("reduce_sum")) == (2, 3)
    for seen, expected in zip(said(x), sums(x), strict=True):
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-6)


def test_running_sums_of_a_constant_are_not_computed_by_the_compiler() -> None:
    def gradient(x: jax.Array) -> jax.Array:
        return jax.grad(lambda x: jnp.cumsum(x).sum())(x)

    traced = jax.jit(gradient).trace(jax.ShapeDtypeStruct((20_000,), jnp.float32))
    assert "reduce-window" in executable._compiled(traced, jax.devices("cpu")[0]).as_text()
