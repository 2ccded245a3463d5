"""Record where PyTorch's classes and functions say they are (`__module__`): `fnnet/torch/places.json`."""

import contextlib
import importlib
import inspect
import json
import pkgutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "torch.nn", "torch.optim", "torch.distributions", "torch.autograd", "torch.amp", "torch.cuda.amp",
    "torch.utils.data", "torch.futures", "torch.library", "torch.return_types", "torch.overrides",
    "torch.hub", "torch.multiprocessing", "torch.profiler", "torch.onnx", "torch.fx", "torch.backends",
    "torch.utils.checkpoint", "torch.utils.hooks", "torch.nn.utils", "torch.nn.utils.parametrizations",
    "torch.utils.benchmark", "torch.utils.tensorboard", "torch.utils.weak", "torch.torch_version",
    "torch.cpu", "torch.accelerator", "torch.mps",
)  # fmt: skip
BESIDE = frozenset(("torch._C", "torch._utils", "torch._tensor", "torch.storage", "torch.serialization"))
LEFT_OUT = frozenset((
    "intrinsic", "qat", "quantizable", "quantized", "datapipes", "examples", "op_fuzzers", "passes",
    "experimental", "ops", "cpp_jit", "valgrind_wrapper", "thnn", "graph_settings",
))  # fmt: skip


def wanted(module: str) -> bool:
    return not any(part.startswith("_") or part in LEFT_OUT for part in module.split(".")[2:])


def modules() -> list[str]:
    """Every module of PyTorch under which its users find names; those of its own use are left out."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(getattr(package, "__path__", ()), name + "."):
            if wanted(found.name):
                with contextlib.suppress(ImportError):
                    importlib.import_module(found.name)
    names = [name for name in sys.modules if name.partition(".")[0] == "torch"]
    public = json.loads((ROOT / "fnnet" / "torch" / "public_names.json").read_text(encoding="utf-8"))
    depth = {name for name in names if name.startswith(tuple(p + "." for p in PACKAGES)) or name in PACKAGES}
    return sorted(filter(wanted, depth | set(public) | BESIDE))


def places(name: str) -> dict[str, str]:
    """By place: the names of one module that live there."""
    module = importlib.import_module(name)
    found: dict[str, list[str]] = {}
    for key in sorted(vars(module)):
        thing = vars(module)[key]
        if not (isinstance(thing, type) or inspect.isfunction(thing)) or thing.__qualname__ != key:
            continue
        home = thing.__module__ or ""
        at_home = home.partition(".")[0] == "torch" and getattr(sys.modules.get(home), key, None) is thing
        if at_home and not key.startswith("__") and (not key.startswith("_") or home == name):
            found.setdefault(home, []).append(key)
    return {home: " ".join(keys) for home, keys in found.items()}


if __name__ == "__main__":
    recorded = {name: places(name) for name in modules()}
    text = json.dumps(recorded, separators=(",\n", ": "))
    (ROOT / "fnnet" / "torch" / "places.json").write_text(text + "\n", encoding="utf-8")
