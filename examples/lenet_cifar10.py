"""LeNet on CIFAR-10: three channels, convolutions of 5x5, SGD with momentum on mini-batches of 4.

With the unpacked archive in ./data (or a folder given as argument) it trains on CIFAR-10, for two epochs of
12,500 mini-batches; otherwise on synthetic pictures, drawn shapes of ten classes, for two epochs of 4,000.

Run it: python examples/lenet_cifar10.py [FOLDER]
"""

import sys

import jax
import jax.numpy as jnp

import fnnet
from fnnet import functional as F

net = fnnet.models.lenet_cifar10()
optimizer = fnnet.optim.sgd(lr=0.001, momentum=0.9)


def prepared(pictures, classes):
    """Bytes to numbers from -1 to 1."""
    return fnnet.data.normalize(fnnet.data.to_float(pictures)), jnp.asarray(classes)


def synthetic(seed, count):
    return prepared(*fnnet.data.synthetic_pictures(seed, count))


def loss(params, x, y):
    return F.cross_entropy(net(params, x), y)


def train(params, x, y, shuffle, epochs=2, progress=False):
    """Mini-batches of 4, shuffled anew in each epoch."""
    return fnnet.fit(
        loss, params, (x, y), optimizer=optimizer, epochs=epochs, batch_size=4, shuffle=shuffle,
        progress=progress,
    )  # fmt: skip


def main(folder="data"):
    if fnnet.data.has_cifar10(folder):
        names, kind = fnnet.data.CIFAR10_CLASSES, "CIFAR-10's"
        x, y = prepared(*fnnet.data.cifar10(folder, train=True))
        test_x, test_y = prepared(*fnnet.data.cifar10(folder, train=False))
    else:
        names, kind = fnnet.data.SYNTHETIC_CLASSES, "synthetic"
        (x, y), (test_x, test_y) = synthetic(0, 16000), synthetic(1, 2000)
    print(net, f"{len(x)} {kind} pictures of: {' '.join(names)}", sep="\n")

    init_key, order_key = jax.random.split(jax.random.key(0))
    epochs = 2
    result = train(net.init(init_key), x, y, order_key, epochs, progress=True)
    for epoch, losses in enumerate(result.losses.reshape(epochs, -1), start=1):
        for batch in range(2000, len(losses) + 1, 2000):
            print(f"[{epoch}, {batch:5d}] loss: {losses[batch - 2000 : batch].mean():.3f}")

    said = jnp.concatenate([net(result.params, part).argmax(-1) for part in jnp.split(test_x, 10)])
    print(f"right on {len(test_y)} test pictures: {(said == test_y).mean().item():.1%}")
    for number, name in enumerate(names):
        mine = test_y == number
        print(f"{name:>10}: {((said == test_y) & mine).sum() / mine.sum():.1%}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
