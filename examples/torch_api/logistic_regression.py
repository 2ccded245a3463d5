"""Logistic regression in mini-batches: a Module, log_softmax, a loss and SGD put together."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch import autograd

torch.manual_seed(0)


class Log_reg_classifier(nn.Module):
    """The logarithms of the classes' probabilities."""

    def __init__(self, in_size, out_size):
        super().__init__()
        self.linear = nn.Linear(in_size, out_size)

    def forward(self, vect):
        return F.log_softmax(self.linear(vect), dim=1)


points = torch.randn(320, 10)
classes = (points[:, :3].sum(1) > 0).long()
batches = list(zip(points.split(32), classes.split(32), strict=True))

model = Log_reg_classifier(10, 2)
print(model)
loss_func = nn.NLLLoss()
optimizer = optim.SGD(model.parameters(), lr=1e-1)
for epoch in range(10):
    total = 0.0
    for minibatch, target in batches:
        model.zero_grad()
        out = model(autograd.Variable(minibatch))
        loss = loss_func(out, target)
        loss.backward()
        optimizer.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / len(batches))
right = (model(points).argmax(1) == classes).float().mean()
print(f"right: {right:.1%}")
