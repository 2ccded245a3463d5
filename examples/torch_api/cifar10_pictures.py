"""CIFAR-10 from beginning to end: files, a look at the pictures, training, accuracy by class, save and load.

With a folder as argument, CIFAR-10 is read from there (and fetched first, if it is not there). Without one, a
small dataset of drawn pictures is written in CIFAR-10's format, into a folder that is gone at the end.
"""

import os
import pickle
import sys
import tempfile
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from torch import nn, optim
from torchvision import transforms

NAMES = ("plane", "car", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Net(nn.Module):
    """LeNet for pictures of three channels."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


class DrawnPictures(torchvision.datasets.CIFAR10):
    """Files in CIFAR-10's format, with other pictures and so without its checksums."""

    train_list = (("data_batch_1", None),)
    test_list = (("test_batch", None),)
    meta = MappingProxyType({"filename": "batches.meta", "key": "label_names", "md5": None})


def draw(root, train=320, test=100):
    """A disc on a ground of noise: the class says its colour, place and size are random."""
    folder = os.path.join(root, DrawnPictures.base_folder)
    os.makedirs(folder)
    rng = np.random.RandomState(0)
    y, x = np.mgrid[:32, :32]
    turns = np.arange(10)[:, None] / 10 + np.array([0, 1 / 3, 2 / 3])
    colours = 128 + 110 * np.cos(2 * np.pi * turns)
    for name, count in (("data_batch_1", train), ("test_batch", test)):
        labels = rng.randint(0, 10, count)
        column, row, radius = rng.randint((10, 10, 7), (22, 22, 12), (count, 3)).T[:, :, None, None, None]
        inside = (x - column) ** 2 + (y - row) ** 2 < radius**2
        ground = rng.uniform(40, 200, (count, 1, 32, 32))
        pictures = np.where(inside, colours[labels][:, :, None, None], ground).astype(np.uint8)
        with open(os.path.join(folder, name), "wb") as file:
            pickle.dump({"data": pictures.reshape(count, -1), "labels": labels.tolist()}, file)
    with open(os.path.join(folder, "batches.meta"), "wb") as file:
        pickle.dump({"label_names": list(NAMES)}, file)


def show(pictures, names, path):
    """A grid of pictures with their labels, on the screen or in a file."""
    grid = torchvision.utils.make_grid(pictures / 2 + 0.5)
    plt.figure(figsize=(6, 2.2))
    plt.imshow(np.transpose(grid.numpy(), (1, 2, 0)))
    plt.title("  ".join(names))
    plt.axis("off")
    plt.savefig(path, bbox_inches="tight")
    if plt.get_backend().lower() != "agg":
        plt.show()
    plt.close()


def train(net, loader, epochs):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(net.parameters(), lr=0.002)
    every = max(len(loader) // 2, 1)
    for epoch in range(epochs):
        running_loss = 0.0
        for i, (inputs, labels) in enumerate(loader, 0):
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item()
            if i % every == every - 1:
                print(f"[{epoch + 1}, {i + 1:5d}] loss: {running_loss / every:.3f}")
                running_loss = 0.0


def test(net, loader, classes):
    right = dict.fromkeys(classes, 0)
    total = dict.fromkeys(classes, 0)
    with torch.no_grad():
        for inputs, labels in loader:
            _, predicted = torch.max(net(inputs), 1)
            for label, guess in zip(labels.tolist(), predicted.tolist(), strict=True):
                right[classes[label]] += int(label == guess)
                total[classes[label]] += 1
    print(f"right: {sum(right.values())} of {sum(total.values())} pictures")
    for name in classes:
        print(f"  {name:>6s}: {100 * right[name] / max(total[name], 1):.0f} %")


def main(root, drawn):
    torch.manual_seed(0)
    normal = transforms.Normalize((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    to_learn = transforms.Compose(
        [
            transforms.RandomCrop(32, padding=2),
            transforms.ColorJitter(0.2, 0.2),
            transforms.ToTensor(),
            normal,
        ]
    )
    to_judge = transforms.Compose([transforms.ToTensor(), normal])
    kind = DrawnPictures if drawn else torchvision.datasets.CIFAR10
    trainset = kind(root, train=True, download=not drawn, transform=to_learn)
    testset = kind(root, train=False, download=not drawn, transform=to_judge)
    print(len(trainset), "pictures to learn from,", len(testset), "to be judged by")
    trainloader = torch.utils.data.DataLoader(trainset, batch_size=8, shuffle=True, num_workers=2)
    testloader = torch.utils.data.DataLoader(testset, batch_size=8, num_workers=2)
    classes = trainset.classes

    pictures, labels = next(iter(trainloader))
    print("shown:", " ".join(classes[label] for label in labels))
    show(pictures, [classes[label] for label in labels], os.path.join(root, "pictures.png"))

    net = Net()
    train(net, trainloader, 2)
    test(net, testloader, classes)

    path = os.path.join(root, "net.pt")
    torch.save(net.state_dict(), path)
    again = Net()
    again.load_state_dict(torch.load(path))
    pictures, labels = next(iter(testloader))
    print("the same after loading:", torch.equal(net(pictures), again(pictures)))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1], drawn=False)
    else:
        with tempfile.TemporaryDirectory() as folder:
            draw(folder)
            main(folder, drawn=True)
