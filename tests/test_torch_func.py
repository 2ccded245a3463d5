"""torch.func on fnnet.torch: recorded PyTorch results, and live ones where PyTorch is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pure_scenarios import SCENARIOS

import fnnet.torch
import fnnet.torch.func

RECORDED = np.load(Path(__file__).parent / "reference" / "torch_func.npz")


def assert_same(ours: list[Any], theirs: list[Any], where: str) -> None:
    """Equal shapes, dtypes and texts; values by the tolerances of torch.testing.assert_close."""
    assert len(ours) == len(theirs), where
    for position, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        one, other = np.asarray(one), np.asarray(other)
        name = f"{where}[{position}]"
        if other.dtype.kind == "U":
            assert str(one) == str(other), name
            continue
        assert (one.shape, one.dtype) == (other.shape, other.dtype), name
        rtol, atol = (1e-7, 1e-7) if other.dtype == np.float64 else (1.3e-6, 1e-5)
        np.testing.assert_allclose(one, other, rtol, atol, err_msg=name)


@pytest.mark.parametrize("name", SCENARIOS)
def test_recorded(name: str) -> None:
    theirs = [RECORDED[key] for key in sorted(RECORDED.files) if key.split(".")[0] == name]
    assert_same(SCENARIOS[name](fnnet.torch), theirs, name)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning", "ignore:Attempted to insert a get_attr")
@pytest.mark.parametrize("name", SCENARIOS)
def test_live(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert_same(SCENARIOS[name](fnnet.torch), SCENARIOS[name](torch), name)


def test_function_sees_dicts_in_their_order() -> None:
    torch = fnnet.torch
    seen: list[list[str]] = []

    def loss(params: Any) -> Any:
        seen.append(list(params))
        return sum(value.sum() for value in params.values())

    made = torch.func.grad(loss)({"w": torch.ones(2), "b": torch.ones(1)})
    assert seen == [["w", "b"]]
    assert list(made) == ["w", "b"]


def test_nothing_is_left_behind_by_an_error() -> None:
    torch = fnnet.torch

    def fails(x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        torch.func.vmap(fails)(torch.ones(2))
    x = torch.ones(2, requires_grad=True)
    (x * torch.rand(2)).sum().backward()
    assert x.grad is not None
