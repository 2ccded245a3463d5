"""Record a residual network in PyTorch, for the ruler's tests and example, into residual.safetensors.

Run where PyTorch is installed: python tests/reference/record_parity.py
"""

import pathlib

import torch
from torch import nn

from fnnet.parity import record


class Block(nn.Module):
    def __init__(self, d_in, d_out, stride):
        super().__init__()
        self.relu0 = nn.ReLU()
        self.conv1 = nn.Conv2d(d_in, d_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(d_out)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(d_out, d_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(d_out)
        self.shortcut = nn.Conv2d(d_in, d_out, 1, stride) if stride > 1 or d_in != d_out else nn.Identity()
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.bn1(self.conv1(self.relu0(x)))
        y = self.bn2(self.conv2(self.relu1(y)))
        y += self.shortcut(x)
        return self.relu2(y)


class ResidualNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.blocks = nn.Sequential(Block(4, 4, 1), Block(4, 4, 1), Block(4, 6, 2), Block(6, 6, 1))
        self.group = nn.GroupNorm(2, 6)
        self.leaky = nn.LeakyReLU(0.01)
        self.flatten = nn.Flatten()
        self.hidden = nn.Linear(54, 8)
        self.gelu = nn.GELU()
        self.square = nn.Linear(8, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 5)

    def forward(self, x):
        x = self.pool(self.relu(self.bn(self.conv(x))))
        x = self.leaky(self.group(self.blocks(x)))
        x = self.gelu(self.hidden(self.flatten(x)))
        return self.head(self.norm(self.square(x)))


if __name__ == "__main__":
    torch.manual_seed(0)
    net = ResidualNet()
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 1:
                value.add_(0.2 * torch.randn_like(value))
    file = pathlib.Path(__file__).with_name("residual.safetensors")
    x = torch.randn(2, 3, 12, 12)
    record(net, [x], file, optimizer=lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), optimizer_steps=2)
    print(file.name, file.stat().st_size, "bytes")
