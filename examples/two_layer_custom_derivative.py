"""A two-layer network whose ReLU brings its own backward rule, as a `torch.autograd.Function` does.

`jax.custom_vjp` takes two functions: the forward one returns the result and what the backward one will need
(PyTorch's `ctx.save_for_backward`), the backward one gets that and the gradient of the output.

Run it: python examples/two_layer_custom_derivative.py
"""

import jax
import jax.numpy as jnp

import fnnet

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6


@jax.custom_vjp
def relu(x):
    return jnp.maximum(x, 0)


def relu_forward(x):
    return relu(x), x


def relu_backward(x, grad):
    return (jnp.where(x < 0, 0, grad),)


relu.defvjp(relu_forward, relu_backward)


def start(random):
    """Data and weights from N(0, 1), drawn from a JAX key or a fnnet.random.Generator."""
    source = fnnet.random.as_source(random)
    x, y, w1, w2 = (
        source.normal(shape, 0.0, 1.0, jnp.float32)
        for shape in ((N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT))
    )
    return x, y, {"w1": w1, "w2": w2}


def loss(weights, x, y):
    return jnp.square(relu(x @ weights["w1"]) @ weights["w2"] - y).sum()


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
    at_zero = jax.grad(relu)(0.0), jax.grad(lambda x: jnp.maximum(x, 0))(0.0)
    print("derivative at 0: by our rule", at_zero[0], "- of jnp.maximum", at_zero[1])


if __name__ == "__main__":
    main()
