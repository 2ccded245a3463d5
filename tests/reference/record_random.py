"""Record PyTorch's random numbers, as digests: run where PyTorch is installed, writes random.json beside it.

python tests/reference/record_random.py
"""

from __future__ import annotations

import json
import pathlib
import sys
import warnings
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils import data

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from random_calls import digest, sequence, theirs  # noqa: E402

SEQUENCES = 60


def state() -> str:
    return digest(torch.get_rng_state().numpy())


def sequences() -> list[dict[str, Any]]:
    """For each seed the digests of each call's numbers, and of the state at the end of the sequence."""
    out = []
    for seed in range(SEQUENCES):
        torch.manual_seed(seed)
        calls = []
        for kind, call in sequence(seed):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                calls.append([digest(theirs(torch, kind, call))[:8], state()[:8]])
        out.append({"seed": seed, "calls": calls, "state": state()})
    return out


def initialisers() -> dict[str, Any]:
    """Each initialiser after manual_seed(0), by the arguments that tests/test_init.py gives to both."""
    out: dict[str, Any] = {}
    for name, shape, kwargs in json.loads((HERE / "random_init_cases.json").read_text()):
        for dtype in (torch.float32, torch.float64, torch.bfloat16):
            torch.manual_seed(0)
            tensor = torch.empty(shape, dtype=dtype)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                getattr(nn.init, name + "_")(tensor, **kwargs)
            array = tensor.view(torch.int16).numpy() if dtype == torch.bfloat16 else tensor.numpy()
            out[f"{name} {shape} {kwargs} {str(dtype).removeprefix('torch.')}"] = [digest(array), state()]
    return out


def orthogonal() -> dict[str, Any]:
    out = {}
    for shape in ([3, 5], [4, 2, 1]):
        torch.manual_seed(0)
        out[str(shape)] = nn.init.orthogonal_(torch.empty(shape)).tolist()
    return out


def layers() -> dict[str, Any]:
    """Each layer's parameters, by name, constructed after manual_seed(11); then the generator's state."""
    out: dict[str, Any] = {}
    for name, args, kwargs in json.loads((HERE / "random_layer_cases.json").read_text()):
        torch.manual_seed(11)
        module = getattr(nn, name)(*(tuple(a) if isinstance(a, list) else a for a in args), **kwargs)
        parameters = {k: digest(v.detach().numpy()) for k, v in module.named_parameters()}
        out[f"{name} {args} {kwargs}"] = [parameters, state()]
    return out


def orders() -> dict[str, list[int]]:
    """The order of items, several epochs in a row, for each kind of sampler, and the states afterwards."""
    out: dict[str, Any] = {}

    def note(name: str, make: Any, epochs: int = 1) -> None:
        torch.manual_seed(3)
        own = torch.Generator().manual_seed(8)
        sampler = make(own)
        out[name] = [int(i) for _ in range(epochs) for part in sampler for i in np.ravel(part)]
        out[name + " states"] = [state(), digest(own.get_state().numpy())]

    def loader(**kwargs: Any) -> data.DataLoader:
        return data.DataLoader(range(23), batch_size=4, **kwargs)

    note("loader", lambda g: loader(shuffle=True), 3)
    note("loader own", lambda g: loader(shuffle=True, generator=g), 3)
    note("loader sequential", lambda g: loader(), 2)
    note("loader workers", lambda g: loader(shuffle=True, num_workers=2), 3)
    note(
        "loader persistent",
        lambda g: loader(shuffle=True, num_workers=2, persistent_workers=True),
        3,
    )
    note("random", lambda g: data.RandomSampler(range(23), generator=g))
    note("random 50", lambda g: data.RandomSampler(range(23), num_samples=50, generator=g))
    note("random replacement", lambda g: data.RandomSampler(range(23), True, 70, g))
    note("subset", lambda g: data.SubsetRandomSampler([5, 6, 9, 1], g))
    note("weighted", lambda g: data.WeightedRandomSampler([0.5, 6, 9, 1], 30, True, g))
    note("weighted once", lambda g: data.WeightedRandomSampler([0.5, 6, 9, 1], 3, False, g))
    note("split", lambda g: [s.indices for s in data.random_split(range(23), [10, 13], g)])
    note("split fractions", lambda g: [s.indices for s in data.random_split(range(23), [0.4, 0.3, 0.3], g)])
    for drop in (False, True):
        sampler = data.distributed.DistributedSampler(range(23), 4, 1, seed=3, drop_last=drop)
        sampler.set_epoch(2)
        note(f"distributed {drop}", lambda g, sampler=sampler: sampler)
    return out


def main() -> None:
    recorded = {
        "torch": torch.__version__,
        "sequences": sequences(),
        "initialisers": initialisers(),
        "layers": layers(),
        "orthogonal": orthogonal(),
        "orders": orders(),
    }
    text = json.dumps(recorded, separators=(",", ":")).replace('{"seed"', '\n{"seed"')
    (HERE / "random.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
