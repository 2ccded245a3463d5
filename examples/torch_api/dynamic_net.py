"""A network whose depth is drawn anew at each call: plain Python control flow, one layer used many times."""

import random
import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
random.seed(0)
torch.manual_seed(0)


class DynamicNet(torch.nn.Module):
    """An input layer, the middle layer none to three times, an output layer."""

    def __init__(self, inputs, hidden, outputs):
        super().__init__()
        self.input_linear = torch.nn.Linear(inputs, hidden)
        self.middle_linear = torch.nn.Linear(hidden, hidden)
        self.output_linear = torch.nn.Linear(hidden, outputs)

    def forward(self, x):
        h = self.input_linear(x).clamp(min=0)
        for _ in range(random.randint(0, 3)):
            h = self.middle_linear(h).clamp(min=0)
        return self.output_linear(h)


x, y = torch.randn(64, 1000), torch.randn(64, 10)
model = DynamicNet(1000, 100, 10)
criterion = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)

for step in range(steps):
    loss = criterion(model(x), y)
    print(step, loss.item())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
