"""A model of one's own: a `fnnet.Layer` with two linear layers as parts and its own forward pass.

Run it: python examples/two_layer_custom_model.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

N, D_IN, H, D_OUT = 64, 1000, 100, 10


class TwoLayerNet(fnnet.Layer):
    """Two linear layers with a ReLU between them."""

    def __init__(self, d_in, hidden, d_out):
        self.linear1 = fnnet.Linear(d_in, hidden)
        self.linear2 = fnnet.Linear(hidden, d_out)

    def forward(self, p, x):
        return self.linear2(p["linear2"], F.relu(self.linear1(p["linear1"], x)))


net = TwoLayerNet(D_IN, H, D_OUT)
optimizer = fnnet.optim.adam(lr=1e-4)


def start(random):
    """Data from N(0, 1) and parameters by the layers' default initialisation."""
    source = fnnet.random.as_source(random)
    x = source.normal((N, D_IN), 0.0, 1.0, jnp.float32)
    y = source.normal((N, D_OUT), 0.0, 1.0, jnp.float32)
    return x, y, net.init(source)


def loss(params, x, y):
    return F.mse_loss(net(params, x), y, reduction="sum")


def train(params, x, y, steps=500):
    return fnnet.fit(loss, params, (x, y), optimizer=optimizer, steps=steps)


def main():
    print(net)
    x, y, params = start(jax.random.key(0))
    result = train(params, x, y)
    for step in range(0, 500, 100):
        print(step, result.losses[step].item())


if __name__ == "__main__":
    main()
