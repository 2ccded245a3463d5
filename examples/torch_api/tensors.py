"""Tensors: how to make them, calculate with them, look into them, and change them in place."""

import torch

torch.manual_seed(0)

print(
    torch.empty(5, 3).size(), torch.Tensor(5, 3).shape
)  # memory as it was found: only the size means something

x = torch.rand(5, 3)
print(x)
zeros = torch.zeros(5, 3, dtype=torch.long)
print(zeros, zeros.dtype, torch.zeros(5, 3).long().dtype)
x = torch.tensor([5.5, 3])
print(x)
x = x.new_ones(5, 3, dtype=torch.double)
print(x)
x = torch.randn_like(x, dtype=torch.float)
print(x)
rows, columns = x.size()
print(x.shape, rows, columns, isinstance(x.size(), tuple))

y = torch.rand(5, 3)
total = x + y
print(total)
result = torch.empty(5, 3)
torch.add(x, y, out=result)
print(torch.equal(total, torch.add(x, y)), torch.equal(total, result))
y.add_(x)
print(torch.equal(total, y))

print(x[:, 1])
print(x[1:, 1:])
print(x[x > 1].numel(), x[-1, [0, 2]])
x[0] = 0
x[1:3, 0] += 10
print(x)

x = torch.randn(4, 4)
flat = x.view(16)
wide = x.view(-1, 8)
flat[0] = 100
print(flat.size(), wide.size(), wide[0, 0].item())
print(wide)
print(wide.t())
wide.t_()
print(wide.shape, wide.stride(), wide.is_contiguous())
one = torch.randn(1)
print(one, one.item())

z = torch.arange(24).reshape(2, 3, 4)
print(z.sum(), z.float().mean(dim=(0, 2)), z.max(dim=1).values)
print(torch.cat([z[0], z[1]], dim=1).shape, torch.stack([z, z]).shape, z.transpose(0, 2).shape)
print(z // 5, z / 5, z % 5 == 0)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
ones = torch.ones_like(one, device=device)
summed = one.to(device) + ones
print(summed.to("cpu", torch.double))
print(ones.to("cpu").data.numpy(), ones.cpu().data.numpy())
