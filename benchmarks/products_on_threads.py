"""The two large products of the tutorial's loop by hand, in XLA and in PyTorch, on one thread and on two.

    python benchmarks/products_on_threads.py [--rounds N]

Each library and number of threads has a process of its own; they take turns in blocks. It prints microseconds
of wall time (lower quartile of the blocks), of processor time and billions of operations a second. The update
of the wide matrix and a product of 1024 x 1024 matrices, which shows what a core does at most, come last.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

CASES = ("x @ w", "x.T @ g", "w - r * g", "1024 x 1024")
OPERATIONS = (2 * 64 * 1000 * 100, 2 * 64 * 1000 * 100, 0, 2 * 1024**3)
CALLS = (100, 100, 100, 2)


def matrices() -> list[np.ndarray]:
    draws = np.random.default_rng(0)
    shapes = [(64, 1000), (1000, 100), (64, 100), (1024, 1024)]
    return [draws.standard_normal(shape).astype(np.float32) for shape in shapes]


def of_xla(threads: int) -> list[Callable[[], Any]]:
    os.environ["PJRT_NPROC"] = str(threads)
    import jax

    rate = np.float32(1e-9)
    x, w, g, large = map(jax.device_put, matrices())
    turned = jax.device_put(np.ascontiguousarray(np.asarray(x).T))
    functions = [
        (lambda a, b: a @ b, x, w),
        (lambda a, b: a @ b, turned, g),
        (lambda a, b: a - rate * b, w, w + 1),
        (lambda a, b: a @ b, large, large),
    ]
    compiled = [(jax.jit(f).lower(*given).compile(), given) for f, *given in functions]
    return [lambda run=run, given=given: run(*given).block_until_ready() for run, given in compiled]


def of_torch(threads: int) -> list[Callable[[], Any]]:
    import torch

    torch.set_num_threads(threads)
    x, w, g, large = map(torch.from_numpy, matrices())
    other = w + 1
    return [lambda: x.mm(w), lambda: x.t().mm(g), lambda: w - 1e-9 * other, lambda: large.mm(large)]


def work(library: str, threads: int, pipe: Any) -> None:
    calls = (of_xla if library == "XLA" else of_torch)(threads)
    for call in calls:
        call()
    pipe.send(None)
    while pipe.recv():
        found = []
        for call, count in zip(calls, CALLS, strict=True):
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(count):
                call()
            found.append(((time.perf_counter() - wall) / count, (time.process_time() - cpu) / count))
        pipe.send(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=40)
    rounds = parser.parse_args().rounds
    libraries = ["XLA", "PyTorch"] if importlib.util.find_spec("torch") else ["XLA"]
    context = multiprocessing.get_context("spawn")
    pipes, blocks = {}, {}
    for key in [(library, threads) for library in libraries for threads in (1, 2)]:
        here, there = context.Pipe()
        context.Process(target=work, args=(*key, there), daemon=True).start()
        here.recv()
        pipes[key], blocks[key] = here, []
    for _ in range(rounds):
        for key, pipe in pipes.items():
            time.sleep(0.1)
            pipe.send(True)
            blocks[key].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(False)
    print(f"{'':22}" + "".join(f"{library + ', ' + str(n):>22}" for library, n in pipes))
    for index, (case, operations) in enumerate(zip(CASES, OPERATIONS, strict=True)):
        row = ""
        for found in blocks.values():
            wall, cpu = (sorted(block[index][of] for block in found)[rounds // 4] for of in (0, 1))
            rate = f" {operations / wall / 1e9:4.0f} GF" if operations else ""
            row += f"{f'{wall * 1e6:.0f} ({cpu * 1e6:.0f}){rate}':>22}"
        print(f"{case:22}{row}")


if __name__ == "__main__":
    main()
