"""The port of the recorded residual network, and the places where a test plants its mistakes."""

import recorded_networks

from fnnet import layers as nn


class Block(nn.Layer):
    def __init__(self, d_in, d_out, stride):
        for name, part in recorded_networks.block_parts(nn, d_in, d_out, stride, nn.ReLU()).items():
            setattr(self, name, part)

    def forward(self, p, x):
        y = self.bn1(p["bn1"], self.conv1(p["conv1"], self.relu0(p["relu0"], x)))
        y = self.bn2(p["bn2"], self.conv2(p["conv2"], self.relu1(p["relu1"], y)))
        return self.relu2(p["relu2"], y + self.shortcut(p["shortcut"], x))


class ResidualNet(nn.Layer):
    def __init__(self):
        for name, part in recorded_networks.parts(nn, Block).items():
            setattr(self, name, part)

    def forward(self, p, x):
        for name, part in self.children().items():
            x = part(p[name], x)
        return x

    def planted(self, path, layer):
        """The network with another layer at a path."""
        *branches, last = path.split(".")
        place = self
        for branch in branches:
            place = place.children()[branch]
        setattr(place, last, layer)
        return self
