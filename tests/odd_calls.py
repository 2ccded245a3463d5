"""Runs the calls of tests/odd_calls/*.txt, one a line, and tells all that a user sees of each.

These are calls in unusual forms: numbers where tensors may stand and the other way round, indices of every
kind, calls that warn, hooks, transformations. The last statement of a line is looked at. Fresh names are

    x, y  2 x 3     v  1 .. 4     i  0 .. 3    a  2 x 3 of int64    b  a mask like x     c  two complex
    z, k  0-d, of float32 and int64            t  2 x 3 x 4         w  like x, requires grad       s  3 x 3
    d, h, u  like x in float64, bfloat16, uint8     e  of no element     n1, n2, f2, nb  numbers of NumPy
"""

from __future__ import annotations

import ast
import importlib
import warnings
from pathlib import Path
from typing import Any

import numpy as np

CALLS = {
    file.stem: [one for one in file.read_text(encoding="utf-8").splitlines() if one]
    for file in sorted(Path(__file__).with_suffix("").glob("*.txt"))
}
"""The calls of each file in tests/odd_calls/, by its name."""

_MODULES = (
    "func",
    "autograd.graph",
    "autograd.gradcheck",
    "autograd.functional",
    "autograd.forward_ad",
    "amp",
)


def names(torch: Any) -> dict[str, Any]:
    """The names that the calls use, of PyTorch or of fnnet."""
    for name in _MODULES:
        importlib.import_module(f"{torch.__name__}.{name}")
    torch.manual_seed(0)
    read_only = np.ones(3)
    read_only.flags.writeable = False
    x = torch.arange(6.0).reshape(2, 3)
    return {
        "torch": torch, "nn": torch.nn, "F": torch.nn.functional, "np": np, "ro": read_only,
        "inf": float("inf"), "nan": float("nan"), "x": x, "y": x + 0.5, "v": torch.arange(4.0) + 1,
        "i": torch.arange(4), "a": torch.arange(6).reshape(2, 3),
        "b": torch.tensor([[True, False, True], [False, True, True]]), "c": torch.tensor([1 + 2j, 3 - 1j]),
        "d": torch.arange(6.0, dtype=torch.float64).reshape(2, 3), "z": torch.tensor(2.0),
        "k": torch.tensor(1), "e": torch.zeros(0), "t": torch.arange(24.0).reshape(2, 3, 4),
        "w": (torch.arange(6.0) + 1).reshape(2, 3).requires_grad_(),
        "s": torch.eye(3) + 0.5 * torch.ones(3, 3), "h": torch.arange(6.0).reshape(2, 3).bfloat16(),
        "u": torch.arange(6, dtype=torch.uint8).reshape(2, 3), "n2": np.int64(2), "n1": np.int64(1),
        "f2": np.float32(2.5), "nb": np.bool_(True), "na": np.array([0, 1]),
    }  # fmt: skip


def _number(value: Any) -> Any:
    if isinstance(value, complex):
        return [_number(value.real), _number(value.imag)]
    if isinstance(value, float):
        return float(f"{value:.6g}") if np.isfinite(value) else str(value)
    return value


def _flat(value: Any) -> list[Any]:
    return [one for each in value for one in _flat(each)] if isinstance(value, list) else [_number(value)]


def _seen(torch: Any, value: Any) -> Any:
    """All that can be seen of a result."""
    if isinstance(value, torch.Tensor):
        told = [str(value.dtype).rpartition(".")[2], list(value.shape), list(value.stride())]
        told += [value.storage_offset(), value._is_view(), value.requires_grad]
        node = value.grad_fn
        told += [None if node is None else type(node).__name__]
        return ["Tensor", *told, _flat(value.detach().tolist())]
    if isinstance(value, tuple | list):
        return [type(value).__name__, *(_seen(torch, one) for one in value)]
    if isinstance(value, dict):
        return ["dict", *([str(name), _seen(torch, one)] for name, one in value.items())]
    if isinstance(value, bool | int | float | complex | None):
        return [type(value).__name__, _number(value)]
    return [type(value).__name__, str(value).replace("fnnet.torch", "torch").partition(" at 0x")[0]]


def outcome(torch: Any, call: str) -> dict[str, Any]:
    """The result of a call or its error, and its warnings."""
    scope = names(torch)
    body = ast.parse(call).body
    last = body.pop()
    assert isinstance(last, ast.Expr), call
    told: dict[str, Any] = {}
    always = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            exec(compile(ast.Module(body, []), "<user>", "exec"), scope)
            value = eval(compile(ast.Expression(last.value), "<user>", "eval"), scope)
        except Exception as error:
            told["error"] = [type(error).__name__, str(error).replace("fnnet.torch", "torch")]
        finally:
            torch.set_warn_always(always)
            torch.set_grad_enabled(True)
    if "error" not in told:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told["result"] = _seen(torch, value)
    warned = [one for one in warned if "torch.jit.script" not in str(one.message)]  # of PyTorch's own code
    texts = [str(one.message).partition(" (Triggered")[0][:300] for one in warned]
    told["warnings"] = [[one.category.__name__, text] for one, text in zip(warned, texts, strict=True)]
    return told
