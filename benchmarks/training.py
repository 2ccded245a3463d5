"""Training speed: fnnet against PyTorch eager, torch.compile, Flax NNX and Equinox, as ratios in one run.

    python benchmarks/training.py [--case NAME]... [--framework NAME]... [--repeat N] [--json FILE]

Each measurement is a process of its own, so that no framework warms up another. Every framework does the same
work: the same network, batches in the same order, plain SGD, and the loss of every step kept. Measured, after
the imports:

- first: seconds until the first loss is known, compilation included;
- whole: seconds for the whole run, compilation included;
- step: milliseconds a step in the steady state: the whole run a second time, divided by its steps.

PyTorch, NNX and Equinox run as their users write the loop: a (compiled) step called from Python, with the
loss read in every step as the tutorials do. fnnet runs `fnnet.fit`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Case:
    """A network, its data and the number of steps."""

    network: str  # "mlp" or "lenet"
    sizes: tuple[int, ...]
    loss: str  # "mse" (sum) or "cross entropy" (mean)
    rows: int
    batch: int
    steps: int
    lr: float

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The rows: normal inputs, and normal targets or classes."""
        rng = np.random.RandomState(0)
        shape = (self.rows, 3, 32, 32) if self.network == "lenet" else (self.rows, self.sizes[0])
        x = rng.standard_normal(shape).astype(np.float32)
        if self.loss == "mse":
            return x, rng.standard_normal((self.rows, self.sizes[-1])).astype(np.float32)
        return x, rng.randint(0, self.sizes[-1], self.rows)


CASES = {
    "two-layer": Case("mlp", (1000, 100, 10), "mse", 64, 64, 500, 1e-4),
    "fizzbuzz": Case("mlp", (10, 100, 4), "cross entropy", 8 * 128, 128, 8 * 500, 0.05),
    "lenet, batch 4": Case("lenet", (10,), "cross entropy", 400, 4, 500, 0.001),
    "lenet, batch 128": Case("lenet", (10,), "cross entropy", 1280, 128, 50, 0.001),
}


def batches(case: Case) -> list[slice]:
    """The mini-batch of each step."""
    each = case.rows // case.batch
    return [slice(i % each * case.batch, (i % each + 1) * case.batch) for i in range(case.steps)]


def fnnet_runs(case: Case):
    """Yields a function that runs some steps and returns their losses."""
    import jax

    import fnnet
    from fnnet import functional as F

    if case.network == "mlp":
        parts = []
        for fan_in, fan_out in zip(case.sizes, case.sizes[1:], strict=False):
            parts += [fnnet.Linear(fan_in, fan_out), fnnet.ReLU()]
        net = fnnet.Sequential(*parts[:-1])
    else:
        net = fnnet.Sequential(
            fnnet.Conv2d(3, 6, 5), fnnet.ReLU(), fnnet.MaxPool2d(2),
            fnnet.Conv2d(6, 16, 5), fnnet.ReLU(), fnnet.MaxPool2d(2), fnnet.Flatten(),
            fnnet.Linear(400, 120), fnnet.ReLU(), fnnet.Linear(120, 84), fnnet.ReLU(), fnnet.Linear(84, 10),
        )  # fmt: skip

    def loss(params, x, y):
        output = net(params, x)
        return F.mse_loss(output, y, reduction="sum") if case.loss == "mse" else F.cross_entropy(output, y)

    x, y = case.data()
    data = (x, y if case.loss == "mse" else y.astype(np.int32))
    params = net.init(jax.random.key(0))
    optimizer = fnnet.optim.sgd(case.lr)

    def run(steps: int):
        batch_size = None if case.batch == case.rows else case.batch
        fitted = fnnet.fit(loss, params, data, optimizer=optimizer, steps=steps, batch_size=batch_size)
        return fitted.history.losses

    return run


def torch_runs(case: Case, compiled: bool = False):
    """The same in PyTorch: zero_grad, forward, backward, step, loss.item()."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    if case.network == "mlp":
        parts: list[nn.Module] = []
        for fan_in, fan_out in zip(case.sizes, case.sizes[1:], strict=False):
            parts += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        net: nn.Module = nn.Sequential(*parts[:-1])
    else:
        net = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
        )  # fmt: skip
    call = torch.compile(net) if compiled else net
    criterion = nn.MSELoss(reduction="sum") if case.loss == "mse" else nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=case.lr)
    x, y = map(torch.from_numpy, case.data())
    parts_of_data = [(x[s], y[s]) for s in batches(case)]

    def run(steps: int):
        losses = []
        for bx, by in parts_of_data[:steps]:
            optimizer.zero_grad()
            loss = criterion(call(bx), by)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return run


def nnx_runs(case: Case):
    """The same in Flax NNX: `nnx.jit` of a train step, called in a loop."""
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs: nnx.Rngs):
            if case.network == "mlp":
                pairs = zip(case.sizes, case.sizes[1:], strict=False)
                self.layers = nnx.List([nnx.Linear(i, o, rngs=rngs) for i, o in pairs])
            else:
                self.convs = nnx.List(
                    [nnx.Conv(i, o, (5, 5), padding="VALID", rngs=rngs) for i, o in ((3, 6), (6, 16))]
                )
                self.layers = nnx.List(
                    [nnx.Linear(i, o, rngs=rngs) for i, o in ((400, 120), (120, 84), (84, 10))]
                )

        def __call__(self, x):
            if case.network == "lenet":
                for conv in self.convs:
                    x = nnx.max_pool(nnx.relu(conv(x)), (2, 2), (2, 2))
                x = x.reshape(x.shape[0], -1)
            for layer in self.layers[:-1]:
                x = nnx.relu(layer(x))
            return self.layers[-1](x)

    net = Net(nnx.Rngs(0))
    optimizer = nnx.Optimizer(net, optax.sgd(case.lr), wrt=nnx.Param)

    @nnx.jit
    def step(net, optimizer, x, y):
        def loss(net):
            output = net(x)
            if case.loss == "mse":
                return jnp.sum((output - y) ** 2)
            return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()

        value, gradients = nnx.value_and_grad(loss)(net)
        optimizer.update(net, gradients)
        return value

    return _jax_loop(case, lambda x, y: step(net, optimizer, x, y), channels_last=True, jax=jax)


def equinox_runs(case: Case):
    """The same in Equinox: `eqx.filter_jit` of a train step, called in a loop."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp
    import optax

    keys = iter(jax.random.split(jax.random.key(0), 8))
    if case.network == "mlp":
        parts = []
        for fan_in, fan_out in zip(case.sizes, case.sizes[1:], strict=False):
            parts += [eqx.nn.Linear(fan_in, fan_out, key=next(keys)), eqx.nn.Lambda(jax.nn.relu)]
        net = eqx.nn.Sequential(parts[:-1])
    else:
        relu = eqx.nn.Lambda(jax.nn.relu)
        net = eqx.nn.Sequential([
            eqx.nn.Conv2d(3, 6, 5, key=next(keys)), relu, eqx.nn.MaxPool2d(2, 2),
            eqx.nn.Conv2d(6, 16, 5, key=next(keys)), relu, eqx.nn.MaxPool2d(2, 2), eqx.nn.Lambda(jnp.ravel),
            eqx.nn.Linear(400, 120, key=next(keys)), relu, eqx.nn.Linear(120, 84, key=next(keys)), relu,
            eqx.nn.Linear(84, 10, key=next(keys)),
        ])  # fmt: skip
    optimizer = optax.sgd(case.lr)
    state = [net, optimizer.init(eqx.filter(net, eqx.is_array))]

    @eqx.filter_jit
    def step(net, opt_state, x, y):
        def loss(net):
            output = jax.vmap(net)(x)
            if case.loss == "mse":
                return jnp.sum((output - y) ** 2)
            return optax.softmax_cross_entropy_with_integer_labels(output, y).mean()

        value, gradients = eqx.filter_value_and_grad(loss)(net)
        updates, opt_state = optimizer.update(gradients, opt_state)
        return value, eqx.apply_updates(net, updates), opt_state

    def advance(x, y):
        value, *state[:] = step(*state, x, y)
        return value

    return _jax_loop(case, advance, channels_last=False, jax=jax)


def _jax_loop(case: Case, advance, channels_last: bool, jax):
    x, y = case.data()
    if channels_last and case.network == "lenet":
        x = x.transpose(0, 2, 3, 1).copy()
    y = y if case.loss == "mse" else y.astype(np.int32)
    parts = [(jax.device_put(x[s]), jax.device_put(y[s])) for s in batches(case)]
    return lambda steps: [float(advance(bx, by)) for bx, by in parts[:steps]]


FRAMEWORKS = {
    "PyTorch eager": (torch_runs, "torch"),
    "fnnet": (fnnet_runs, "jax"),
    "torch.compile": (lambda case: torch_runs(case, compiled=True), "torch"),
    "Flax NNX": (nnx_runs, "flax"),
    "Equinox": (equinox_runs, "equinox"),
}


def measure(framework: str, case: Case) -> dict[str, float]:
    """One measurement, in this process."""
    start = time.perf_counter()
    run = FRAMEWORKS[framework][0](case)
    built = time.perf_counter()
    first_losses = run(1)
    first = time.perf_counter() - built
    if framework == "fnnet":
        import jax

        jax.clear_caches()  # `whole` includes compilation for it as for the others' first call
        run = FRAMEWORKS[framework][0](case)
        whole_start = time.perf_counter()
    else:
        whole_start = time.perf_counter()
    losses = run(case.steps)
    whole = time.perf_counter() - whole_start + (0.0 if framework == "fnnet" else first)
    assert len(losses) == case.steps
    assert np.isfinite(np.asarray(losses)).all()
    steady = time.perf_counter()
    run(case.steps)
    steady = time.perf_counter() - steady
    return {
        "build": built - start,
        "first": first,
        "whole": whole,
        "step": 1e3 * steady / case.steps,
        "first_loss": float(first_losses[0]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", action="append", choices=CASES)
    parser.add_argument("--framework", action="append", choices=FRAMEWORKS)
    parser.add_argument("--repeat", type=int, default=3, help="processes a measurement; the median is shown")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.framework[0], CASES[options.case[0]])))
        return
    chosen = [f for f in options.framework or FRAMEWORKS if importlib.util.find_spec(FRAMEWORKS[f][1])]
    results = {}
    for name in options.case or CASES:
        print(f"\n{name}: {CASES[name].steps} steps")
        print(f"  {'':14} {'first (s)':>10} {'whole (s)':>10} {'step (ms)':>10} {'whole':>8} {'step':>8}")
        for framework in chosen:
            runs = []
            for _ in range(options.repeat):
                command = [sys.executable, __file__, "--measure", "--case", name, "--framework", framework]
                done = subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)
                if done.returncode:
                    raise SystemExit(f"{framework}, {name}:\n{done.stderr}")
                runs.append(json.loads(done.stdout.splitlines()[-1]))
            median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
            results[f"{name} | {framework}"] = median
            base = results.get(f"{name} | PyTorch eager", median)
            print(
                f"  {framework:14} {median['first']:10.3f} {median['whole']:10.3f} {median['step']:10.3f}"
                f" {_ratio(median['whole'], base['whole'])} {_ratio(median['step'], base['step'])}"
            )
    print(f"\nThe last two columns: times faster than {chosen[0]}.")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _ratio(value: float, base: float) -> str:
    return f"{base / value:7.2f}x"


if __name__ == "__main__":
    main()
