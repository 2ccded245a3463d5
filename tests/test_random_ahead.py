"""Numbers drawn before a compiled run are those that the calls would have drawn in turn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet.random import Drawn, Generator, ahead, as_source


def noisy(x, *, key, training=True, p=0.5):
    """Dropout, noise and a shuffle: draws of several kinds and dtypes."""
    source = as_source(key)
    if training:
        x = jnp.where(source.bernoulli(x.shape, 1 - p), x / (1 - p), 0)
    x = x + source.normal(x.shape, 0.0, 0.1, x.dtype) * source.uniform((), 0.5, 1.5, x.dtype)
    x = x[source.permutation(x.shape[0])] + source.exponential((1,), 2.0, x.dtype)
    return x + source.integers((), 0, 9, jnp.int32).astype(x.dtype)


X = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)


def test_one_call():
    g, h = Generator(1), Generator(1)
    drawn = ahead(noisy, g, X)
    assert [draw.method for draw in drawn.draws] == [
        "bernoulli",
        "normal",
        "uniform",
        "permutation",
        "exponential",
        "integers",
    ]
    assert np.array_equal(noisy(X, key=drawn), noisy(X, key=h))
    assert np.array_equal(g.get_state(), h.get_state())


def test_steps_scanned_and_indexed():
    g, h = Generator(1), Generator(1)
    drawn = ahead(noisy, g, X, steps=5, training=True, p=0.25)
    one_by_one = [noisy(X, key=h, p=0.25) for _ in range(5)]
    _, scanned = jax.jit(lambda d: jax.lax.scan(lambda c, d: (c, noisy(X, key=d, p=0.25)), 0, d))(drawn)
    # a compiled program may fuse the multiplication and the addition
    np.testing.assert_allclose(scanned, np.stack(one_by_one), rtol=1e-6, atol=1e-6)
    assert np.array_equal(noisy(X, key=drawn[3], p=0.25), one_by_one[3])
    assert np.array_equal(g.get_state(), h.get_state())


def test_draws_within_grad_and_vmap_are_seen():
    def slope(x, *, key):
        return jax.grad(lambda x: noisy(x, key=key).sum())(x)

    def lanes(x, *, key):
        return jax.vmap(lambda row: row * as_source(key).normal((), 0.0, 1.0, row.dtype))(x)

    for call in (slope, lanes):
        drawn = ahead(call, Generator(0), X)
        assert np.array_equal(call(X, key=drawn), call(X, key=Generator(0)))


def test_shapes_are_enough():
    drawn = ahead(noisy, Generator(0), jax.ShapeDtypeStruct((4, 6), jnp.float32))
    assert np.array_equal(noisy(X, key=drawn), noisy(X, key=Generator(0)))


def test_no_draws():
    g = Generator(0)
    before = g.get_state()
    drawn = ahead(lambda x, *, key: x, g, X, steps=3)
    assert drawn.draws == ()
    assert drawn.nbytes == 0
    assert np.array_equal(g.get_state(), before)


def test_is_a_pytree():
    drawn = ahead(noisy, Generator(0), X, steps=2)
    leaves, structure = jax.tree.flatten(drawn)
    assert len(leaves) == 6
    again = jax.tree.unflatten(structure, leaves)
    assert isinstance(again, Drawn)
    assert again.draws == drawn.draws
    lanes = jax.vmap(lambda d: noisy(X, key=d))(drawn)
    assert lanes.shape == (2, 4, 6)
    assert "bernoulli((4, 6), 0.5, bool)" in repr(drawn)


@pytest.mark.parametrize(
    "call",
    [
        lambda x, *, key: jax.lax.scan(lambda c, _: (noisy(c, key=key), None), x, length=3),
        lambda x, *, key: jax.jit(lambda x: noisy(x, key=key))(x),
        lambda x, *, key: jax.lax.cond(True, lambda x: noisy(x, key=key), lambda x: x, x),
        lambda x, *, key: jax.checkpoint(lambda x: noisy(x, key=key))(x),
    ],
)
def test_refuses_draws_inside_loops(call):
    g = Generator(0)
    before = g.get_state()
    with pytest.raises(
        RuntimeError, match=r"the call draws bernoulli.* inside a part that JAX traces by itself"
    ):
        ahead(call, g, X)
    assert np.array_equal(g.get_state(), before)


def test_refuses_other_draws():
    drawn = ahead(noisy, Generator(0), X)
    with pytest.raises(RuntimeError, match=r"draw 0 of the call is bernoulli\(\(4, 5\).*was drawn ahead"):
        noisy(X[:, :5], key=drawn)
    source = as_source(drawn)
    noisy(X, key=source)
    with pytest.raises(RuntimeError, match="after all of its 6 draws were used"):
        source.bernoulli((2,), 0.5)
    with pytest.raises(RuntimeError, match="give the call one step's numbers"):
        noisy(X, key=ahead(noisy, Generator(0), X, steps=3))


def test_wrong_arguments():
    with pytest.raises(TypeError, match=r"expected a fnnet\.random\.Generator"):
        ahead(noisy, jax.random.key(0), X)
    with pytest.raises(ValueError, match="expected a number >= 0, got -1"):
        ahead(noisy, Generator(0), X, steps=-1)
