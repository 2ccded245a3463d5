"""LeNet on pictures of three channels, in shuffled mini-batches from a DataLoader."""

import sys

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
torch.manual_seed(0)


class Net(nn.Module):
    """Two convolutions and three linear layers, for pictures of 32 by 32."""

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


# pictures that can be told apart: each class has a pattern of its own under the noise
patterns = torch.randn(10, 3, 32, 32)
labels = torch.randint(0, 10, (count,))
pictures = 0.5 * patterns[labels] + torch.randn(count, 3, 32, 32)
held = count // 5
trainloader = DataLoader(TensorDataset(pictures[held:], labels[held:]), batch_size=4, shuffle=True)
testloader = DataLoader(TensorDataset(pictures[:held], labels[:held]), batch_size=4)

net = Net()
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
every = len(trainloader) // 4
for epoch in range(2):
    running_loss = 0.0
    for i, (inputs, targets) in enumerate(trainloader, 0):
        optimizer.zero_grad()
        loss = criterion(net(inputs), targets)
        loss.backward()
        optimizer.step()
        running_loss += loss.item()
        if i % every == every - 1:
            print(f"[{epoch + 1}, {i + 1:5d}] loss: {running_loss / every:.3f}")
            running_loss = 0.0

right = 0
with torch.no_grad():
    for inputs, targets in testloader:
        predicted = net(inputs).max(1)[1]
        right += (predicted == targets).sum().item()
print("right:", right, "of", held)
