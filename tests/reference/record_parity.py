"""Record networks in PyTorch for the ruler's tests and example: residual.safetensors, unusual.safetensors.

Run where PyTorch is installed: python tests/reference/record_parity.py
"""

import pathlib

import recorded_networks
import torch

from fnnet.parity import record

FOLDER = pathlib.Path(__file__).parent


def residual():
    torch.manual_seed(0)
    net = recorded_networks.residual(torch.nn)
    recorded_networks.stir(net.parameters(), 0.2)
    x = torch.randn(2, 3, 12, 12)

    def optimizer(parameters):
        return torch.optim.AdamW(parameters, lr=0.01, weight_decay=0.05)

    record(net, [x], FOLDER / "residual.safetensors", optimizer=optimizer, steps=3)


def unusual():
    torch.manual_seed(0)
    net = recorded_networks.unusual(torch)
    tokens, x = torch.randint(6, (2, 5)), torch.randn(2, 5, 8)
    options = {"mask": torch.nn.Transformer.generate_square_subsequent_mask(5), "scale": torch.tensor(0.5)}
    record(net, [tokens, x], FOLDER / "unusual.safetensors", options=options)


if __name__ == "__main__":
    residual()
    unusual()
    for name in ("residual", "unusual"):
        print(name, (FOLDER / f"{name}.safetensors").stat().st_size, "bytes")
