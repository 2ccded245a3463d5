"""The port of the recorded residual network, and the places where a test plants its mistakes."""

from fnnet import layers as nn


class Block(nn.Layer):
    def __init__(self, d_in, d_out, stride):
        self.relu0 = nn.ReLU()
        self.conv1 = nn.Conv2d(d_in, d_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(d_out)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(d_out, d_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(d_out)
        self.shortcut = nn.Conv2d(d_in, d_out, 1, stride) if stride > 1 or d_in != d_out else nn.Identity()
        self.relu2 = nn.ReLU()

    def forward(self, p, x):
        y = self.bn1(p["bn1"], self.conv1(p["conv1"], self.relu0(p["relu0"], x)))
        y = self.bn2(p["bn2"], self.conv2(p["conv2"], self.relu1(p["relu1"], y)))
        return self.relu2(p["relu2"], y + self.shortcut(p["shortcut"], x))


class ResidualNet(nn.Layer):
    def __init__(self):
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

    def forward(self, p, x):
        for name in ("conv", "bn", "relu", "pool", "blocks", "group", "leaky", "flatten", "hidden", "gelu",
                     "square", "norm", "head"):  # fmt: skip
            x = self.children()[name](p[name], x)
        return x

    def planted(self, path, layer):
        """The network with another layer at a path."""
        *branches, last = path.split(".")
        place = self
        for branch in branches:
            place = place.children()[branch]
        setattr(place, last, layer)
        return self
