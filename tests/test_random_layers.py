"""`net.init(Generator(seed))` against PyTorch's modules after manual_seed(seed), recorded."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_calls import digest

import fnnet.functional as F
from fnnet import layers
from fnnet.random import Generator, ahead

REFERENCE = pathlib.Path(__file__).parent / "reference"
CASES = json.loads((REFERENCE / "random_layer_cases.json").read_text())
RECORDED = json.loads((REFERENCE / "random.json").read_text())["layers"]


def flattened(tree):
    """Parameters by their names in a state_dict."""
    leaves = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {".".join(str(part.key) for part in path): leaf for path, leaf in leaves}


@pytest.mark.parametrize(("name", "args", "kwargs"), CASES)
def test_initial_parameters(name, args, kwargs):
    """Every bit of every parameter, and the generator's state afterwards."""
    layer = getattr(layers, name)(*(tuple(a) if isinstance(a, list) else a for a in args), **kwargs)
    g = Generator(11)
    drawn = flattened(layer.init(g))
    parameters, state = RECORDED[f"{name} {args} {kwargs}"]
    assert {key: digest(np.asarray(value)) for key, value in drawn.items()} == parameters
    assert digest(g.get_state()) == state


class Network(layers.Layer):
    """Parts in the order in which PyTorch would construct them."""

    def __init__(self):
        self.body = layers.Sequential(layers.Linear(20, 30), layers.ReLU(), layers.Dropout(0.25))
        self.head = layers.Linear(30, 4)

    def forward(self, p, x):
        return F.relu(self.head(p["head"], self.body(p["body"], x)))


@pytest.mark.torch
def test_network_and_its_dropout_live():
    """Initial weights, then a training pass with dropout, from one stream, eagerly and drawn ahead."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(5)
    body = torch.nn.Sequential(torch.nn.Linear(20, 30), torch.nn.ReLU(), torch.nn.Dropout(0.25))
    module = torch.nn.Sequential(body, torch.nn.Linear(30, 4), torch.nn.ReLU())
    x = np.linspace(-1, 1, 140, dtype=np.float32).reshape(7, 20)
    true = [module(torch.from_numpy(x)).detach().numpy() for _ in range(3)]

    net, g = Network(), Generator(5)
    params = net.init(g)
    assert np.array_equal(params["body"]["0"]["weight"], body[0].weight.detach().numpy())
    before = g.get_state()
    for expected in true:
        np.testing.assert_allclose(net(params, x, key=g, training=True), expected, rtol=1e-5, atol=1e-6)
    assert np.array_equal(g.get_state(), torch.get_rng_state().numpy())

    g.set_state(before)
    noise = ahead(net, g, params, x, steps=3, training=True)
    run = jax.jit(
        lambda noise: jax.lax.map(lambda n: net(params, jnp.asarray(x), key=n, training=True), noise)
    )
    np.testing.assert_allclose(run(noise), np.stack(true), rtol=1e-5, atol=1e-6)
    assert np.array_equal(g.get_state(), torch.get_rng_state().numpy())
