"""Names that PyTorch has and fnnet lacks: naming one is an error that says so.

The error is an AttributeError, so that `hasattr` and `getattr` with a default answer as they should, and a
NotImplementedError, as everything unsupported is.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["MissingName", "known", "missing", "refusal", "refusals", "tensor_names"]


class MissingName(AttributeError, NotImplementedError):
    """PyTorch has the name, fnnet does not."""


@cache
def _recorded(file: str) -> Any:
    return json.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))


@cache
def tensor_names() -> frozenset[str]:
    """Every public attribute of torch.Tensor, recorded from PyTorch."""
    return frozenset(_recorded("tensor_names.json"))


@cache
def known(module: str) -> frozenset[str]:
    """The public names of a module of PyTorch ("torch", "torch.cuda"), recorded; empty if it has none."""
    return frozenset(_recorded("public_names.json").get(module, ()))


_REASONS = {
    "quant": ", for fnnet has no quantized tensors",
    "qint": ", for fnnet has no quantized tensors",
    "Storage": ", for the memory of a tensor is JAX's",
    "storage": ", for the memory of a tensor is JAX's",
}
"""By a part of a name: why fnnet lacks it."""


def missing(module: str, name: str) -> AttributeError:
    """The error for a name that fnnet's mirror of `module` does not have."""
    if name in (tensor_names() if module == "torch.Tensor" else known(module)):
        why = next((text for part, text in _REASONS.items() if part in name), "")
        return MissingName(
            f"fnnet.torch: {module}.{name} is not supported{why}; `python -m fnnet doctor SCRIPT` lists what "
            "else a script uses that fnnet lacks"
        )
    return AttributeError(
        f"module '{module}' has no attribute '{name}' in fnnet (fnnet.{module}.{name})", name=name
    )


def refusal(name: str, instead: str = "") -> Any:
    """A stand-in for a function or class: it can be imported and named, and raises when it is called."""

    class Refused:
        refused_name = name

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            raise NotImplementedError(
                f"fnnet.torch: {name} is not supported" + (f"; {instead}" if instead else "")
            )

    Refused.__name__ = Refused.__qualname__ = name.rpartition(".")[2]
    Refused.__doc__ = "Raises NotImplementedError."
    return Refused


def refusals(module: str, names: str, instead: str = "") -> dict[str, Any]:
    """A stand-in for each of a module's names, which stand between spaces."""
    return {name: refusal(f"{module}.{name}", instead) for name in names.split()}
