"""Record a residual network in PyTorch, for the ruler's tests and example, into residual.safetensors.

Run where PyTorch is installed: python tests/reference/record_parity.py
"""

import pathlib

import residual_network
import torch

from fnnet.parity import record

if __name__ == "__main__":
    torch.manual_seed(0)
    net = residual_network.module(torch.nn)
    with torch.no_grad():
        for value in net.parameters():
            if value.ndim == 1:
                value.add_(0.2 * torch.randn_like(value))
    file = pathlib.Path(__file__).with_name("residual.safetensors")
    x = torch.randn(2, 3, 12, 12)

    def optimizer(parameters):
        return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.05)

    record(net, [x], file, optimizer=optimizer, steps=3)
    print(file.name, file.stat().st_size, "bytes")
