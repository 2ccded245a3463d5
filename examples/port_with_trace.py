"""Port a residual network from PyTorch with record and trace: a mistake is found where it is, and named.

The network was recorded where PyTorch is installed (tests/reference/record_parity.py):

    from fnnet.parity import record
    record(net, [x], "residual.safetensors", optimizer=lambda p: torch.optim.AdamW(p, ...), steps=3)

Here it is ported from that file alone. The first attempt has a mistake that is easily made: the batch
normalisation of one shortcut branch takes eps = 1e-3, as other libraries do by default. Its outputs are off
by less than a per cent, and by the end of the network by 5e-5: too little to see, too much for rounding.
Then its training is ported: the recorded steps of AdamW show that the first attempt decays the weights as
Adam does.
"""

import fnnet
from fnnet import optim
from fnnet.parity import Record, files, trace, trace_updates


class Block(fnnet.Layer):
    """Two convolutions and a way around them."""

    def __init__(self, d_in, d_out, stride, eps):
        self.relu0 = fnnet.ReLU()
        self.conv1 = fnnet.Conv2d(d_in, d_out, 3, stride, 1, bias=False)
        self.bn1 = fnnet.BatchNorm2d(d_out, eps=eps)
        self.relu1 = fnnet.ReLU()
        self.conv2 = fnnet.Conv2d(d_out, d_out, 3, 1, 1, bias=False)
        self.bn2 = fnnet.BatchNorm2d(d_out)
        self.shortcut = fnnet.Identity() if d_in == d_out else fnnet.Conv2d(d_in, d_out, 1, stride)
        self.relu2 = fnnet.ReLU()

    def forward(self, p, x):
        y = self.bn1(p["bn1"], self.conv1(p["conv1"], self.relu0(p["relu0"], x)))
        y = self.bn2(p["bn2"], self.conv2(p["conv2"], self.relu1(p["relu1"], y)))
        return self.relu2(p["relu2"], y + self.shortcut(p["shortcut"], x))


def port(eps):
    """The network, part by part under PyTorch's names, so that the recorded parameters fit as they are."""
    blocks = [Block(4, 4, 1, 1e-5), Block(4, 4, 1, 1e-5), Block(4, 6, 2, eps), Block(6, 6, 1, 1e-5)]
    return fnnet.Sequential(
        {
            "conv": fnnet.Conv2d(3, 4, 3, padding=1),
            "bn": fnnet.BatchNorm2d(4),
            "relu": fnnet.ReLU(),
            "pool": fnnet.MaxPool2d(2),
            "blocks": fnnet.Sequential(*blocks),
            "group": fnnet.GroupNorm(2, 6),
            "leaky": fnnet.LeakyReLU(0.01),
            "flatten": fnnet.Flatten(),
            "hidden": fnnet.Linear(54, 8),
            "gelu": fnnet.GELU(),
            "square": fnnet.Linear(8, 8),
            "norm": fnnet.LayerNorm(8),
            "head": fnnet.Linear(8, 5),
        }
    )


def main():
    recorded = Record.load(files.reference("residual.safetensors"))
    print("first attempt")
    wrong = trace(port(eps=1e-3), recorded)
    print(wrong)
    print("\nmended")
    right = trace(port(eps=1e-5), recorded)
    print(right.verdict)
    print("\nits optimizer")
    coupled = trace_updates(optim.adam(lr=0.01, weight_decay=0.05), recorded)
    print(coupled[0].verdict)
    print("\nmended")
    decoupled = trace_updates(optim.adamw(lr=0.01, weight_decay=0.05), recorded)
    for update in decoupled:
        print(update.verdict)
    return wrong, right, coupled, decoupled


if __name__ == "__main__":
    main()
