"""A two-layer ReLU network in NumPy: the forward pass, the backward pass and the update written by hand.

Run it: python examples/two_layer_numpy.py
"""

import numpy as np

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6


def start(seed):
    """Random inputs and outputs, and random weights, all from N(0, 1)."""
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((N, D_IN)), rng.standard_normal((N, D_OUT))
    return x, y, {"w1": rng.standard_normal((D_IN, H)), "w2": rng.standard_normal((H, D_OUT))}


def predict(weights, x):
    return np.maximum(x @ weights["w1"], 0) @ weights["w2"]


def gradients(weights, x, y):
    """The summed squared error, and its derivative with respect to each weight, by the chain rule."""
    hidden = x @ weights["w1"]
    active = np.maximum(hidden, 0)
    difference = active @ weights["w2"] - y

    from_output = 2 * difference
    from_hidden = np.where(hidden < 0, 0, from_output @ weights["w2"].T)
    return np.square(difference).sum(), {"w1": x.T @ from_hidden, "w2": active.T @ from_output}


def update(weights, grads):
    return {name: weights[name] - LEARNING_RATE * grads[name] for name in weights}


def train(weights, x, y, steps=500):
    losses = []
    for _ in range(steps):
        loss, grads = gradients(weights, x, y)
        weights = update(weights, grads)
        losses.append(loss)
    return weights, losses


def main():
    x, y, weights = start(seed=0)
    weights, losses = train(weights, x, y)
    for step in range(0, 500, 50):
        print(step, losses[step])
    print("what is left of the first row:", predict(weights, x)[0] - y[0])


if __name__ == "__main__":
    main()
