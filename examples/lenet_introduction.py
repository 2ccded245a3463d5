"""LeNet on pictures of one channel: two convolutions of 3x3 with pooling, then 16*6*6 -> 120 -> 84 -> 10.

The pictures are synthetic: drawn shapes of ten classes, 32x32, of which the network sees the first channel.

Run it: python examples/lenet_introduction.py
"""

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F


class Net(fnnet.Layer):
    """Six and sixteen filters of 3x3, each followed by a ReLU and 2x2 max pooling; three affine layers."""

    def __init__(self):
        self.conv1 = fnnet.Conv2d(1, 6, 3)
        self.conv2 = fnnet.Conv2d(6, 16, 3)
        self.fc1 = fnnet.Linear(16 * 6 * 6, 120)  # pooling leaves 6x6 of 32x32
        self.fc2 = fnnet.Linear(120, 84)
        self.fc3 = fnnet.Linear(84, 10)

    def forward(self, p, x):
        x = F.max_pool2d(F.relu(self.conv1(p["conv1"], x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(p["conv2"], x)), 2)
        x = x.reshape(x.shape[0], -1)
        x = F.relu(self.fc1(p["fc1"], x))
        x = F.relu(self.fc2(p["fc2"], x))
        return self.fc3(p["fc3"], x)


net = Net()
optimizer = fnnet.optim.sgd(lr=0.001, momentum=0.9)


def pictures(seed, count):
    """Synthetic pictures, from -1 to 1, and their classes."""
    drawn, classes = fnnet.data.synthetic_pictures(seed, count)
    return fnnet.data.normalize(fnnet.data.to_float(drawn[:, :1])), jnp.asarray(classes)


def loss(params, x, y):
    return F.cross_entropy(net(params, x), y)


def train(params, x, y, shuffle, steps=8000, progress=False):
    """Mini-batches of 4, shuffled anew in each epoch."""
    return fnnet.fit(
        loss, params, (x, y), optimizer=optimizer, steps=steps, batch_size=4, shuffle=shuffle,
        progress=progress,
    )  # fmt: skip


def main():
    print(net)
    x, y = pictures(seed=0, count=16000)
    init_key, order_key = jax.random.split(jax.random.key(0))
    params = net.init(init_key)
    one = jax.random.normal(jax.random.key(1), (1, 1, 32, 32))
    print("for one random picture:", net(params, one))

    result = train(params, x, y, order_key, progress=True)
    for window, mean in enumerate(result.history.running_means(2000), start=1):
        print(f"[{window * 2000:5d}] loss: {mean:.3f}")
    test_x, test_y = pictures(seed=1, count=1000)
    right = (net(result.params, test_x).argmax(-1) == test_y).mean()
    print(f"right on 1000 other synthetic pictures: {right.item():.1%}")


if __name__ == "__main__":
    main()
