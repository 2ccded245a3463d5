"""The derivative of Euclidean distances by products, against the differences written out in NumPy."""

import jax
import numpy as np

from fnnet.functional import cdist


def test_the_derivative_is_that_of_the_differences_and_0_at_equal_rows() -> None:
    draw = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, y = draw.standard_normal((30, 4)), draw.standard_normal((2, 5, 4))
        y[0, 3] = x[7]
        weights = draw.standard_normal((2, 30, 5))
        value, pull = jax.vjp(cdist, jax.numpy.asarray(x), jax.numpy.asarray(y))
        of_x, of_y = pull(jax.numpy.asarray(weights))
        difference = x[:, None] - y[:, None]
        distance = np.sqrt((difference**2).sum(-1))
        assert value[0, 7, 3] == 0
        np.testing.assert_allclose(value, distance, rtol=1e-12)
        shares = np.divide(weights, distance, out=np.zeros_like(distance), where=distance > 0)
        terms = shares[..., None] * difference
        np.testing.assert_allclose(of_x, terms.sum((0, 2)), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(of_y, -terms.sum(1), rtol=1e-10, atol=1e-12)
