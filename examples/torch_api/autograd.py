"""Gradients: of a line, of a mean, through a loop of unknown length, and of a vector along a direction."""

import torch
from torch.autograd import Variable

torch.manual_seed(0)

x = torch.tensor(1.0, requires_grad=True)
w = torch.tensor(2.0, requires_grad=True)
b = torch.tensor(3.0, requires_grad=True)
y = w * x + b
y.backward()
print(x.grad, w.grad, b.grad)

x = Variable(torch.ones(2, 2), requires_grad=True)
print(x)
y = x + 2
print(y)
try:
    print(y.creator)
except AttributeError as error:
    print("AttributeError:", error)
print(type(y.grad_fn).__name__, x.grad_fn, x.is_leaf, y.is_leaf)
z = y * y * 3
out = z.mean()
print(z, out)
out.backward()
print(x.grad)
try:
    out.backward()
except RuntimeError as error:
    print("RuntimeError:", str(error).partition("(")[0].strip())

x = Variable(torch.rand(3), requires_grad=True)
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
print(y)
y.backward(torch.FloatTensor([0.1, 1.0, 0.0001]))
print(x.grad)

x = torch.linspace(-1, 1, 5, requires_grad=True)
(slope,) = torch.autograd.grad((x**3).sum(), x, create_graph=True)
print(slope.requires_grad, slope.detach())
(curvature,) = torch.autograd.grad(slope.sum(), x)
print(curvature)
with torch.no_grad():
    print((x * 2).requires_grad, x.detach().requires_grad)
try:
    x.add_(1)
except RuntimeError as error:
    print("RuntimeError:", error)
