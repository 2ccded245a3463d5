"""LeNet: two convolutions with pooling, three fully connected layers."""

from __future__ import annotations

from typing import Any

import jax

from fnnet import functional as F
from fnnet.layers import Conv2d, Layer, Linear


class LeNet(Layer):
    """Convolutions to 6 and 16 channels, with relu and 2x2 max pooling; then 120, 84 and `classes` units.

    Args:
        in_channels: of the pictures.
        kernel_size: of both convolutions. On 32x32 pictures, 3 leaves 16 maps of 6x6 and 5 leaves 16 of 5x5.
        size: height and width of the pictures.
        classes: outputs.
    """

    def __init__(self, in_channels: int = 1, kernel_size: int = 3, size: int = 32, classes: int = 10) -> None:
        left = size
        for _ in range(2):
            left = (left - kernel_size + 1) // 2
        if left < 1:
            raise ValueError(f"LeNet: pictures of {size}x{size} are too small for kernels of {kernel_size}")
        self.conv1 = Conv2d(in_channels, 6, kernel_size)
        self.conv2 = Conv2d(6, 16, kernel_size)
        self.fc1 = Linear(16 * left * left, 120)
        self.fc2 = Linear(120, 84)
        self.fc3 = Linear(84, classes)

    def forward(self, p: Any, /, x: jax.Array) -> jax.Array:
        """(batch, in_channels, size, size) -> (batch, classes)."""
        x = F.max_pool2d(F.relu(self.conv1(p["conv1"], x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(p["conv2"], x)), 2)
        x = x.reshape(x.shape[0], -1)
        x = F.relu(self.fc1(p["fc1"], x))
        x = F.relu(self.fc2(p["fc2"], x))
        return self.fc3(p["fc3"], x)


def lenet_gray() -> LeNet:
    """For one channel: kernels of 3x3 and 16*6*6 features."""
    return LeNet(in_channels=1, kernel_size=3)


def lenet_cifar10() -> LeNet:
    """For CIFAR-10's three channels: kernels of 5x5 and 16*5*5 features."""
    return LeNet(in_channels=3, kernel_size=5)
