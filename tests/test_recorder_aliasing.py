"""Random programs of views, in-place operations and reads: every value, gradient and error is PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fnnet.torch

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

Step = tuple[str, int, int, int]

VIEWS: dict[str, Callable[[Any, Any, int, int], Any]] = {
    "select": lambda torch, x, a, b: x.select(a % 2, b % 3),
    "first": lambda torch, x, a, b: x[a % 3],
    "negative": lambda torch, x, a, b: x[-1 - a % 3],
    "slice": lambda torch, x, a, b: x[a % 3 : a % 3 + b % 4],
    "strided": lambda torch, x, a, b: x[a % 2 :: b % 2 + 1],
    "columns": lambda torch, x, a, b: x[..., a % 2 : 3],
    "new axis": lambda torch, x, a, b: x[None] if x.ndim < 4 else x,
    "t": lambda torch, x, a, b: x.t(),
    "transpose": lambda torch, x, a, b: x.transpose(a % max(x.ndim, 1), b % max(x.ndim, 1)),
    "view": lambda torch, x, a, b: x.view(-1),
    "reshape": lambda torch, x, a, b: x.reshape(-1, x.shape[-1]),
    "unsqueeze": lambda torch, x, a, b: x.unsqueeze(a % (x.ndim + 1)) if x.ndim < 4 else x,
    "squeeze": lambda torch, x, a, b: x.squeeze(),
    "expand": lambda torch, x, a, b: x.expand(2, *x.shape) if x.ndim < 3 else x,
    "diagonal": lambda torch, x, a, b: x.diagonal(),
    "unbind": lambda torch, x, a, b: x.unbind()[0],
    "detach": lambda torch, x, a, b: x.detach(),
    "data": lambda torch, x, a, b: x.data,
    "as_strided": lambda torch, x, a, b: (
        x.as_strided((2, 2), (a % 3 + 2, 1), b % 2) if x.shape == (3, 4) else x
    ),
}
CHANGES: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "add_": lambda torch, x, y, a: x.add_(a + 0.5),
    "mul_": lambda torch, x, y, a: x.mul_(y),
    "sub_ alpha": lambda torch, x, y, a: x.sub_(y, alpha=0.5),
    "iadd": lambda torch, x, y, a: x.__iadd__(y),
    "fill_": lambda torch, x, y, a: x.fill_(a),
    "zero_": lambda torch, x, y, a: x.zero_(),
    "copy_": lambda torch, x, y, a: x.copy_(y),
    "set row": lambda torch, x, y, a: x.__setitem__(a % 3, 2.0),
    "set row to tensor": lambda torch, x, y, a: x.__setitem__(0, y),
    "set slice": lambda torch, x, y, a: x.__setitem__(slice(0, a % 3), y * 2),
    "set mask": lambda torch, x, y, a: x.__setitem__(x < a - 1, 0),
    "set places": lambda torch, x, y, a: x.__setitem__(torch.tensor([0, -1]), 1.5),
    "exp_": lambda torch, x, y, a: x.clamp_(max=1).exp_(),
    "no_grad": lambda torch, x, y, a: _no_grad_add(torch, x),
}
READS: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "product": lambda torch, x, y, a: x * y,
    "clone": lambda torch, x, y, a: x.clone(),
    "gather": lambda torch, x, y, a: x[torch.tensor([[0, -1]])],
    "mask": lambda torch, x, y, a: x[x > 0],
    "exp": lambda torch, x, y, a: (x * 0.1).exp(),
    "contiguous": lambda torch, x, y, a: x.contiguous(),
    "item": lambda torch, x, y, a: (x.sum().item(), None)[1],
}
steps = st.lists(
    st.tuples(
        st.sampled_from([*VIEWS, *VIEWS, *CHANGES, *CHANGES, *READS]),
        st.integers(0, 7), st.integers(0, 7), st.integers(0, 5),
    ),
    min_size=1,
    max_size=10,
)  # fmt: skip


def _no_grad_add(torch: Any, x: Any) -> None:
    with torch.no_grad():
        x.add_(1.0)


def _strides(tensor: Any) -> list[int]:
    """Those that matter: of dimensions with more than one element."""
    return [
        s for s, length in zip(tensor.stride(), tensor.shape, strict=True) if length > 1 and tensor.numel()
    ]


def _history(tensor: Any) -> Any:
    try:
        return tensor.requires_grad, tensor.is_leaf
    except RuntimeError as error:
        return str(error)


def run(torch: Any, program: list[Step], graph: bool) -> list[Any]:
    """Everything that can be seen of the program: values, layouts, versions, errors, gradients."""
    leaf = torch.tensor(np.linspace(-1, 1.5, 12, dtype=np.float32).reshape(3, 4))
    other = torch.tensor(np.linspace(2, -1, 4, dtype=np.float32))
    if graph:
        leaf.requires_grad_()
        other.requires_grad_()
    tensors = [leaf * 1, other, leaf]
    seen: list[Any] = []
    for name, a, b, c in program:
        x, y = tensors[a % len(tensors)], tensors[b % len(tensors)]
        made = None
        try:
            if name in VIEWS:
                made = VIEWS[name](torch, x, b, c)
            elif name in CHANGES:
                CHANGES[name](torch, x, y, c)
            else:
                made = READS[name](torch, x, y, c)
        except (RuntimeError, IndexError, TypeError) as error:
            seen.append(("error", name, type(error).__name__))
        if made is not None and made.dtype == torch.float32:
            tensors.append(made)
        for tensor in tensors:
            seen.append(
                (name, tuple(tensor.shape), _strides(tensor), tensor.storage_offset(), tensor._version,
                 _history(tensor))
            )  # fmt: skip
    for tensor in tensors:
        seen.append(np.array(tensor.tolist(), np.float32))
    if graph:
        try:
            loss = sum((tensor * tensor).sum() for tensor in tensors)
            loss.backward()
        except RuntimeError as error:
            seen.append(("error", "backward", str(error)[:60]))
        else:
            for tensor in (leaf, other):
                seen.append(None if tensor.grad is None else np.array(tensor.grad.tolist(), np.float32))
    return seen


def same(program: list[Step], graph: bool) -> None:
    expected = run(torch, program, graph)
    actual = run(fnnet.torch, program, graph)
    assert len(actual) == len(expected)
    for one, two in zip(actual, expected, strict=True):
        if isinstance(two, np.ndarray):
            assert isinstance(one, np.ndarray)
            # Powers grow in these programs: float32 sums of large numbers of both signs.
            scale = max(1.0, float(np.abs(two[np.isfinite(two)]).max(initial=0)))
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5 * scale)
        else:
            assert one == two


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(steps)
def test_values_and_layouts(program: list[Step]) -> None:
    same(program, graph=False)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(steps)
def test_gradients(program: list[Step]) -> None:
    same(program, graph=True)
