"""LeNet for pictures of one channel: what is in it, what comes out, and one step of training."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)


class Net(nn.Module):
    """Two convolutions, each followed by ReLU and pooling, then three linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 3)
        self.conv2 = nn.Conv2d(6, 16, 3)
        self.fc1 = nn.Linear(16 * 6 * 6, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = x.view(-1, self.num_flat_features(x))
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)

    def num_flat_features(self, x):
        features = 1
        for size in x.size()[1:]:
            features *= size
        return features


net = Net()
print(net)
params = list(net.parameters())
print(len(params), params[0].size())
picture = torch.randn(1, 1, 32, 32)
out = net(picture)
print(out)
net.zero_grad()
out.backward(torch.randn(1, 10))
print(net.conv1.bias.grad)

target = torch.randn(10).view(1, -1)
criterion = nn.MSELoss()
loss = criterion(net(picture), target)
print(loss)
print(type(loss.grad_fn).__name__, type(loss.grad_fn.next_functions[0][0]).__name__)

optimizer = optim.SGD(net.parameters(), lr=0.01)
optimizer.zero_grad()
print(net.conv1.bias.grad)
loss.backward()
print(net.conv1.bias.grad)
optimizer.step()
print(criterion(net(picture), target).item() < loss.item())
