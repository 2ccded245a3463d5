"""Layers with computed weights, as pure functions: PyTorch's names, initial values and computation."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnnet.functional as F
from fnnet import layers
from fnnet.checkpoint import flat
from fnnet.random import Generator

RECORDED = json.loads((Path(__file__).parent / "reference" / "nn_completion.json").read_text())["scenarios"]

CASES = (
    (lambda: layers.weight_norm(layers.Conv1d(2, 3, 2), dim=1), (1, 2, 4)),
    (lambda: layers.spectral_norm(layers.ConvTranspose1d(2, 3, 2), n_power_iterations=2), (1, 2, 4)),
    (lambda: layers.orthogonal(layers.Linear(3, 2), orthogonal_map="cayley"), (2, 3)),
)


@pytest.mark.slow
def test_as_torchs_parametrized_modules_from_one_stream() -> None:
    """Text, parameters, buffers, output and gradients against the modules that PyTorch made of seed 5."""
    generator = Generator(5)
    for (make, shape), recorded in zip(CASES, RECORDED["parametrized_weights"][0], strict=True):
        output, gradients, state, text, _ = recorded
        layer = make()
        assert repr(layer) == text
        params, buffers = layer.init_with_buffers(generator)
        x = np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)

        @jax.jit
        def run(params, buffers, x, layer=layer):
            def loss(params):
                y, after = layer(params, x, buffers=buffers, training=True)
                return (y * y).sum(), (y, after)

            return jax.grad(loss, has_aux=True)(params)

        gradient, (y, after) = run(params, buffers, x)
        np.testing.assert_allclose(y.ravel(), output, 1e-5, 1e-5)
        assert flat(gradient).keys() == gradients.keys()
        for name, value in flat(gradient).items():
            np.testing.assert_allclose(value.ravel(), gradients[name], 1e-4, 1e-5, err_msg=name)
        found = {**flat(params), **flat(after)}
        assert found.keys() == state.keys()
        for name, value in found.items():
            np.testing.assert_allclose(value.ravel(), state[name], 1e-5, 1e-5, err_msg=name)


def test_parametrizations_in_a_network_and_on_top_of_each_other() -> None:
    inner = layers.spectral_norm(layers.weight_norm(layers.Linear(3, 3)))
    net = layers.Sequential(inner, layers.ReLU(), layers.Linear(3, 1))
    params, buffers = net.init_with_buffers(jax.random.key(0))
    assert set(params["0"]["parametrizations"]["weight"]) == {"original0", "original1"}
    assert set(buffers["0"]["parametrizations"]["weight"]["1"]) == {"_u", "_v"}
    assert jax.tree.structure(net.init(jax.random.key(0))) == jax.tree.structure(params)
    shapes = jax.tree.map(jnp.shape, buffers)
    assert jax.tree.map(jnp.shape, net.init_buffers()) == shapes
    y, after = jax.eval_shape(
        lambda p, x: net(p, x, buffers=buffers, training=True), params, jnp.ones((2, 3))
    )
    assert y.shape == (2, 1)
    assert jax.tree.map(lambda one: one.shape, after) == shapes


def test_an_orthogonal_weight_can_be_set() -> None:
    """Without a base, the free matrix of an orthogonal one gives it back."""
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 2)))[0].astype(np.float32)
    again = jax.jit(lambda q: F.orthogonal_matrix(F.reflectors(q), "householder"))
    np.testing.assert_allclose(again(q), q, atol=1e-6)
    np.testing.assert_allclose(again(q.T), q.T, atol=1e-6)
    layer = layers.orthogonal(layers.Linear(2, 3), "weight", "cayley", use_trivialization=False)
    with pytest.raises(NotImplementedError, match="not possible to assign"):
        layer.init(jax.random.key(0))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="has no parameter or buffer with name 'nothing'"):
        layers.spectral_norm(layers.Linear(2, 2), "nothing")
    with pytest.raises(ValueError, match="has no parameter 'nothing' to parametrize"):
        layers.weight_norm(layers.Linear(2, 2), "nothing").init(jax.random.key(0))
    with pytest.raises(ValueError, match="Expected a matrix or batch of matrices"):
        layers.orthogonal(layers.Linear(2, 2), "bias")
    with pytest.raises(IndexError, match="Dimension out of range"):
        layers.spectral_norm(layers.Linear(2, 2), dim=2)
