"""A network of two layers on tensors, its gradients written out by hand."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)

dtype, device = torch.float, torch.device("cpu")
n, inputs, hidden, outputs = 64, 1000, 100, 10
x = torch.randn(n, inputs, device=device, dtype=dtype)
y = torch.randn(n, outputs, device=device, dtype=dtype)
w1 = torch.randn(inputs, hidden, device=device, dtype=dtype)
w2 = torch.randn(hidden, outputs, device=device, dtype=dtype)

learning_rate = 1e-6
for step in range(steps):
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    print(step, (y_pred - y).pow(2).sum().item())

    grad_y_pred = 2.0 * (y_pred - y)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    grad_h = grad_y_pred.mm(w2.t()).clone()
    grad_h[h < 0] = 0
    grad_w1 = x.t().mm(grad_h)
    w1 -= learning_rate * grad_w1
    w2 -= learning_rate * grad_w2
