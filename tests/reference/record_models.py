"""Record what PyTorch's forms of fnnet.models compute, into models.json.

Run where PyTorch is installed: python tests/reference/record_models.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F
from recorded_networks import lenet
from torch import nn

STEPS = 12


class TwoLayerNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear1 = nn.Linear(20, 10)
        self.linear2 = nn.Linear(10, 4)

    def forward(self, x):
        return self.linear2(self.linear1(x).clamp(min=0))


class DynamicNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_linear = nn.Linear(20, 10)
        self.middle_linear = nn.Linear(10, 10)
        self.output_linear = nn.Linear(10, 4)

    def forward(self, x, depth):
        h = self.input_linear(x).clamp(min=0)
        for _ in range(depth):
            h = self.middle_linear(h).clamp(min=0)
        return self.output_linear(h)


class LogisticRegression(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(20, 4)

    def forward(self, x):
        return F.log_softmax(self.linear(x), dim=1)


def train(net, inputs, target, loss_of, depths=None):
    """The losses of some steps of SGD, and where the parameters then are."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    losses = []
    first = None
    for step in range(STEPS):
        output = net(inputs) if depths is None else net(inputs, depths[step])
        first = output if first is None else first
        loss = loss_of(output, target)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {
        "output": first.detach().flatten()[:20].tolist(),
        "losses": losses,
        "sums": {name: p.detach().double().sum().item() for name, p in net.named_parameters()},
    }


def record():
    """All models: from seed 0, the network is made first, then its inputs are drawn."""
    recorded = {}
    depths = [1, 3, 0, 2, 1, 3, 0, 1, 2, 2, 0, 3]
    labels = torch.arange(8) % 4
    for name, make, channels in (
        ("two_layer", TwoLayerNet, 0),
        ("dynamic", DynamicNet, 0),
        ("logistic", LogisticRegression, 0),
        ("lenet_gray", lambda: lenet(nn, 1, 3, 6), 1),
        ("lenet_cifar10", lambda: lenet(nn, 3, 5, 5), 3),
    ):
        torch.manual_seed(0)
        net = make()
        x = torch.randn(8, channels, 32, 32) if channels else torch.randn(8, 20)
        if name in ("two_layer", "dynamic"):
            y = torch.randn(8, 4)
            recorded[name] = train(net, x, y, nn.MSELoss(), depths if name == "dynamic" else None)
        else:
            recorded[name] = train(
                net, x, labels, nn.NLLLoss() if name == "logistic" else nn.CrossEntropyLoss()
            )
    return {"depths": depths, "torch": torch.__version__, **recorded}


if __name__ == "__main__":
    pathlib.Path(__file__).with_name("models.json").write_text(json.dumps(record(), indent=1) + "\n")
