"""A two-layer ReLU network on JAX arrays: the backward pass by hand, all 500 steps in one compiled loop.

What changes from NumPy: random numbers come from a key, nothing is overwritten, and the loop is `lax.scan`.
It runs on a GPU where JAX has one.

Run it: python examples/two_layer_arrays.py
"""

import jax
import jax.numpy as jnp

import fnnet

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


def predict(weights, x):
    return jnp.maximum(x @ weights["w1"], 0) @ weights["w2"]


def gradients(weights, x, y):
    """The summed squared error, and its derivative with respect to each weight, by the chain rule."""
    hidden = x @ weights["w1"]
    active = jnp.maximum(hidden, 0)
    difference = active @ weights["w2"] - y

    from_output = 2 * difference
    from_hidden = jnp.where(hidden < 0, 0, from_output @ weights["w2"].T)
    return jnp.square(difference).sum(), {"w1": x.T @ from_hidden, "w2": active.T @ from_output}


def update(weights, grads):
    return jax.tree.map(lambda w, g: w - LEARNING_RATE * g, weights, grads)


def train(weights, x, y, steps=500):
    """The trained weights and the loss of every step; pure, to be compiled or mapped over seeds."""

    def step(weights, _):
        loss, grads = gradients(weights, x, y)
        return update(weights, grads), loss

    return jax.lax.scan(step, weights, length=steps)


def main():
    x, y, weights = start(jax.random.key(0))
    weights, losses = jax.jit(train)(weights, x, y)
    for step in range(0, 500, 50):
        print(step, losses[step].item())
    print("what is left of the first row:", predict(weights, x)[0] - y[0])


if __name__ == "__main__":
    main()
