"""Record checkpoints that PyTorch saved, with the values of their tensors and what the models compute.

Run where PyTorch is installed: python tests/reference/record_checkpoints.py. It writes the folder
checkpoints/: NAME.pt (zip format), NAME.legacy.pt (the older format), and expected.npz / expected.json with,
for every tensor, its value by the path to it, and for the models an input and an output.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from pt_files import FOLDER, arrays_of

ZIP_ONLY = {"new_dtypes"}


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.body = nn.Linear(6, 6)
        self.head = nn.Linear(6, 11, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, x):
        return self.head(torch.tanh(self.body(self.embedding(x))))


def models():
    torch.manual_seed(0)
    convolutional = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)
    )
    for _ in range(3):
        convolutional(torch.randn(4, 3, 6, 6))
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), 2)
    return {
        "linear": (nn.Linear(4, 3), torch.randn(2, 4)),
        "mlp": (nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), torch.randn(2, 4)),
        "conv_batchnorm": (convolutional, torch.randn(2, 3, 6, 6)),
        "lstm": (nn.LSTM(3, 4, num_layers=2, bidirectional=True), torch.randn(5, 2, 3)),
        "gru": (nn.GRU(3, 4), torch.randn(5, 2, 3)),
        "transformer_encoder": (encoder, torch.randn(2, 5, 8)),
        "tied": (Tied(), torch.arange(10).reshape(2, 5)),
        "norms": (
            nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.GELU(), nn.GroupNorm(2, 6)),
            torch.randn(3, 4),
        ),
        "bfloat16": (nn.Linear(4, 3).bfloat16(), torch.randn(2, 4).bfloat16()),
        "half": (nn.Conv1d(2, 3, 3).half(), torch.randn(1, 2, 6).half()),
    }


def trained():
    """What a training program keeps: the model, optimizers, a schedule, the random generator, numbers."""
    torch.manual_seed(1)
    net = nn.Linear(3, 2)
    adam = torch.optim.AdamW(net.parameters(), lr=0.01, amsgrad=True)
    sgd = torch.optim.SGD([{"params": [net.weight], "lr": 0.1}, {"params": [net.bias]}], lr=0.2, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, 10)
    for _ in range(2):
        net.zero_grad()
        net(torch.randn(4, 3)).square().mean().backward()
        adam.step()
        sgd.step()
        schedule.step()
    return {
        "model": net.state_dict(),
        "adam": adam.state_dict(),
        "sgd": sgd.state_dict(),
        "schedule": schedule.state_dict(),
        "rng": torch.get_rng_state(),
        "epoch": 7,
        "best": 0.125,
        "args": {"lr": 1e-3, "name": "résumé", "resume": None, "flags": [True, False]},
    }


def values():
    base = torch.arange(24.0)
    parameter = nn.Parameter(torch.ones(2, 3))
    parameter.note = "an attribute"
    return {
        "views": {
            "base": base,
            "matrix": base.view(4, 6),
            "turned": base.view(4, 6).t(),
            "row": base.view(4, 6)[2],
            "steps": base[1::5],
            "windows": base[:6].unfold(0, 3, 1),
            "expanded": torch.tensor([2.0]).expand(3, 4),
        },
        "nested": {
            "list": [1, -2.5, [torch.tensor([1, 2]), (torch.tensor(3.5), None)], {}],
            "integers": [0, 255, 256, 65536, -1, 2**31, -(2**40), 10**30],
            "floats": [0.1, float("inf"), -0.0, 1e-320],
            "text": ["", "ascii", "λ → 漢字", "\x00\n"],
            "plain": [None, True, False, 1 + 2j, b"\x00\xff", {1, 2}, bytearray(b"ab")],
            "keys": {1: "a", "1": "b", (0, 1): "c", None: "d"},
            "size": torch.Size([2, 3]),
            "kinds": [torch.float32, torch.bfloat16, torch.int64],
            "device": torch.device("cuda", 1),
            "parameter": parameter,
            "buffer": nn.Buffer(torch.zeros(2)),
        },
        "tensor": torch.randn(2, 3),
        "scalars": {
            "zero": torch.tensor(0.0),
            "int": torch.tensor(-3),
            "empty": torch.zeros(0, 3),
            "flag": torch.tensor(True),
        },
        "dtypes": {
            str(kind).removeprefix("torch."): torch.tensor([0, 1, 3]).to(kind)
            for kind in (
                *(
                    torch.float64,
                    torch.float32,
                    torch.float16,
                    torch.bfloat16,
                    torch.complex64,
                    torch.complex128,
                ),
                *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
            )
        },
        "new_dtypes": {
            str(kind).removeprefix("torch."): torch.tensor([0, 1, 3]).to(kind)
            for kind in (
                *(torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn, torch.float8_e5m2),
                *(torch.float8_e4m3fnuz, torch.float8_e5m2fnuz),
            )
        },
        "conjugate": {
            "z": torch.tensor([1 + 2j, 3 - 1j]).conj(),
            "imaginary": torch.tensor([1 + 2j]).conj().imag,
        },
        "trained": trained(),
    }


def plain(tensor):
    """The value in a dtype that NumPy has: float64 holds every smaller float exactly."""
    tensor = tensor.detach().resolve_conj().resolve_neg()
    small = tensor.is_floating_point() and tensor.dtype not in (torch.float16, torch.float32, torch.float64)
    return (tensor.double() if small else tensor).contiguous().numpy()


def main():
    FOLDER.mkdir(exist_ok=True)
    arrays, dtypes = {}, {}
    saved = dict(values())
    for name, (net, x) in models().items():
        net.eval()
        with torch.no_grad():
            y = net(x)
        saved[name] = net.state_dict()
        arrays[f"input {name}"] = plain(x)
        arrays[f"output {name}"] = plain(y[0] if isinstance(y, tuple) else y)
    for name, value in saved.items():
        torch.save(value, FOLDER / f"{name}.pt")
        if name not in ZIP_ONLY:
            torch.save(value, FOLDER / f"{name}.legacy.pt", _use_new_zipfile_serialization=False)
        for path, tensor in arrays_of(value, kind=torch.Tensor):
            arrays[name + path] = plain(tensor)
            dtypes[name + path] = str(tensor.dtype).removeprefix("torch.")
    np.savez_compressed(
        FOLDER / "expected.npz", **{key.replace("/", "|"): value for key, value in arrays.items()}
    )
    (FOLDER / "expected.json").write_text(json.dumps(dtypes, indent=0) + "\n")


if __name__ == "__main__":
    main()
