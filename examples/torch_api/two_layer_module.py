"""A model of its own class, with SGD."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)


class TwoLayerNet(torch.nn.Module):
    """Two linear layers with a clamp at zero between them."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.linear1 = torch.nn.Linear(inputs, hidden)
        self.linear2 = torch.nn.Linear(hidden, outputs)

    def forward(self, x):
        return self.linear2(self.linear1(x).clamp(min=0))


x, y = torch.randn(64, 1000), torch.randn(64, 10)
model = TwoLayerNet(1000, 100, 10)
print(model, sum(p.numel() for p in model.parameters()))
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)

for step in range(steps):
    loss = criterion(model(x), y)
    print(step, loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
