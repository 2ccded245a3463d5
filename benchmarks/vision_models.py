"""A training step of torchvision's networks: fnnet's layers, fnnet.torch, and PyTorch with torchvision.

    python benchmarks/vision_models.py [--batch N] [--side N] [MODEL ...]

Forward, loss and all gradients of `batch` pictures of `side` x `side`, in training mode, without the
optimizer's step; milliseconds, the least of ten after two that warm up, each in a process of its own. *first*
is the seconds of the first step, with its compilation. PyTorch is left out where torchvision is missing.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

MODELS = ("resnet18", "mobilenet_v2", "squeezenet1_1", "densenet121", "vgg11", "alexnet")


def pictures(batch: int, side: int) -> tuple[Any, Any]:
    draws = np.random.default_rng(0)
    return draws.standard_normal((batch, 3, side, side), np.float32), np.arange(batch) % 10


def layers(name: str, batch: int, side: int) -> Callable[[], float]:
    import jax

    import fnnet
    from fnnet.torchvision import models

    net = getattr(models, name)(num_classes=10)._layer
    params, buffers = net.init(jax.random.key(0)), net.init_buffers()
    x, y = map(jax.numpy.asarray, pictures(batch, side))

    @jax.jit
    def step(params: Any, key: Any) -> Any:
        def loss(params: Any) -> Any:
            out, _ = net(params, x, buffers=buffers, training=True, key=key)
            return fnnet.functional.cross_entropy(out, y)

        return jax.value_and_grad(loss)(params)

    return lambda: float(jax.block_until_ready(step(params, jax.random.key(1)))[0])


def modules(torch: Any, models: Any, name: str, batch: int, side: int) -> Callable[[], float]:
    net = getattr(models, name)(num_classes=10)
    x, y = map(torch.from_numpy, pictures(batch, side))

    def step() -> float:
        net.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(x), y)
        loss.backward()
        first = next(net.parameters()).grad
        return loss.item() + 0 * first.flatten()[0].item()

    return step


def make(side_of: str, name: str, batch: int, side: int) -> Callable[[], float]:
    if side_of == "layers":
        return layers(name, batch, side)
    if side_of == "fnnet.torch":
        import fnnet.torch as torch
        from fnnet.torchvision import models

        return modules(torch, models, name, batch, side)
    import torch
    from torchvision import models

    return modules(torch, models, name, batch, side)


def measure(which: str, name: str, batch: int, side: int) -> None:
    step = make(which, name, batch, side)
    begin = time.perf_counter()
    step()
    first = time.perf_counter() - begin
    step()
    times = []
    for _ in range(10):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    print(f"{name:14} {which:12} first {first:6.2f} s, step {min(times) * 1e3:8.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", default=MODELS[:2])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options.measure, options.models[0], options.batch, options.side)
        return
    sides = ["layers", "fnnet.torch"] + ["PyTorch"] * (importlib.util.find_spec("torchvision") is not None)
    for name in options.models:
        for which in sides:
            words = [name, "--batch", str(options.batch), "--side", str(options.side), "--measure", which]
            subprocess.run([sys.executable, __file__, *words], env=os.environ, check=True)


if __name__ == "__main__":
    main()
