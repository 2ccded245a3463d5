"""A network of two layers in NumPy alone, its gradients written out by hand."""

import sys

import numpy as np

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
random = np.random.default_rng(0)
x, y = random.standard_normal((64, 1000)), random.standard_normal((64, 10))
w1, w2 = random.standard_normal((1000, 100)), random.standard_normal((100, 10))

for step in range(steps):
    hidden = x @ w1
    active = np.maximum(hidden, 0)
    error = active @ w2 - y
    print(step, np.square(error).sum())
    toward_active = 2 * error @ w2.T
    w2 -= 1e-6 * (active.T @ (2 * error))
    w1 -= 1e-6 * (x.T @ (toward_active * (hidden > 0)))
