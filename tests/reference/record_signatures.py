"""Records fnnet/torch/signatures.json: how PyTorch's own functions and methods may be called.

By place and name, the signatures that PyTorch's parser of arguments tries in turn, as the generator of its
bindings (which its wheel carries) writes them. Only names that fnnet.torch has too are kept.

    python tests/reference/record_signatures.py
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
import torchgen

import fnnet.torch

PACKAGED = Path(torchgen.__file__).parent / "packaged"
sys.path.insert(0, str(PACKAGED))
from autograd import gen_python_functions as bindings  # noqa: E402
from torchgen.gen import parse_native_yaml  # noqa: E402

TARGET = Path(fnnet.torch.__file__).with_name("signatures.json")


def _of(place: str) -> tuple[Any, Any]:
    if place == "Tensor":
        return torch.Tensor, fnnet.torch.Tensor
    if place == "torch":
        return torch, fnnet.torch
    if place == "nn.functional":
        return torch.nn.functional, fnnet.torch.nn.functional
    return importlib.import_module(f"torch.{place}"), importlib.import_module(f"fnnet.torch.{place}")


def _is_native(theirs: Any, name: str) -> bool:
    kind = type(getattr(theirs, name, None)).__name__
    return kind in ("builtin_function_or_method", "method_descriptor")


def recorded() -> dict[str, dict[str, list[str]]]:
    """The signatures by place and name."""
    native = PACKAGED / "ATen" / "native"
    functions = parse_native_yaml(native / "native_functions.yaml", native / "tags.yaml").native_functions
    functions = [f for f in functions if bindings.should_generate_py_binding(f)]
    deprecated = str(PACKAGED / "autograd" / "deprecated.yaml")
    tables = (
        ("Tensor", bindings.is_py_variable_method, True, ""),
        ("torch", bindings.is_py_torch_function, False, ""),
        ("nn.functional", bindings.is_py_nn_function, False, ""),
        ("linalg", bindings.is_py_linalg_function, False, "linalg_"),
        ("special", bindings.is_py_special_function, False, "special_"),
        ("fft", bindings.is_py_fft_function, False, "fft_"),
    )
    found: dict[str, dict[str, list[str]]] = {}
    for place, belongs, method, prefix in tables:
        theirs, ours = _of(place)
        pairs = bindings.load_signatures(functions, deprecated, method=method)
        grouped = bindings.group_filter_overloads(pairs, belongs)
        for base, overloads in grouped.items():
            name = str(base).removeprefix(prefix)
            if not _is_native(theirs, name) or not hasattr(ours, name):
                continue
            lines = [
                one.signature.signature_str(symint=True)
                for one in bindings.group_overloads(overloads, symint=True)
            ]
            found.setdefault(place, {})[name] = lines
    return found


if __name__ == "__main__":
    TARGET.write_text(json.dumps(recorded(), indent=0, sort_keys=True) + "\n", encoding="utf-8")
