"""Control flow and shared weights: a network whose depth is drawn anew in every step.

Between input and output, the same middle layer is applied 0 to 3 times. PyTorch builds a new graph in every
step. Here the depth is an argument of one compiled program, which holds all four networks and runs the one
asked for; 500 steps of training are one program too.

Run it: python examples/dynamic_network.py
"""

import random as python_random
import time

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F
from fnnet.random import as_source

N, D_IN, HIDDEN, D_OUT = 64, 1000, 100, 10
STEPS, LR, MOMENTUM, DEEPEST = 500, 1e-4, 0.9, 3


class DynamicNet(fnnet.Layer):
    """Input, the middle layer `depth` times over, output."""

    def __init__(self, d_in, hidden, d_out):
        self.input_linear = fnnet.Linear(d_in, hidden)
        self.middle_linear = fnnet.Linear(hidden, hidden)
        self.output_linear = fnnet.Linear(hidden, d_out)

    def forward(self, p, x, depth):
        h = F.relu(self.input_linear(p["input_linear"], x))

        def middle(times):
            def apply(h):
                for _ in range(times):
                    h = F.relu(self.middle_linear(p["middle_linear"], h))
                return h

            return apply

        h = jax.lax.switch(depth, [middle(times) for times in range(DEEPEST + 1)], h)
        return self.output_linear(p["output_linear"], h)


net = DynamicNet(D_IN, HIDDEN, D_OUT)


def draw(random, dtype=jnp.float32):
    """Random data, and the network's initial parameters."""
    source = as_source(random)
    x = source.normal((N, D_IN), 0.0, 1.0, jnp.float32)
    y = source.normal((N, D_OUT), 0.0, 1.0, jnp.float32)
    return jax.tree.map(lambda a: a.astype(dtype), (x, y, net.init(source)))


def draw_depths(seed):
    """How often the middle layer is applied in each step, by Python's random numbers."""
    source = python_random.Random(seed)
    return jnp.array([source.randint(0, DEEPEST) for _ in range(STEPS)], dtype=jnp.int32)


def loss(params, x, y, depth):
    return F.mse_loss(net(params, x, depth), y, reduction="sum")


def leave_unused(depth, old, new):
    """`new`, but for the middle layer (parameters and momentum), which stays `old` where it was not used."""

    def choose(path, before, after):
        in_middle = any(getattr(part, "key", None) == "middle_linear" for part in path)
        return jnp.where(depth == 0, before, after) if in_middle else after

    return jax.tree_util.tree_map_with_path(choose, old, new)


def train(params, x, y, depths, skip_unused=True):
    """All steps: (final parameters, losses).

    A depth of 0 leaves the middle layer without a gradient. PyTorch's optimizer skips it then; when the
    tutorial was written, its gradient was 0, and the momentum moved it on (`skip_unused=False`).
    """
    optimizer = fnnet.optim.sgd(lr=LR, momentum=MOMENTUM)
    step = fnnet.train.step(loss, optimizer)

    def update(state, depth, key=None):
        new, record = step(state, x, y, depth)
        return leave_unused(depth, state, new) if skip_unused else new, record

    start = fnnet.train.init(params, optimizer)
    state, record = fnnet.train.run(update, start, lambda i: (depths[i],), STEPS)
    return state.params, record["loss"]


def compiled(params, x, y, depths, skip_unused=True):
    """`train` as an executable, which cannot compile again whatever depths it is given."""
    program = jax.jit(train, static_argnames="skip_unused")
    return program.lower(params, x, y, depths, skip_unused=skip_unused).compile()


def main():
    x, y, params = draw(fnnet.random.Generator(0))
    start = time.perf_counter()
    program = compiled(params, x, y, draw_depths(0))
    print(f"compiled once, in {time.perf_counter() - start:.2f} s")
    for seed in range(3):
        depths = draw_depths(seed)
        start = time.perf_counter()
        _, losses = jax.block_until_ready(program(params, x, y, depths))
        print(f"\n{STEPS} steps in {time.perf_counter() - start:.2f} s, depths {depths[:12].tolist()} ...")
        for i in range(0, STEPS, 100):
            print(f"{i:4d}  {losses[i]:.6f}")
        print(f"{STEPS - 1:4d}  {losses[-1]:.6f}")


if __name__ == "__main__":
    main()
