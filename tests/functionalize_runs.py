"""Networks whose training in PyTorch is the truth for `fnnet.functionalize`, written for any `torch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 0.1
STEPS = 4
SEED = 11


def convolutional(torch: Any) -> Any:
    """A network with running statistics and dropout, its initial values drawn from the seed 0."""
    nn = torch.nn
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 3)
    )


def shared(torch: Any) -> Any:
    """A module with control flow, a shared weight, an embedding and a buffer changed in place."""
    nn = torch.nn

    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(7, 4)
            self.output = nn.Linear(4, 7, bias=False)
            self.output.weight = self.embedding.weight
            self.register_buffer("seen", torch.zeros(4))

        def forward(self, indices: Any, times: int = 2) -> Any:
            h = self.embedding(indices)
            for _ in range(times):
                h = torch.tanh(h) + h.detach() * 0.5
            with torch.no_grad():
                self.seen += h.sum(0)
                self.seen.data.mul_(0.5)
            h[0] = 0.0
            return {"logits": self.output(h), "best": h.argmax(-1)}

    torch.manual_seed(0)
    return Shared()


def data() -> tuple[np.ndarray, np.ndarray]:
    """Six pictures of 6 x 6 and their classes."""
    random = np.random.default_rng(0)
    return random.standard_normal((6, 1, 6, 6)).astype(np.float32), np.array([0, 1, 2, 2, 1, 0])


def train_convolutional(torch: Any) -> list[Any]:
    """Losses, then the parameters and buffers after gradient descent with dropout, then the evaluation."""
    net, (x, t) = convolutional(torch), map(torch.from_numpy, data())
    torch.manual_seed(SEED)
    losses = []
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(net(x), t)
        net.zero_grad()
        loss.backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= RATE * parameter.grad
        losses.append(loss.item())
    net.eval()
    state = [value.numpy() for value in net.state_dict().values()]
    return [np.array(losses), *state, net(x).detach().numpy()]


def run_shared(torch: Any) -> list[Any]:
    """Outputs, the gradient of the shared weight and the buffer after two calls."""
    net = shared(torch)
    indices = torch.tensor([1, 5, 5, 2])
    net(indices)
    output = net(indices, times=1)
    (output["logits"] ** 2).sum().backward()
    return [
        one.detach().numpy()
        for one in (output["logits"], output["best"], net.embedding.weight.grad, net.seen)
    ]


RUNS: dict[str, Callable[[Any], list[Any]]] = {
    "train_convolutional": train_convolutional,
    "run_shared": run_shared,
}
