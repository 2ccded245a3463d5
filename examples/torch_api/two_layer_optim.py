"""The update left to an optimizer: Adam, then every parameter looked at by name."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)

x, y = torch.randn(64, 1000), torch.randn(64, 10)
model = torch.nn.Sequential(torch.nn.Linear(1000, 100), torch.nn.ReLU(), torch.nn.Linear(100, 10))
loss_fn = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
print(optimizer)

for step in range(steps):
    loss = loss_fn(model(x), y)
    print(step, loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
for name, param in model.named_parameters():
    print(name, tuple(param.shape), param.norm().item())
