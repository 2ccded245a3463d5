"""A two-layer network made of layers: fnnet.Sequential, mse_loss(reduction="sum"), and the update by hand.

Parameters are a nested dict with PyTorch's names and shapes: {"0": {"weight": (100, 1000), "bias": (100,)},
"2": ...}.

Run it: python examples/two_layer_layers.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-4

net = fnnet.Sequential(fnnet.Linear(D_IN, H), fnnet.ReLU(), fnnet.Linear(H, D_OUT))


def start(random):
    """Data from N(0, 1) and parameters by the layers' default initialisation."""
    source = fnnet.random.as_source(random)
    x = source.normal((N, D_IN), 0.0, 1.0, jnp.float32)
    y = source.normal((N, D_OUT), 0.0, 1.0, jnp.float32)
    return x, y, net.init(source)


def normal_start(random):
    """The same, with the weights drawn anew from N(0, 1); this needs a learning rate of 1e-6."""
    source = fnnet.random.as_source(random)
    x, y, params = start(source)
    for layer in params.values():
        layer["weight"] = fnnet.init.normal(source, layer["weight"].shape)
    return x, y, params


def loss(params, x, y):
    return F.mse_loss(net(params, x), y, reduction="sum")


gradients = jax.value_and_grad(loss)


def update(params, grads, learning_rate=LEARNING_RATE):
    return jax.tree.map(lambda p, g: p - learning_rate * g, params, grads)


def train(params, x, y, steps=500, learning_rate=LEARNING_RATE):
    """The trained parameters and the loss of every step."""

    def step(params, _):
        value, grads = gradients(params, x, y)
        return update(params, grads, learning_rate), value

    return jax.lax.scan(step, params, length=steps)


def main():
    x, y, params = start(jax.random.key(0))
    print(net)
    params, losses = jax.jit(train)(params, x, y)
    for step in range(0, 500, 50):
        print(step, losses[step].item())
    print("0.weight:", params["0"]["weight"], sep="\n")


if __name__ == "__main__":
    main()
