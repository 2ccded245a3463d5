"""Empty inputs to pooling and infinite elements of logcumsumexp, as recorded from PyTorch."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnnet import functional as F

RECORDED = json.loads((Path(__file__).parent / "reference" / "edge_calls.json").read_text())


@pytest.mark.parametrize("name", list(dict.fromkeys(name for name, _, _ in RECORDED["pooling"])))
def test_pooling_of_nothing(name):
    def pooled(x):
        if name.startswith("fractional"):
            return getattr(F, name)(x, 2, 2, key=jax.random.key(0))
        if name.startswith("max_unpool"):
            return getattr(F, name)(x, np.zeros(x.shape, np.int32), 2)
        return getattr(F, name)(x, 2, 2) if name.startswith("lp") else getattr(F, name)(x, 2)

    for shape, expected in [rest for other, *rest in RECORDED["pooling"] if other == name]:
        given = jax.ShapeDtypeStruct(shape, jnp.float32)
        if expected == "RuntimeError":
            with pytest.raises(RuntimeError, match="pool"):
                jax.eval_shape(pooled, given)
        else:
            assert list(jax.eval_shape(pooled, given).shape) == expected, shape


def test_logcumsumexp_at_infinities():
    @jax.jit
    def both(x, weights):
        y, pullback = jax.vjp(lambda x: F.logcumsumexp(x, 0), x)
        return y, pullback(weights)[0], jax.jvp(lambda x: F.logcumsumexp(x, 0), (x,), (weights,))[1]

    by_length: dict[int, list] = {}
    for line, expected in RECORDED["logcumsumexp"].items():
        by_length.setdefault(len(line.split()), []).append((line, expected))
    for length, cases in by_length.items():
        x = jnp.asarray([[float(one) for one in line.split()] for line, _ in cases])
        weights = jnp.arange(1.0, length + 1)
        y, gradient, _ = jax.vmap(both, (0, None))(x, weights)
        for i, (line, expected) in enumerate(cases):
            np.testing.assert_allclose(y[i], expected["value"], 1.3e-6, 1e-5, err_msg=line)
            np.testing.assert_allclose(gradient[i], expected["gradient"], 1.3e-6, 1e-5, err_msg=line)
