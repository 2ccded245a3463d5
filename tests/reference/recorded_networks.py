"""The recorded networks, of the modules of torch.nn, fnnet.torch.nn or fnnet.layers."""


def block_parts(nn, d_in, d_out, stride, relu1):
    """The parts of a residual block by name."""
    return {
        "relu0": nn.ReLU(),
        "conv1": nn.Conv2d(d_in, d_out, 3, stride, 1, bias=False),
        "bn1": nn.BatchNorm2d(d_out),
        "relu1": relu1,
        "conv2": nn.Conv2d(d_out, d_out, 3, 1, 1, bias=False),
        "bn2": nn.BatchNorm2d(d_out),
        "shortcut": nn.Conv2d(d_in, d_out, 1, stride) if stride > 1 or d_in != d_out else nn.Identity(),
        "relu2": nn.ReLU(),
    }


def parts(nn, block):
    """The parts of the network by name, in the order in which they are applied."""
    return {
        "conv": nn.Conv2d(3, 4, 3, padding=1),
        "bn": nn.BatchNorm2d(4),
        "relu": nn.ReLU(),
        "pool": nn.MaxPool2d(2),
        "blocks": nn.Sequential(block(4, 4, 1), block(4, 4, 1), block(4, 6, 2), block(6, 6, 1)),
        "group": nn.GroupNorm(2, 6),
        "leaky": nn.LeakyReLU(0.01),
        "flatten": nn.Flatten(),
        "hidden": nn.Linear(54, 8),
        "gelu": nn.GELU(),
        "square": nn.Linear(8, 8),
        "norm": nn.LayerNorm(8),
        "head": nn.Linear(8, 5),
    }


def residual(nn):
    """The residual network as a module of torch.nn or fnnet.torch.nn."""

    class Block(nn.Module):
        def __init__(self, d_in, d_out, stride):
            super().__init__()
            for name, part in block_parts(nn, d_in, d_out, stride, nn.ReLU(inplace=True)).items():
                setattr(self, name, part)

        def forward(self, x):
            y = self.bn1(self.conv1(self.relu0(x)))
            y = self.bn2(self.conv2(self.relu1(y)))
            y += self.shortcut(x)
            return self.relu2(y)

    class ResidualNet(nn.Module):
        def __init__(self):
            super().__init__()
            for name, part in parts(nn, Block).items():
                setattr(self, name, part)

        def forward(self, x):
            for part in self.children():
                x = part(x)
            return x

    return ResidualNet()


def unusual(torch):
    """What modules may do beside calling each other in a row; of torch or fnnet.torch.

    A module called twice, one under two names, one that works in place, tied weights, weights that another
    module's code uses, keyword inputs, and outputs that are dicts and tuples with None and numbers in them.
    """
    nn = torch.nn

    class Pair(nn.Module):
        def forward(self, y, *, scale=None):
            return {"y": y if scale is None else y * scale, "more": (y.sum(-1, keepdim=True), None, 3)}

    class Unusual(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(8, 8)
            self.again = self.linear
            self.relu = nn.ReLU(inplace=True)
            self.pair = Pair()
            self.embedding = nn.Embedding(6, 8)
            self.encoder = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
            self.lstm = nn.LSTM(8, 4, batch_first=True, bidirectional=True)
            self.head = nn.Linear(8, 6, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, tokens, x, *, mask=None, scale=None):
            y = self.relu(self.linear(x))
            y = self.relu(self.again(y)) + self.embedding(tokens)
            pair = self.pair(y, scale=scale)
            y, (hidden, _) = self.lstm(self.encoder(pair["y"], src_mask=mask) + pair["more"][0])
            own = torch.nn.functional.linear(y, self.linear.weight)
            return {"logits": self.head(own), "none": None, "state": (y, hidden)}

    return Unusual()


def lenet(nn, channels, kernel, left):
    """The tutorials' LeNet: 3x3 kernels on one channel, 5x5 on three; `left` is the side of what is left."""

    class LeNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(channels, 6, kernel)
            self.conv2 = nn.Conv2d(6, 16, kernel)
            self.fc1 = nn.Linear(16 * left * left, 120)
            self.fc2 = nn.Linear(120, 84)
            self.fc3 = nn.Linear(84, 10)

        def forward(self, x):
            x = nn.functional.max_pool2d(nn.functional.relu(self.conv1(x)), 2)
            x = nn.functional.max_pool2d(nn.functional.relu(self.conv2(x)), 2).flatten(1)
            x = nn.functional.relu(self.fc2(nn.functional.relu(self.fc1(x))))
            return self.fc3(x)

    return LeNet()


def stir(parameters, by):
    """Add noise to PyTorch's biases and norms, which would start as zeros and ones."""
    import torch

    with torch.no_grad():
        for parameter in parameters:
            if parameter.ndim == 1:
                parameter.add_(by * torch.randn_like(parameter))
