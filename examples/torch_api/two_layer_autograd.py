"""A network of two layers whose gradients autograd finds; the update is still by hand."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)

x, y = torch.randn(64, 1000), torch.randn(64, 10)
w1 = torch.randn(1000, 100, requires_grad=True)
w2 = torch.randn(100, 10, requires_grad=True)

learning_rate = 1e-6
for step in range(steps):
    loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
    print(step, loss.item())
    loss.backward()
    with torch.no_grad():
        for w in (w1, w2):
            w -= learning_rate * w.grad
            w.grad.zero_()
