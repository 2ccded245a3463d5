"""Gradients, of functions instead of tensors.

PyTorch records what happens to a tensor and walks back through it. JAX differentiates a function: no
`requires_grad`, no `.grad` to clear, and nothing to switch off.

Run it: python examples/autograd.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F
from fnnet.random import as_source


def line(x, w, b):
    return w * x + b


def mean_of_squares(x):
    y = x + 2
    z = y * y * 3
    return z.mean(), (y, z)


def doubled(x):
    """x doubled until its norm reaches 1000, with Python's own control flow."""
    y = x * 2
    while jnp.linalg.norm(y) < 1000:
        y = y * 2
    return y


def doubled_compiled(x):
    """The same as one compiled program: the loop is part of it, whatever the values are."""
    return jax.lax.while_loop(lambda y: jnp.linalg.norm(y) < 1000, lambda y: y * 2, x * 2)


def vjp_by_walking_back(x, v):
    """y.backward(v): the vector times the Jacobian, walking back through the doublings that were done."""
    y, pullback = jax.vjp(doubled, x)
    (gradient,) = pullback(v)
    return y, gradient


@jax.jit
def vjp_compiled(x, v):
    """The same, compiled. A loop of unknown length is differentiated forwards, alongside its own steps."""
    return doubled_compiled(x), v @ jax.jacfwd(doubled_compiled)(x)


def sum_of_both(x):
    y = x + 1
    z = x + y
    return z.sum()


def probabilities(params, data):
    """A linear map, ReLU, softmax."""
    hidden = F.relu(fnnet.Linear(5, 3)(params, data))
    return hidden, F.softmax(hidden, dim=1)


def loss(params, data, target):
    hidden, _ = probabilities(params, data)
    return F.mse_loss(hidden, target)


def draw(random):
    """The linear map's parameters, two examples of five features, and their targets."""
    source = as_source(random)
    params = fnnet.Linear(5, 3).init(source)
    return params, source.normal((2, 5), 0.0, 1.0, jnp.float32), source.normal((2, 3), 0.0, 1.0, jnp.float32)


def step(params, gradient, lr=1e-2):
    """One step down the gradient."""
    return jax.tree.map(lambda p, g: p - lr * g, params, gradient)


def main():
    x, w, b = 1.0, 2.0, 3.0
    print("y = w x + b: dy/dw, dy/dx, dy/db =", *jax.grad(line, argnums=(1, 0, 2))(x, w, b))

    (value, (y, z)), gradient = jax.value_and_grad(mean_of_squares, has_aux=True)(jnp.ones((2, 2)))
    print(f"\nmean of 3 (x + 2)^2: y\n{y}\nz\n{z}\nvalue {value}, gradient\n{gradient}")

    x = jnp.array([591.5636, 884.0807, 773.9807]) / 1024
    v = jnp.array([0.1, 1.0, 0.0001])
    for name, function in (("in Python", vjp_by_walking_back), ("compiled", vjp_compiled)):
        y, gradient = function(x, v)
        print(f"\ndoubled {name}: {y}\nvector-Jacobian product {gradient}")

    d = jnp.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [11.0, 12.0, 13.0]]])
    print("\ngradient of sum(x + (x + 1)):\n", jax.grad(sum_of_both)(d), sep="")

    params, data, target = draw(fnnet.random.Generator(0))
    value, gradients = jax.value_and_grad(loss)(params, data, target)
    print("\nsoftmax:", probabilities(params, data)[1].reshape(1, -1))
    print("loss:", value, "and after a step:", loss(step(params, gradients), data, target))


if __name__ == "__main__":
    main()
