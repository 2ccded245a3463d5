"""What programs print: scenarios that return such lines, and texts compared number by number."""

from __future__ import annotations

import importlib
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:e[+-]?\d+)?(?![\w])")
RTOL = 2e-5
"""Of single precision, to the digits that are printed."""


def last_digit(text):
    """The worth of the last digit that is written."""
    mantissa, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def assert_same_text(printed, expected, rtol):
    lines, wanted = printed.split("\n"), expected.split("\n")
    for number, (line, want) in enumerate(zip(lines, wanted, strict=False), 1):
        where = f"line {number}: {line!r} instead of {want!r}"
        assert NUMBER.sub("#", line) == NUMBER.sub("#", want), where
        for got, due in zip(NUMBER.findall(line), NUMBER.findall(want), strict=True):
            if "." not in due and "e" not in due:
                assert got == due, where
            else:
                allowed = max(rtol * abs(float(due)), 1.01 * last_digit(due) if len(due) < 9 else 0)
                assert abs(float(got) - float(due)) <= allowed, where
    assert len(lines) == len(wanted)


class Scenarios(dict[str, Callable[[Any], list[str]]]):
    """Functions of `torch`, PyTorch's or fnnet's, that return the lines they would print.

    Called with a function it takes it in, as a decorator. `recorded` is the file of what PyTorch says,
    `heard` whether warnings are lines too.
    """

    def __init__(self, recorded: str, heard: bool = False) -> None:
        super().__init__()
        self.heard = heard
        self.recorded = Path(__file__).parent / "reference" / recorded

    def __call__(self, function: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
        self[function.__name__] = function
        return function

    def lines(self, torch: Any, name: str) -> list[str]:
        """What a scenario says."""
        torch.manual_seed(0)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            lines = self[name](torch)
        warned = [f"{one.category.__name__}: {str(one.message)[:90]}" for one in heard]
        return lines + (warned if self.heard else [])

    def read(self) -> dict[str, list[str]]:
        """What PyTorch said."""
        return json.loads(self.recorded.read_text(encoding="utf-8"))["scenarios"]

    def record(self, torch: Any) -> None:
        """Write what PyTorch says."""
        said = {"torch": torch.__version__, "scenarios": {name: self.lines(torch, name) for name in self}}
        self.recorded.write_text(json.dumps(said, indent=1) + "\n", encoding="utf-8")


def module(torch: Any, name: str) -> Any:
    """A submodule of `torch`, whichever it is."""
    return importlib.import_module(f"{torch.__name__}.{name}")


def said(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The result, or the error, as text."""
    try:
        return str(function(*args, **kwargs))
    except Exception as error:
        return f"{type(error).__name__}: {error}".replace("fnnet.torch.tensor.Tensor", "torch.Tensor")
