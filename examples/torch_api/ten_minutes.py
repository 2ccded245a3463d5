"""PyTorch in ten minutes: arrays, a graph, layers, a loss, an optimizer."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch import autograd

torch.manual_seed(0)

d = torch.Tensor([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], [[7.0, 8.0, 9.0], [11.0, 12.0, 13.0]]])
print("size:", d.size(), d.type())
print("sum of the two matrices:", d[0] + d[1])
print("seen as two rows:", d.view(2, -1))

x = autograd.Variable(d, requires_grad=True)
print("data:", x.data.size(), "gradient:", x.grad)
y = x + 1
z = x + y
s = z.sum()
print("made by:", type(s.grad_fn).__name__, [type(node).__name__ for node, _ in s.grad_fn.next_functions])
s.backward()
print("gradient:", x.grad)

linear_map = nn.Linear(5, 3)
print("layer:", linear_map)
for parameter in linear_map.parameters():
    print(parameter)
data, target = torch.randn(2, 5), autograd.Variable(torch.randn(2, 3))
x = autograd.Variable(data, requires_grad=True)
a = linear_map(x)
z = F.relu(a)
o = F.softmax(z, dim=1)
print("probabilities:", o.data.view(1, -1))
loss_func = nn.MSELoss()
loss = loss_func(z, target)
print("loss:", loss)

optimizer = optim.SGD(linear_map.parameters(), lr=1e-2)
optimizer.zero_grad()
loss.backward(retain_graph=True)
optimizer.step()
print("loss after a step:", loss_func(F.relu(linear_map(x)), target).item())
