"""Tensors and NumPy arrays on one memory: a change of either shows in the other."""

import numpy as np
import torch

a = torch.ones(5)
b = a.numpy()
print(a, b)
a.add_(1)
print(a, b)
b[0] = 7
print(a, b)

a = np.ones(5)
b = torch.from_numpy(a)
np.add(a, 1, out=a)
print(a, b)
a[0] = 333
print(a, b)
b[1:3] = -1
b.view(5)[4] *= 10
print(a, b)
print(b.clone().numpy() is a, torch.tensor(a).dtype, torch.as_tensor(a).dtype)

x = torch.arange(6.0).view(2, 3)
column = x.numpy()[:, 1]
x[:, 1] = 0
print(column, x.t().numpy().shape)
