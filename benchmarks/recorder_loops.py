"""The tutorials' loops in the steady state, on fnnet.torch and on PyTorch in one run, and their ratio.

    python benchmarks/recorder_loops.py [--blocks N] [--threads N] [--long STEPS] [PROGRAM ...]

Each program is the tutorial's loop as written and reads its loss in every step (FizzBuzz: in every epoch of
eight mini-batches). fnnet and PyTorch take turns in blocks of about half a second, so that they meet the same
load of the machine, each in a process of its own and after a pause: PyTorch's threads keep a core busy for a
while after each of its loops, and would slow whatever runs beside them. The lower quartile of the blocks
counts, as wall time and as CPU time of the process. The recorder's counters show that nothing is compiled
again. `--long` runs a loop for so many steps and prints how the memory of the process grows. Without PyTorch
only fnnet is timed.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import multiprocessing
import random
import resource
import time
from collections.abc import Callable
from typing import Any

import numpy as np

N, D_IN, H, D_OUT = 64, 1000, 100, 10
LEARNING_RATE = 1e-6
Step = Callable[[], float]


def start(torch: Any, requires_grad: bool) -> tuple[Any, Any, Any, Any]:
    draws = np.random.default_rng(0)
    shapes = [(N, D_IN), (N, D_OUT), (D_IN, H), (H, D_OUT)]
    x, y, w1, w2 = (torch.tensor(draws.standard_normal(shape).astype(np.float32)) for shape in shapes)
    w1.requires_grad_(requires_grad)
    w2.requires_grad_(requires_grad)
    return x, y, w1, w2


def by_hand(torch: Any) -> Step:
    x, y, w1, w2 = start(torch, False)

    def step() -> float:
        nonlocal w1, w2
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        y_pred = h_relu.mm(w2)
        loss = (y_pred - y).pow(2).sum().item()
        grad_y_pred = 2.0 * (y_pred - y)
        grad_w2 = h_relu.t().mm(grad_y_pred)
        grad_h = grad_y_pred.mm(w2.t()).clone()
        grad_h[h < 0] = 0
        grad_w1 = x.t().mm(grad_h)
        w1 -= LEARNING_RATE * grad_w1
        w2 -= LEARNING_RATE * grad_w2
        return loss

    return step


def update(torch: Any, w1: Any, w2: Any) -> None:
    with torch.no_grad():
        w1 -= LEARNING_RATE * w1.grad
        w2 -= LEARNING_RATE * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()


def by_gradients(torch: Any, predict: Callable[..., Any]) -> Step:
    x, y, w1, w2 = start(torch, True)

    def step() -> float:
        loss = (predict(x, w1, w2) - y).pow(2).sum()
        value = loss.item()
        loss.backward()
        update(torch, w1, w2)
        return value

    return step


def by_autograd(torch: Any) -> Step:
    return by_gradients(torch, lambda x, w1, w2: x.mm(w1).clamp(min=0).mm(w2))


def by_function(torch: Any) -> Step:
    class MyReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, input: Any) -> Any:
            ctx.save_for_backward(input)
            return input.clamp(min=0)

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            (input,) = ctx.saved_tensors
            grad_input = grad_output.clone()
            grad_input[input < 0] = 0
            return grad_input

    return by_gradients(torch, lambda x, w1, w2: MyReLU.apply(x.mm(w1)).mm(w2))


def two_layers(torch: Any) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(D_IN, H), torch.nn.ReLU(), torch.nn.Linear(H, D_OUT))


def by_module(torch: Any) -> Step:
    x, y, _, _ = start(torch, False)
    model, loss_fn = two_layers(torch), torch.nn.MSELoss(reduction="sum")

    def step() -> float:
        loss = loss_fn(model(x), y)
        value = loss.item()
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= 1e-4 * param.grad
        return value

    return step


def by_optimizer(torch: Any, model: Any = None, optimizer: Any = None) -> Step:
    x, y, _, _ = start(torch, False)
    model = model or two_layers(torch)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-4)
    loss_fn = torch.nn.MSELoss(reduction="sum")

    def step() -> float:
        loss = loss_fn(model(x), y)
        value = loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return value

    return step


def dynamic(torch: Any) -> Step:
    draws = random.Random(0)

    class DynamicNet(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.input_linear = torch.nn.Linear(D_IN, H)
            self.middle_linear = torch.nn.Linear(H, H)
            self.output_linear = torch.nn.Linear(H, D_OUT)

        def forward(self, x: Any) -> Any:
            h = self.input_linear(x).clamp(min=0)
            for _ in range(draws.randint(0, 3)):
                h = self.middle_linear(h).clamp(min=0)
            return self.output_linear(h)

    torch.manual_seed(0)
    model = DynamicNet()
    return by_optimizer(torch, model, torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9))


def fizzbuzz(torch: Any) -> Step:
    numbers = range(101, 1024)
    x = torch.tensor([[float(i >> digit & 1) for digit in range(10)] for i in numbers])
    y = torch.tensor([3 if i % 15 == 0 else 2 if i % 5 == 0 else 1 if i % 3 == 0 else 0 for i in numbers])
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(10, 100), torch.nn.ReLU(), torch.nn.Linear(100, 4))
    loss_fn = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)

    def epoch() -> float:
        for begin in range(0, len(x), 128):
            loss = loss_fn(model(x[begin : begin + 128]), y[begin : begin + 128])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return float(loss_fn(model(x), y).item())

    return epoch


def lenet(torch: Any) -> Step:
    F = torch.nn.functional

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1, self.conv2 = torch.nn.Conv2d(3, 6, 5), torch.nn.Conv2d(6, 16, 5)
            self.pool = torch.nn.MaxPool2d(2, 2)
            self.fc1, self.fc2 = torch.nn.Linear(400, 120), torch.nn.Linear(120, 84)
            self.fc3 = torch.nn.Linear(84, 10)

        def forward(self, x: Any) -> Any:
            x = self.pool(F.relu(self.conv1(x)))
            x = self.pool(F.relu(self.conv2(x)))
            x = F.relu(self.fc1(torch.flatten(x, 1)))
            return self.fc3(F.relu(self.fc2(x)))

    torch.manual_seed(0)
    net, loss_fn = Net(), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    pictures, labels = torch.randn(400, 3, 32, 32), torch.randint(0, 10, (400,))
    place = 0

    def step() -> float:
        nonlocal place
        place = (place + 4) % 400
        optimizer.zero_grad()
        loss = loss_fn(net(pictures[place : place + 4]), labels[place : place + 4])
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


PROGRAMS: dict[str, Callable[[Any], Step]] = {
    "by_hand": by_hand,
    "by_autograd": by_autograd,
    "by_function": by_function,
    "by_module": by_module,
    "by_optimizer": by_optimizer,
    "dynamic": dynamic,
    "fizzbuzz": fizzbuzz,
    "lenet": lenet,
}
STEPS = {"fizzbuzz": 100, "lenet": 400, "dynamic": 500, "by_optimizer": 500}

PAUSE = 0.1


def block(step: Step, steps: int) -> tuple[float, float]:
    """Wall and CPU microseconds a step."""
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        step()
    return (time.perf_counter() - begin) / steps * 1e6, (time.process_time() - cpu) / steps * 1e6


def serve(module: str, name: str, threads: int, turns: Any) -> None:
    """The process of one side: its first losses, then a block whenever it is asked, then the counters."""
    torch = importlib.import_module(module)
    torch.set_num_threads(threads)
    step = PROGRAMS[name](torch)
    turns.send([step() for _ in range(30)])
    before = torch.stats() if module == "fnnet.torch" else None
    while turns.recv():
        turns.send(block(step, STEPS.get(name, 1000)))
    if before is not None:
        after = torch.stats()
        turns.send((after.compilations - before.compilations, after.dispatches - before.dispatches))


def compare(name: str, modules: list[str], blocks: int, threads: int) -> str:
    spawn = multiprocessing.get_context("spawn")
    sides = []
    for module in modules:
        here, there = spawn.Pipe()
        spawn.Process(target=serve, args=(module, name, threads, there), daemon=True).start()
        sides.append(here)
    losses = [side.recv() for side in sides]
    np.testing.assert_allclose(losses[0], losses[-1], rtol=1e-3)
    times = np.full((2, blocks, 2), np.nan)
    for number in range(blocks):
        for place, side in enumerate(sides):
            time.sleep(PAUSE)
            side.send(True)
            times[place, number] = side.recv()
    for side in sides:
        side.send(False)
    compilations, dispatches = sides[0].recv()
    (wall, cpu), (wall_torch, cpu_torch) = np.quantile(times, 0.25, axis=1)
    line = f"{name:14}{wall:10.0f}{wall_torch:10.0f}{wall / wall_torch:8.2f}"
    line += f"{cpu:10.0f}{cpu_torch:10.0f}{cpu / cpu_torch:8.2f}{compilations:10d}"
    return line + f"{dispatches / (blocks * STEPS.get(name, 1000)):12.2f}"


def memory(name: str, steps: int) -> None:
    step = PROGRAMS[name](importlib.import_module("fnnet.torch"))
    for number in range(1, steps + 1):
        step()
        if number in (steps // 100, steps // 10, steps):
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{name}: after {number} steps the process has held at most {peak:.1f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    parser.add_argument("--long", type=int, metavar="STEPS")
    parser.add_argument("programs", nargs="*", metavar="PROGRAM")
    args = parser.parse_args()
    names = args.programs or list(PROGRAMS)
    if args.long:
        for name in names:
            memory(name, args.long)
        return
    modules = ["fnnet.torch"] + ["torch"] * (importlib.util.find_spec("torch") is not None)
    print(f"{'':14}{'wall us a step':>28}{'CPU us a step':>28}")
    heads = ["fnnet", "torch", "ratio"] * 2
    print(f"{'program':14}{heads[0]:>10}{heads[1]:>10}{heads[2]:>8}{heads[3]:>10}{heads[4]:>10}{heads[5]:>8}"
          f"{'compiled':>10}{'dispatches':>12}")  # fmt: skip
    for name in names:
        print(compare(name, modules, args.blocks, args.threads), flush=True)


if __name__ == "__main__":
    main()
