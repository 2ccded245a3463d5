"""What scenarios are: small programs that run on PyTorch and on fnnet.torch alike, and return the same.

A scenario takes the module (`torch`) and returns nested lists of numbers, strings and None. Errors are part
of what is compared: `error(f)` gives the type and the message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

SCENARIOS: dict[str, Callable[[Any], Any]] = {}


def scenario(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    SCENARIOS[function.__name__] = function
    return function


def error(function: Callable[[], Any]) -> list[str]:
    try:
        function()
    except Exception as caught:
        # Which operation made the tensor last is not known to the recorder's node; the rest of the message
        # is.
        message = re.sub(r", which is output 0 of \w+,", "", str(caught))
        return [type(caught).__name__, re.sub(r"0x[0-9a-f]+", "0x", message)]
    return ["no error"]


def plain(value: Any) -> Any:
    """What JSON can hold."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if hasattr(value, "tolist") and hasattr(value, "dtype"):
        return {"values": value.detach().tolist(), "dtype": str(value.dtype), "shape": list(value.shape)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    return str(value)


def chain(node: Any) -> Any:
    """The names in a graph."""
    if node is None:
        return None
    return [node.name(), [chain(following) for following, _ in node.next_functions]]


def leaf(torch: Any, *shape: int, start: float = -1.0) -> Any:
    count = int(np.prod(shape))
    made = torch.tensor(np.linspace(start, start + 2.5, count).astype(np.float32).reshape(shape))
    return made.requires_grad_()


def compare(actual: Any, expected: Any, where: str) -> None:
    """Assert that two outcomes are the same, their floats within rounding."""
    if isinstance(expected, dict):
        assert isinstance(actual, dict), where
        assert actual.keys() == expected.keys(), where
        for name, one in expected.items():
            compare(actual[name], one, f"{where}.{name}")
    elif isinstance(expected, list):
        assert isinstance(actual, list), f"{where}: {actual} != {expected}"
        assert len(actual) == len(expected), f"{where}: {actual} != {expected}"
        for i, (one, two) in enumerate(zip(actual, expected, strict=True)):
            compare(one, two, f"{where}[{i}]")
    elif isinstance(expected, float):
        assert math.isclose(actual, expected, rel_tol=1.3e-6, abs_tol=1e-5), (
            f"{where}: {actual} != {expected}"
        )
    else:
        assert type(actual) is type(expected), f"{where}: {actual} != {expected}"
        assert actual == expected, f"{where}: {actual} != {expected}"
