"""A two-layer ReLU network whose gradients come from `jax.value_and_grad`: only the forward pass is written.

Run it: python examples/two_layer_grad.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6


def start(random):
    """Data and weights from N(0, 1), drawn from a JAX key or a fnnet.random.Generator."""
    source = fnnet.random.as_source(random)
    x, y, w1, w2 = (
        source.normal(shape, 0.0, 1.0, jnp.float32)
        for shape in ((N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT))
    )
    return x, y, {"w1": w1, "w2": w2}


def loss(weights, x, y):
    # F.relu, not jnp.maximum: where the input is exactly 0 the derivative is 0, as PyTorch has it, not 1/2
    predicted = F.relu(x @ weights["w1"]) @ weights["w2"]
    return jnp.square(predicted - y).sum()


gradients = jax.value_and_grad(loss)


def update(weights, grads):
    return jax.tree.map(lambda w, g: w - LEARNING_RATE * g, weights, grads)


def train(weights, x, y, steps=500):
    """The trained weights and the loss of every step."""

    def step(weights, _):
        value, grads = gradients(weights, x, y)
        return update(weights, grads), value

    return jax.lax.scan(step, weights, length=steps)


def main():
    x, y, weights = start(jax.random.key(0))
    weights, losses = jax.jit(train)(weights, x, y)
    for step in range(0, 500, 50):
        print(step, losses[step].item())


if __name__ == "__main__":
    main()
