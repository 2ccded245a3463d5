"""Record the tutorials' training runs from real PyTorch.

Run it where PyTorch is installed: python tests/reference/record_training_runs.py [NAME ...]

Each program runs twice from the same numbers: in float32, drawn after `torch.manual_seed(0)`, and in float64,
from those float32 numbers converted. `training_runs.npz` holds, for the program NAME and its steps:

    NAME/loss32, NAME/loss64        the loss before update t
    NAME/digest/<tensor>            (steps, 2) float64: of the float64 run's tensor, the digest (see `digest`)
    NAME/distance/<tensor>          (steps,) float32: |float32's - float64's| / |float64's|, Euclidean norms

where <tensor> is a parameter's name after update t, or "grad:" and the name for its gradient at step t. The
steps are all 500 for the two-layer networks, and the printed ones for FizzBuzz and LeNet (`NAME/steps`). The
initial numbers are not stored: `NAME/start/<tensor>` is the SHA-256 of each one's bytes, in their order.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from recorded_networks import lenet
from torch import nn

HERE = Path(__file__).resolve().parent
SEED = 0
STEPS = 500
N, D_IN, H, D_OUT = 64, 1000, 100, 10

Tensors = dict[str, torch.Tensor]
Step = tuple[float, Tensors, Tensors]
"""What a program yields at a step: the loss, the gradients and the updated parameters."""


def digest(tensor: torch.Tensor) -> np.ndarray:
    """Two sums over all entries in row-major order, weighted by cos(i) and sin(i), in float64."""
    values = tensor.detach().to(torch.float64).numpy().ravel()
    angle = np.arange(values.size, dtype=np.float64)
    return np.array([values @ np.cos(angle), values @ np.sin(angle)])


def fingerprint(tensor: torch.Tensor) -> np.ndarray:
    """The SHA-256 of the tensor's bytes, as 32 bytes."""
    return np.frombuffer(hashlib.sha256(tensor.detach().numpy().tobytes()).digest(), np.uint8)


def distance(a: torch.Tensor, b: torch.Tensor) -> float:
    """|a - b| / |b| in float64; 0 where both are 0."""
    difference = (a.detach().double() - b.detach()).norm().item()
    return difference / (b.detach().norm().item() or 1.0)


# ---- the two-layer network ----


def two_layer_start() -> Tensors:
    """Data and weights of the programs without layers, in the tutorial's order of draws."""
    torch.manual_seed(SEED)
    return {
        "x": torch.randn(N, D_IN),
        "y": torch.randn(N, D_OUT),
        "w1": torch.randn(D_IN, H),
        "w2": torch.randn(H, D_OUT),
    }


def by_hand(dtype: torch.dtype, start: Tensors) -> Iterator[Step]:
    """Forward and backward written with matrix products."""
    x, y, w1, w2 = (start[name].to(dtype, copy=True) for name in ("x", "y", "w1", "w2"))
    for _ in range(STEPS):
        h = x.mm(w1)
        h_relu = h.clamp(min=0)
        difference = h_relu.mm(w2) - y
        loss = difference.pow(2).sum().item()
        grad_y = 2.0 * difference
        grad_w2 = h_relu.t().mm(grad_y)
        grad_h = grad_y.mm(w2.t())
        grad_h[h < 0] = 0
        grad_w1 = x.t().mm(grad_h)
        w1 -= 1e-6 * grad_w1
        w2 -= 1e-6 * grad_w2
        yield loss, {"w1": grad_w1, "w2": grad_w2}, {"w1": w1, "w2": w2}


class OwnRelu(torch.autograd.Function):
    """ReLU with its backward rule written out."""

    @staticmethod
    def forward(ctx, x):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):  # type: ignore[no-untyped-def]
        (x,) = ctx.saved_tensors
        return torch.where(x < 0, torch.zeros_like(grad), grad)


def by_autograd(relu: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Iterator[Step]]:
    """The same with the gradients from autograd."""

    def run(dtype: torch.dtype, start: Tensors) -> Iterator[Step]:
        x, y, w1, w2 = (start[name].to(dtype, copy=True) for name in ("x", "y", "w1", "w2"))
        weights = {"w1": w1.requires_grad_(), "w2": w2.requires_grad_()}
        for _ in range(STEPS):
            loss = (relu(x.mm(w1)).mm(w2) - y).pow(2).sum()
            grads = dict(zip(weights, torch.autograd.grad(loss, list(weights.values())), strict=True))
            with torch.no_grad():
                for name, weight in weights.items():
                    weight -= 1e-6 * grads[name]
            yield loss.item(), grads, weights

    return run


class TwoLayerNet(nn.Module):
    """The tutorial's custom model."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1 = nn.Linear(D_IN, H)
        self.linear2 = nn.Linear(H, D_OUT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear2(self.linear1(x).clamp(min=0))


def sequential() -> nn.Module:
    """The tutorial's network of layers."""
    return nn.Sequential(nn.Linear(D_IN, H), nn.ReLU(), nn.Linear(H, D_OUT))


def sequential_normal() -> nn.Module:
    """The same with weights drawn anew from N(0, 1), as the documented tables need."""
    model = sequential()
    nn.init.normal_(model[0].weight)
    nn.init.normal_(model[2].weight)
    return model


def network_start(build: Callable[[], nn.Module]) -> Callable[[], Tensors]:
    """Data first, then the network, in the tutorial's order of draws."""

    def start() -> Tensors:
        torch.manual_seed(SEED)
        x, y = torch.randn(N, D_IN), torch.randn(N, D_OUT)
        return {"x": x, "y": y, **{k: v.detach() for k, v in build().named_parameters()}}

    return start


def with_optimizer(
    build: Callable[[], nn.Module], optimizer: Callable[..., torch.optim.Optimizer], **options: float
) -> Callable[..., Iterator[Step]]:
    """A network trained by one of torch.optim's update rules on the summed squared error."""

    def run(dtype: torch.dtype, start: Tensors) -> Iterator[Step]:
        model = build()
        model.load_state_dict({k: v for k, v in start.items() if k not in ("x", "y")})
        model.to(dtype)
        x, y = start["x"].to(dtype), start["y"].to(dtype)
        update = optimizer(model.parameters(), **options)
        loss_fn = nn.MSELoss(reduction="sum")
        for _ in range(STEPS):
            update.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            update.step()
            named = dict(model.named_parameters())
            yield loss.item(), {k: v.grad for k, v in named.items() if v.grad is not None}, dict(named)

    return run


def by_manual_update(dtype: torch.dtype, start: Tensors) -> Iterator[Step]:
    """Layers, and each parameter updated in the program's own loop."""
    model = sequential()
    model.load_state_dict({k: v for k, v in start.items() if k not in ("x", "y")})
    model.to(dtype)
    x, y = start["x"].to(dtype), start["y"].to(dtype)
    for _ in range(STEPS):
        loss = nn.functional.mse_loss(model(x), y, reduction="sum")
        model.zero_grad()
        loss.backward()
        named = dict(model.named_parameters())
        with torch.no_grad():
            for parameter in named.values():
                parameter -= 1e-4 * parameter.grad
        yield loss.item(), {k: v.grad for k, v in named.items() if v.grad is not None}, dict(named)


_layers = network_start(sequential)
TWO_LAYER: dict[str, tuple[Callable[[], Tensors], Callable[..., Iterator[Step]]]] = {
    "by_hand": (two_layer_start, by_hand),
    "autograd": (two_layer_start, by_autograd(lambda x: x.clamp(min=0))),
    "custom_function": (two_layer_start, by_autograd(OwnRelu.apply)),
    "layers": (_layers, by_manual_update),
    "layers_normal": (
        network_start(sequential_normal),
        with_optimizer(sequential_normal, torch.optim.SGD, lr=1e-6),
    ),
    "sgd": (_layers, with_optimizer(sequential, torch.optim.SGD, lr=1e-4)),
    "momentum": (_layers, with_optimizer(sequential, torch.optim.SGD, lr=1e-5, momentum=0.9)),
    "adam": (_layers, with_optimizer(sequential, torch.optim.Adam, lr=1e-4)),
    "rmsprop": (_layers, with_optimizer(sequential, torch.optim.RMSprop, lr=3e-5)),
    "adagrad": (_layers, with_optimizer(sequential, torch.optim.Adagrad, lr=1e-3)),
    "custom_model": (network_start(TwoLayerNet), with_optimizer(TwoLayerNet, torch.optim.Adam, lr=1e-4)),
    "custom_model_sgd": (network_start(TwoLayerNet), with_optimizer(TwoLayerNet, torch.optim.SGD, lr=1e-4)),
}


def side_by_side(float32: Iterator[Step], float64: Iterator[Step], tensors: int) -> dict[str, np.ndarray]:
    """The losses of all steps, digests and distances of gradients and parameters in the first `tensors`."""
    losses: list[tuple[float, float]] = []
    digests: dict[str, list[np.ndarray]] = {}
    distances: dict[str, list[float]] = {}
    for single, double in zip(float32, float64, strict=True):
        losses.append((single[0], double[0]))
        if len(losses) > tensors:
            continue
        for prefix, ours, exact in (("grad:", single[1], double[1]), ("", single[2], double[2])):
            for key in exact:
                digests.setdefault(prefix + key, []).append(digest(exact[key]))
                distances.setdefault(prefix + key, []).append(distance(ours[key], exact[key]))
    recorded = {"loss32": np.array([a for a, _ in losses], np.float32)}
    recorded["loss64"] = np.array([b for _, b in losses])
    recorded |= {f"digest/{key}": np.array(value) for key, value in digests.items()}
    recorded |= {f"distance/{key}": np.array(value, np.float32) for key, value in distances.items()}
    return recorded


def record_two_layer(name: str) -> dict[str, np.ndarray]:
    """Run one two-layer program in both precisions side by side."""
    start_of, run = TWO_LAYER[name]
    start = start_of()
    recorded = {f"start/{key}": fingerprint(value) for key, value in start.items()}
    recorded |= side_by_side(run(torch.float32, start), run(torch.float64, start), STEPS)
    return recorded


# ---- FizzBuzz ----


def record_fizzbuzz() -> dict[str, np.ndarray]:
    """10,000 epochs of 8 mini-batches; the loss over all numbers after epochs 0, 100, ..., and 9999.

    `loss32_reordered` are further float32 runs, with the rows in another order within each mini-batch: the
    same sums in another order, so that they show how far rounding alone takes a run in PyTorch.
    """

    def numbers(low: int, high: int) -> tuple[torch.Tensor, torch.Tensor]:
        bits = [[i >> d & 1 for d in range(10)] for i in range(low, high)]
        says = [3 if i % 15 == 0 else 2 if i % 5 == 0 else 1 if i % 3 == 0 else 0 for i in range(low, high)]
        return torch.tensor(bits, dtype=torch.float32), torch.tensor(says)

    (train_x, train_y), (test_x, test_y) = numbers(101, 1024), numbers(1, 101)
    epochs = [*range(0, 10000, 100), 9999]
    torch.manual_seed(SEED)
    first = nn.Sequential(nn.Linear(10, 100), nn.ReLU(), nn.Linear(100, 4))
    recorded: dict[str, np.ndarray] = {"epochs": np.array(epochs), "target": test_y.numpy().astype(np.int8)}
    recorded |= {f"start/{k}": fingerprint(v) for k, v in first.named_parameters()}

    def run(
        dtype: torch.dtype, order: Callable[[torch.Tensor], torch.Tensor]
    ) -> tuple[list[float], dict[int, Tensors], torch.Tensor]:
        model = nn.Sequential(nn.Linear(10, 100), nn.ReLU(), nn.Linear(100, 4))
        model.load_state_dict(first.state_dict())
        model.to(dtype)
        x = train_x.to(dtype)
        batches = [(order(a), order(b)) for a, b in zip(x.split(128), train_y.split(128), strict=True)]
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
        losses, kept = [], {}
        for epoch in range(10000):
            for inputs, classes in batches:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(inputs), classes).backward()
                if not kept:
                    kept[-1] = {k: v.grad.clone() for k, v in model.named_parameters() if v.grad is not None}
                optimizer.step()
            if epoch in epochs:
                losses.append(nn.functional.cross_entropy(model(x), train_y).item())
                if epoch % 1000 == 0 or epoch == 9999:
                    kept[epoch] = {k: v.detach().clone() for k, v in model.named_parameters()}
        return losses, kept, model(test_x.to(dtype)).argmax(1)

    single, ours, said = run(torch.float32, lambda rows: rows)
    double, exact, said64 = run(torch.float64, lambda rows: rows)
    recorded["loss32"], recorded["loss64"] = np.array(single, np.float32), np.array(double)
    recorded["predicted32"], recorded["predicted64"] = (a.numpy().astype(np.int8) for a in (said, said64))
    reordered = [run(torch.float32, order)[0] for order in (lambda r: r.flip(0), lambda r: r.roll(7, 0))]
    recorded["loss32_reordered"] = np.array(reordered, np.float32)

    recorded["parameter_epochs"] = np.array([epoch for epoch in exact if epoch >= 0])
    for name in exact[0]:
        recorded[f"digest/grad:{name}"] = digest(exact[-1][name])
        recorded[f"distance/grad:{name}"] = np.array(distance(ours[-1][name], exact[-1][name]))
        pairs = [(ours[epoch][name], exact[epoch][name]) for epoch in exact if epoch >= 0]
        recorded[f"digest/{name}"] = np.array([digest(b) for _, b in pairs])
        recorded[f"distance/{name}"] = np.array([distance(a, b) for a, b in pairs])
    return recorded


# ---- LeNet ----

LENET_PICTURES, LENET_EPOCHS, LENET_FOLLOWED = 16000, 2, 200


def pictures(seed: int, count: int, gray: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Synthetic pictures from -1 to 1, all three channels or the first alone, and their classes."""
    from fnnet.data import synthetic_pictures

    drawn, classes = synthetic_pictures(seed, count)
    values = torch.from_numpy(drawn[:, :1] if gray else drawn).to(torch.float32) / 255
    return (values - 0.5) / 0.5, torch.from_numpy(classes).long()


def record_lenet(channels: int, kernel: int, left: int) -> dict[str, np.ndarray]:
    """Two epochs of mini-batches of 4 by SGD with momentum, in the order of DataLoader(shuffle=True).

    The losses of all steps; gradients and parameters of the first LENET_FOLLOWED.
    """
    x, y = pictures(0, LENET_PICTURES, channels == 1)
    test_x, test_y = pictures(1, 1000, channels == 1)
    recorded: dict[str, np.ndarray] = {"start/pictures": fingerprint(x)}

    # the draws of the program itself: the network first, then the loader's at the start of each epoch
    torch.manual_seed(SEED)
    first = lenet(nn, channels, kernel, left)
    recorded |= {f"start/{k}": fingerprint(v) for k, v in first.named_parameters()}
    loader = torch.utils.data.DataLoader(range(LENET_PICTURES), batch_size=4, shuffle=True)
    order = [batch for _ in range(LENET_EPOCHS) for batch in loader]

    def run(dtype: torch.dtype) -> Iterator[Step]:
        net = lenet(nn, channels, kernel, left)
        net.load_state_dict(first.state_dict())
        net.to(dtype)
        inputs = x.to(dtype)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
        named = dict(net.named_parameters())
        for batch in order:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(net(inputs[batch]), y[batch])
            loss.backward()
            optimizer.step()
            yield loss.item(), {k: v.grad for k, v in named.items() if v.grad is not None}, named
        with torch.no_grad():
            right = (net(test_x.to(dtype)).argmax(1) == test_y).sum().item()
        recorded[f"right{32 if dtype == torch.float32 else 64}"] = np.array(right)

    recorded.update(side_by_side(run(torch.float32), run(torch.float64), LENET_FOLLOWED))
    return recorded


RECORDERS: dict[str, Callable[[], dict[str, np.ndarray]]] = {
    **{name: lambda name=name: record_two_layer(name) for name in TWO_LAYER},  # type: ignore[misc]
    "fizzbuzz": record_fizzbuzz,
    "lenet_introduction": lambda: record_lenet(1, 3, 6),
    "lenet_cifar10": lambda: record_lenet(3, 5, 5),
}


def main(names: list[str]) -> None:
    """Record the named programs, all by default, and keep what the file has of the others."""
    torch.set_num_threads(1)
    path = HERE / "training_runs.npz"
    held = dict(np.load(path)) if path.exists() and names else {}
    for name in names or RECORDERS:
        held = {k: v for k, v in held.items() if not k.startswith(f"{name}/")}
        recorded = RECORDERS[name]()
        held |= {f"{name}/{k}": v for k, v in recorded.items()}
        losses = recorded["loss32"]
        print(
            f"{name}: loss {losses[0]:g} -> {losses[-1]:g} (float64 {recorded['loss64'][-1]:g})", flush=True
        )
    np.savez_compressed(path, **held)
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, torch {torch.__version__}")


if __name__ == "__main__":
    main(sys.argv[1:])
