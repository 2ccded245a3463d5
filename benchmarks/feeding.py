"""How long a training loop waits for its pictures: CIFAR-10's format, augmentation, workers.

    python benchmarks/feeding.py [fnnet|torch]

Prints for each batch size and number of workers the pictures of a second, and which share of the time the
loop stood in `next(loader)`.
"""

import os
import pickle
import sys
import tempfile
import time
from types import MappingProxyType

from fnnet.data import synthetic_pictures

if (sys.argv[1:] or ["fnnet"])[0] == "fnnet":
    from fnnet.torch import script

    script.install_aliases()
else:
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests"))
    import torchvision_scenarios

    held = torchvision_scenarios.define_operators()

import torch
import torch.nn.functional as F
import torchvision
from torch import nn, optim
from torchvision import transforms

PICTURES = 1024


class Drawn(torchvision.datasets.CIFAR10):
    """CIFAR-10's format with drawn pictures."""

    train_list = (("data_batch_1", None),)
    test_list = ()
    meta = MappingProxyType({"filename": "batches.meta", "key": "label_names", "md5": None})


def write(root):
    folder = os.path.join(root, Drawn.base_folder)
    os.makedirs(folder)
    pictures, labels = synthetic_pictures(0, PICTURES)
    with open(os.path.join(folder, "data_batch_1"), "wb") as file:
        pickle.dump({"data": pictures.reshape(PICTURES, -1), "labels": labels.tolist()}, file)
    with open(os.path.join(folder, "batches.meta"), "wb") as file:
        pickle.dump({"label_names": list("abcdefghij")}, file)


def network(width):
    """Three convolutions; `width` channels in the first."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(2 * width, 4 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(64 * width, 10),
    )  # fmt: skip


def one_pass(loader, net, optimizer):
    """Seconds in all, and seconds of waiting."""
    waited, began = 0.0, time.perf_counter()
    batches = iter(loader)
    while True:
        asked = time.perf_counter()
        batch = next(batches, None)
        waited += time.perf_counter() - asked
        if batch is None:
            return time.perf_counter() - began, waited
        inputs, labels = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(net(inputs), labels)
        loss.backward()
        optimizer.step()
        loss.item()


def main():
    change = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ]
    )
    with tempfile.TemporaryDirectory() as root:
        write(root)
        dataset = Drawn(root, transform=change)
        for batch_size, width in ((16, 16), (64, 32)):
            for workers in (0, 1, 2):
                torch.manual_seed(0)
                net = network(width)
                optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
                loader = torch.utils.data.DataLoader(
                    dataset, batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0
                )
                one_pass(loader, net, optimizer)
                seconds, waited = one_pass(loader, net, optimizer)
                print(
                    f"batch {batch_size:4d}, width {width:3d}, workers {workers}: "
                    f"{PICTURES / seconds:6.0f} pictures/s, waits {100 * waited / seconds:4.1f} %",
                    flush=True,
                )


if __name__ == "__main__":
    main()
