"""A ReLU with its own backward rule, as a torch.autograd.Function."""

import sys

import torch

steps = int(sys.argv[1]) if len(sys.argv) > 1 else 500
torch.manual_seed(0)


class MyReLU(torch.autograd.Function):
    """max(x, 0); where the input is negative, no gradient goes back."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, gradient):
        (x,) = ctx.saved_tensors
        passed = gradient.clone()
        passed[x < 0] = 0
        return passed


x, y = torch.randn(64, 1000), torch.randn(64, 10)
w1 = torch.randn(1000, 100, requires_grad=True)
w2 = torch.randn(100, 10, requires_grad=True)

for step in range(steps):
    hidden = MyReLU.apply(x.mm(w1))
    loss = (hidden.mm(w2) - y).pow(2).sum()
    if step == 0:
        print(type(hidden.grad_fn).__name__)
    print(step, loss.item())
    loss.backward()
    with torch.no_grad():
        w1 -= 1e-6 * w1.grad
        w2 -= 1e-6 * w2.grad
        w1.grad.zero_()
        w2.grad.zero_()
