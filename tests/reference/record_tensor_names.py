"""Record PyTorch's public names, which errors and `python -m fnnet doctor` recognise without PyTorch."""

import importlib
import inspect
import json
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
MODULES = (
    "", "amp", "autograd", "autograd.forward_ad", "autograd.function", "autograd.functional",
    "autograd.graph",
    "autograd.profiler", "backends", "backends.cpu", "backends.cuda", "backends.cudnn", "backends.mkl",
    "backends.mkldnn", "backends.mps", "backends.openmp", "cuda", "cuda.amp", "distributions", "fft", "func",
    "jit", "linalg", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "nn.utils.parametrize",
    "nn.parameter", "optim", "optim.lr_scheduler", "optim.swa_utils", "random", "signal.windows", "sparse",
    "special", "testing", "types", "utils", "utils.checkpoint", "utils.data", "utils.hooks", "version",
)  # fmt: skip


def public(module: object) -> list[str]:
    """The names that a user may write, less what the module only imports from Python's library."""
    names = set(getattr(module, "__all__", ())) | {name for name in dir(module) if not name.startswith("_")}
    kept = []
    for name in names:
        if name.startswith("_") or not hasattr(module, name):
            continue
        found = getattr(module, name)
        home = found.__name__ if inspect.ismodule(found) else getattr(found, "__module__", None) or "torch"
        if home.partition(".")[0] == "torch":
            kept.append(name)
    return sorted(kept)


def write(name: str, value: object) -> None:
    (ROOT / "fnnet" / "torch" / name).write_text(json.dumps(value, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write("tensor_names.json", sorted(name for name in dir(torch.Tensor) if not name.startswith("_")))
    dotted = ["torch" + ("." + name if name else "") for name in MODULES]
    write("public_names.json", {name: public(importlib.import_module(name)) for name in dotted})
