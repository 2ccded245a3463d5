"""The speed of PyTorch's random numbers here, beside PyTorch's own, measured in one run.

    python benchmarks/random_numbers.py

Times are processor times, the best of several, in milliseconds: what a call costs, whatever else the machine
does. PyTorch runs eagerly on a CPU. Every pair draws the same numbers, which is checked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import torch

from fnnet import init
from fnnet.random import Generator, ahead, as_source

N = 1_000_000


def best(call: Callable[[], Any], repeats: int = 7) -> float:
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return 1e3 * min(times)


def alternately(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int = 12) -> tuple[float, float]:
    """The best time of each, taken in turn, so that a busy moment meets both."""
    times = [(best(ours, 1), best(theirs, 1)) for _ in range(rounds)]
    return min(a for a, _ in times), min(b for _, b in times)


def network_shapes() -> list[tuple[int, ...]]:
    """A network of 25 million parameters: convolutions and linear layers of the usual sizes."""
    shapes: list[tuple[int, ...]] = [(64, 3, 7, 7)]
    for width in (64, 128, 256, 512):
        shapes += [(width, width, 3, 3)] * 3
    shapes += [(2048, 512), (2048, 2048), (2048, 2048), (1000, 2048), (1024, 3072), (768, 768)]
    return [shape for weight in shapes for shape in (weight, weight[:1])]


def init_torch(shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    out = []
    for weight, bias in zip(shapes[::2], shapes[1::2], strict=True):
        tensor = torch.nn.init.kaiming_uniform_(torch.empty(weight), a=5**0.5)
        bound = 1 / np.sqrt(np.prod(weight[1:]))
        out += [tensor, torch.empty(bias).uniform_(-bound, bound)]
    return out


def init_fnnet(shapes: list[tuple[int, ...]], random: Any) -> list[jax.Array]:
    source, out = as_source(random), []
    for weight, bias in zip(shapes[::2], shapes[1::2], strict=True):
        out += [init.kaiming_uniform(source, weight, a=5**0.5)]
        out += [init.fan_in_uniform(source, bias, int(np.prod(weight[1:])))]
    return jax.block_until_ready(out)


def rows(g: Generator) -> list[tuple[str, Callable[[], Any], Callable[[], Any]]]:
    def empty(dtype: Any = torch.float32) -> torch.Tensor:
        return torch.empty(N, dtype=dtype)

    f64 = torch.float64
    return [
        ("rand", lambda: g.rand(N), lambda: torch.rand(N)),
        ("rand float64", lambda: g.rand(N, np.float64), lambda: torch.rand(N, dtype=f64)),
        ("uniform_(-0.1, 0.3)", lambda: g.uniform(N, -0.1, 0.3), lambda: empty().uniform_(-0.1, 0.3)),
        (
            "uniform_(-0.1, 0.3) float64",
            lambda: g.uniform(N, -0.1, 0.3, np.float64),
            lambda: empty(f64).uniform_(-0.1, 0.3),
        ),
        ("randn", lambda: g.randn(N), lambda: torch.randn(N)),
        ("normal_(0.1, 0.7)", lambda: g.normal(N, 0.1, 0.7), lambda: empty().normal_(0.1, 0.7)),
        (
            "randn bfloat16",
            lambda: g.randn(N, jax.numpy.bfloat16),
            lambda: torch.randn(N, dtype=torch.bfloat16),
        ),
        ("randn float64", lambda: g.randn(N, np.float64), lambda: torch.randn(N, dtype=f64)),
        ("randint(100)", lambda: g.randint(0, 100, N), lambda: torch.randint(100, (N,))),
        ("randint(2**40)", lambda: g.randint(0, 2**40, N), lambda: torch.randint(2**40, (N,))),
        ("random_() int64", lambda: g.random(N), lambda: empty(torch.int64).random_()),
        ("bernoulli_(0.3)", lambda: g.bernoulli(N, 0.3), lambda: empty().bernoulli_(0.3)),
        ("exponential_()", lambda: g.exponential(N), lambda: empty().exponential_()),
        ("log_normal_()", lambda: g.log_normal(N), lambda: empty().log_normal_()),
        ("trunc_normal_()", lambda: g.truncated_normal(N), lambda: torch.nn.init.trunc_normal_(empty())),
        ("randperm", lambda: g.randperm(N), lambda: torch.randperm(N)),
    ]


def drawn_ahead() -> None:
    """Dropout on 512 x 1024 numbers in a compiled scan of 50 steps: masks from a key, or drawn ahead."""
    x = jax.numpy.ones((512, 1024))

    def dropped(x: jax.Array, key: Any) -> jax.Array:
        return jax.numpy.where(as_source(key).bernoulli(x.shape, 0.5), x * 2.0, 0.0).sum()

    run = jax.jit(lambda x, keys: jax.lax.scan(lambda c, key: (c + dropped(x, key), None), 0.0, keys)[0])
    keys = jax.random.split(jax.random.key(0), 50)
    masks = ahead(dropped, Generator(0), x, steps=50)
    for each in (keys, masks):
        jax.block_until_ready(run(x, each))
    inside = best(lambda: jax.block_until_ready(run(x, keys)), 3)
    fed = best(lambda: jax.block_until_ready(run(x, masks)), 3)
    drawing = best(lambda: ahead(dropped, Generator(0), x, steps=50), 3)
    print(
        f"\n50 steps of dropout on 512 x 1024: a JAX key inside {inside:.0f} ms; drawn ahead {drawing:.0f} ms"
    )
    print(f"to draw, {fed:.0f} ms to run, {masks.nbytes / 2**20:.0f} MiB")


def main() -> None:
    g = Generator(0)
    print(f"{'a million of':28s} {'fnnet':>8s} {'PyTorch':>8s} {'ratio':>6s}")
    for name, ours, theirs in rows(g):
        torch.manual_seed(0)
        g.manual_seed(0)
        mine, true = np.asarray(ours()), theirs()
        same = torch.from_numpy(mine.astype(np.float64)).equal(true.double())
        a, b = alternately(ours, theirs)
        print(f"{name:28s} {a:8.2f} {b:8.2f} {a / b:6.2f}{'' if same else '   NOT EQUAL'}")
    shapes = network_shapes()
    count = sum(int(np.prod(shape)) for shape in shapes)
    a, b = alternately(lambda: init_fnnet(shapes, Generator(0)), lambda: init_torch(shapes), 5)
    print(f"{f'init of {count / 1e6:.1f}M parameters':28s} {a:8.2f} {b:8.2f} {a / b:6.2f}")
    drawn_ahead()


if __name__ == "__main__":
    main()
