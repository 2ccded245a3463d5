"""A network of layers from torch.nn; the update goes over its parameters by hand."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)

x, y = torch.randn(64, 1000), torch.randn(64, 10)
model = torch.nn.Sequential(
    torch.nn.Linear(1000, 100),
    torch.nn.ReLU(),
    torch.nn.Linear(100, 10),
)
print(model)
print(model[0].weight)
loss_fn = torch.nn.MSELoss(reduction="sum")

for step in range(steps):
    loss = loss_fn(model(x), y)
    print(step, loss.item())
    model.zero_grad()
    loss.backward()
    with torch.no_grad():
        for param in model.parameters():
            param -= 1e-4 * param.grad
print(model[2].bias)
