"""The two-layer network trained by five update rules of `fnnet.optim`: SGD, momentum, Adam, RMSprop, Adagrad.

They are torch.optim's rules, as optax transformations: `fnnet.fit` takes any of them, or any of optax's own.

Run it: python examples/two_layer_optimizers.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

N, D_IN, H, D_OUT = 64, 1000, 100, 10

net = fnnet.Sequential(fnnet.Linear(D_IN, H), fnnet.ReLU(), fnnet.Linear(H, D_OUT))

OPTIMIZERS = {
    "sgd": fnnet.optim.sgd(lr=1e-4),
    "momentum": fnnet.optim.sgd(lr=1e-5, momentum=0.9),
    "adam": fnnet.optim.adam(lr=1e-4),
    "rmsprop": fnnet.optim.rmsprop(lr=3e-5),
    "adagrad": fnnet.optim.adagrad(lr=1e-3),
}


def start(random):
    """Data from N(0, 1) and parameters by the layers' default initialisation."""
    source = fnnet.random.as_source(random)
    x = source.normal((N, D_IN), 0.0, 1.0, jnp.float32)
    y = source.normal((N, D_OUT), 0.0, 1.0, jnp.float32)
    return x, y, net.init(source)


def loss(params, x, y):
    return F.mse_loss(net(params, x), y, reduction="sum")


def train(name, params, x, y, steps=500):
    return fnnet.fit(loss, params, (x, y), optimizer=OPTIMIZERS[name], steps=steps)


def main():
    x, y, params = start(jax.random.key(0))
    losses = {name: train(name, params, x, y).losses for name in OPTIMIZERS}
    print("step", *(f"{name:>12}" for name in losses))
    for step in range(0, 500, 50):
        print(f"{step:4}", *(f"{curve[step]:12.6g}" for curve in losses.values()))


if __name__ == "__main__":
    main()
