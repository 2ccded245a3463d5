"""Runs the wrong calls of PyTorch's everyday API that tests/wrong_calls/*.txt hold, one a line.

The last statement of each line is an error. Each is run with fresh names: the modules `torch`, `nn`, `F`,
`optim` and `data`, and

    x   ones(2, 3)         w   the same, requires grad     i   arange(3)           m   a mask like x
    d   x in float64       c   complex ones(2)             e   zeros(0)            z   a 0-d one
    s   4 x 4 of zeros     net Linear(3, 2)                pic ones(1, 3, 8, 8)    sgd an optimizer of w
"""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path
from typing import Any

CALLS = {
    file.stem: file.read_text(encoding="utf-8").splitlines()
    for file in sorted(Path(__file__).with_suffix("").glob("*.txt"))
}
"""The calls of each file in tests/wrong_calls/, by its name."""


def _class_of(torch: Any, what: str) -> Any:
    """A custom autograd function with the given defect."""
    Function = torch.autograd.Function

    class Right(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 2 + 0 * x

    if what == "right":
        return Right
    if what == "no_forward":
        return type("NoForward", (Function,), {})
    if what == "no_backward":
        return type("NoBackward", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2)})
    forward = {
        "returns_string": lambda ctx, x: "a",
        "saves_number": lambda ctx, x: ctx.save_for_backward(5) or x * 2,
    }.get(what, Right.forward)
    backward = {
        "wrong_count": lambda ctx, g: (g, g),
        "wrong_shape": lambda ctx, g: g.sum(0)[:1].expand(7),
        "not_tensor": lambda ctx, g: "a",
        "wrong_value": lambda ctx, g: g * 3,
        "once": torch.autograd.function.once_differentiable(Right.backward),
    }.get(what, Right.backward)
    return type(what, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def _bare(nn: Any) -> Any:
    """A module without a forward."""
    return type("Bare", (nn.Module,), {})()


def _uninitialized(nn: Any) -> Any:
    """A module that sets a parameter before it is one."""

    def init(self: Any) -> None:
        self.inner = nn.Linear(2, 2)

    return type("Early", (nn.Module,), {"__init__": init})()


def _iterable(data: Any) -> Any:
    return type("Stream", (data.IterableDataset,), {"__iter__": lambda self: iter([1, 2])})()


def _inference(torch: Any) -> Any:
    with torch.inference_mode():
        return torch.ones(2, 3)


def names(torch: Any) -> dict[str, Any]:
    """The names that the calls use, of PyTorch or of fnnet."""
    import numpy as np

    def module(name: str) -> Any:
        return importlib.import_module(f"{torch.__name__}.{name}")

    for name in ("distributions", "autograd.functional", "optim.swa_utils", "func", "nn.utils.parametrize"):
        module(name)
    torch.manual_seed(0)
    w = torch.ones(2, 3, requires_grad=True)
    nn = torch.nn
    return {
        "torch": torch, "nn": nn, "F": nn.functional, "optim": torch.optim, "np": np,
        "data": module("utils.data"), "x": torch.ones(2, 3), "w": w, "i": torch.arange(3),
        "m": torch.tensor([[True, False, True]] * 2), "d": torch.ones(2, 3, dtype=torch.float64),
        "c": torch.ones(2, dtype=torch.complex64), "e": torch.zeros(0), "z": torch.tensor(1.0),
        "s": torch.zeros(4, 4), "net": nn.Linear(3, 2), "pic": torch.ones(1, 3, 8, 8),
        "sgd": torch.optim.SGD([w], lr=0.1), "class_of": _class_of, "bare": _bare,
        "uninitialized": _uninitialized, "iterable": _iterable, "inference": _inference,
    }  # fmt: skip


def calls() -> list[str]:
    """All wrong calls."""
    return [line for group in CALLS.values() for line in group]


def synchronize(torch: Any) -> None:
    """Have everything computed that was called."""
    if hasattr(torch, "record"):
        torch.record.synchronize()


def outcome(torch: Any, call: str) -> tuple[str, str, bool]:
    """The type and text of the error of a wrong call, and whether it came at the call; "" for no error."""
    scope, at_call = names(torch), True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(call, scope)
            at_call = False
            synchronize(torch)
    except Exception as error:
        kind = type(error)
        return kind.__name__, str(error), at_call
    finally:
        torch.set_grad_enabled(True)
        torch.set_printoptions(profile="default")
    return "", "", True


_WORD = re.compile(r"[A-Za-z_]{3,}|-?\d+(?:\.\d+)?")


def key_words(text: str) -> set[str]:
    """The words and numbers of a message by which one knows it."""
    return {word.lower().strip("_") for word in _WORD.findall(text[:300])}
