"""Ways to call an operation that are easily missed, and what PyTorch refuses of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from printed import Scenarios, said

scenario = Scenarios("calls.json")


def all_said(torch: Any, calls: dict[str, Callable[[Any], Any]]) -> list[str]:
    return [f"{name}: {said(call, torch)}" for name, call in calls.items()]


@scenario
def several_cotangents_at_once(torch: Any) -> list[str]:
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    y, unused = (x**2).sum(0), torch.ones(2, requires_grad=True)
    found = torch.autograd.grad(y, [x, unused], torch.eye(3), is_grads_batched=True, allow_unused=True)
    again = torch.autograd.grad(x[0] * 2, x, torch.eye(3), is_grads_batched=True)
    return [str(found), str(again[0].shape)]


@scenario
def memory_made_and_seen_anew(torch: Any) -> list[str]:
    x = torch.arange(6.0).reshape(2, 3)
    made = x.new_empty_strided((2, 3), (1, 2), dtype=torch.int64)
    view = x.t()
    view.resize_(2)
    return [
        str((made.stride(), made.dtype, torch.empty_permuted((2, 3, 4), (0, 2, 1)).stride())),
        str((view, view.stride(), view.data_ptr() == x.data_ptr())),
    ]


@scenario
def truths_in_place_on_leaves(torch: Any) -> list[str]:
    x = torch.tensor([0.0, 2.0], requires_grad=True)
    return [str(x.logical_not_()), str(x.logical_or_(torch.ones(2))), str((x.is_leaf, x._version))]


@scenario
def outs_of_other_kinds(torch: Any) -> list[str]:
    x = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    calls: dict[str, Callable[[Any], Any]] = {
        "order": lambda t: t.cholesky_inverse(x, upper=True, out=t.empty(0)).stride(),
        "wide": lambda t: t.cholesky_inverse(x, out=t.empty(2, 2, dtype=t.float64)),
        "product": lambda t: t.matmul(x, x, out=t.empty(2, 2, dtype=t.float64)),
        "empty": lambda t: t.linspace(0, 1, 0, out=t.zeros(0, 2)).shape,
        "copy": lambda t: t.narrow_copy(x, 0, 0, 1, out=t.empty(1, 2)),
    }
    return all_said(torch, calls)


@scenario
def kinds_of_arguments(torch: Any) -> list[str]:
    x, i = torch.ones(2, 3), torch.arange(3)
    calls: dict[str, Callable[[Any], Any]] = {
        "truth of NumPy": lambda t: i + np.bool_(True),
        "sizes as tensors": lambda t: x.reshape(t.tensor(3), 2).shape,
        "counts alone": lambda t: t.repeat_interleave(t.tensor([2, 0, 1])),
        "cummax of truths": lambda t: t.cummax(t.tensor([True, False, True]), 0),
        "gradient of integers": lambda t: t.gradient(i),
        "halves together": lambda t: [one.shape for one in t.broadcast_tensors(x.half(), i.half())],
        "addr of two kinds": lambda t: t.addr(x, t.ones(2).double(), t.ones(3).double()).dtype,
        "parts that are no views": lambda t: t.unsafe_chunk(x, 2)[0]._is_view(),
        "var_mean": lambda t: t.var_mean(x, True),
        "lu": lambda t: type(t.linalg.lu_factor_ex(t.eye(2))).__name__,
    }
    return all_said(torch, calls)


PRODUCTS = {
    "mm": ("22", "22"), "mv": ("22", "2"), "bmm": ("222", "222"), "dot": ("2", "2"), "vdot": ("2", "2"),
    "inner": ("22", "2"), "matmul": ("222", "2"), "addmm": ("22", "22", "22"), "addmv": ("2", "22", "2"),
    "addr": ("22", "2", "2"), "addbmm": ("22", "222", "222"), "baddbmm": ("222", "222", "222"),
    "nn.functional.linear": ("22", "22", "2"), "nn.functional.bilinear": ("22", "22", "122"),
    "linalg.vecdot": ("22", "22"),
}  # fmt: skip


@scenario
def products_refused(torch: Any) -> list[str]:
    """Of each product one argument is longer, has another dtype, or both; or all are truths."""
    wide, truth = torch.float64, torch.bool
    lines = []
    for name, shapes in PRODUCTS.items():
        product = torch
        for part in name.split("."):
            product = getattr(product, part)
        sizes = [tuple(map(int, shape)) for shape in shapes]
        for i, shape in enumerate(sizes):
            longer = (*shape[:-1], 3)
            for one in (torch.ones(longer), torch.ones(shape, dtype=wide), torch.ones(longer, dtype=wide)):
                given = [one if j == i else torch.ones(size) for j, size in enumerate(sizes)]
                lines.append(f"{name} {i}: {said(product, *given)}")
        lines.append(f"{name} of truths: {said(product, *[torch.ones(size, dtype=truth) for size in sizes])}")
    multi_dot = torch.linalg.multi_dot
    x, y = torch.ones(2, 2), torch.ones(2, 3)
    chains = ([x, y.double()], [y, x], [x[None], x], [x, x[None], x], [x, x, x[None]], [x, x.double(), y])
    return lines + [said(multi_dot, chain) for chain in chains]


@scenario
def bytes_as_other_numbers(torch: Any) -> list[str]:
    def changed(t: Any, kind: Any, other: Any, value: Any) -> Any:
        x = t.zeros(4, dtype=kind)
        seen = x.view(other)
        seen[1] = value
        return x, seen.shape, seen._is_view()

    calls: dict[str, Callable[[Any], Any]] = {
        "pairs": lambda t: changed(t, t.complex64, t.float32, 5),
        "truths": lambda t: changed(t, t.bool, t.uint8, 1),
        "wide truths": lambda t: changed(t, t.int16, t.bool, True),
        "halves of pairs": lambda t: changed(t, t.complex64, t.int16, 16256),
        "wider pairs": lambda t: changed(t, t.complex64, t.complex128, 0),
        "complex": lambda t: changed(t, t.float32, t.complex64, 1 + 2j),
        "any byte": lambda t: t.tensor([0, 1, 2], dtype=t.uint8).view(t.bool),
        "scalar": lambda t: t.tensor(1j).view(t.int64),
        "too few": lambda t: t.ones(4, dtype=t.uint8).view(t.complex64),
        "no dimension": lambda t: t.ones(()).view(t.complex64),
        "itself": lambda t: (x := t.ones(2, requires_grad=True)).view(t.float32) is x,
        "no gradient": lambda t: t.ones(2, requires_grad=True).view(t.complex64).requires_grad,
    }
    return all_said(torch, calls)


@scenario
def strides_of_what_has_length_one(torch: Any) -> list[str]:
    x = torch.arange(24.0).reshape(2, 3, 4)
    turned, thin = x.permute(2, 0, 1)[:, :1], x[:, 1:2]
    views = [turned.unfold(1, 1, 1), thin.unfold(0, 2, 1), thin.unfold(1, 1, 1), turned.diagonal(1, 1, 2)]
    views.append(torch.arange(4.0).reshape(1, 4).t().diagonal(-2))
    return [f"{one.tolist()} {one.stride()} {one.storage_offset()}" for one in views]


@scenario
def sums_in_the_dtype_of_out(torch: Any) -> list[str]:
    x, wide = torch.tensor([0.6, 0.6, 0.6]), torch.tensor([16777216.0, 1.0, 1.0])
    calls: dict[str, Callable[[Any], Any]] = {
        "running": lambda t: t.cumsum(x, 0, out=t.zeros(3, dtype=t.int32)),
        "products": lambda t: t.cumprod(x + 1, 0, out=t.zeros(3, dtype=t.int32)),
        "cut": lambda t: t.sum(x, 0, out=t.zeros((), dtype=t.int32)),
        "wide": lambda t: t.sum(wide, 0, out=t.zeros((), dtype=t.float64)),
        "mean": lambda t: t.mean(wide, 0, out=t.zeros((), dtype=t.float64)),
        "mean of integers": lambda t: t.mean(wide, 0, out=t.zeros((), dtype=t.int32)),
        "two dtypes": lambda t: t.cumsum(x, 0, dtype=t.float64, out=t.zeros(3)),
    }
    return all_said(torch, calls)


@scenario
def values_of_unusual_dtypes(torch: Any) -> list[str]:
    F = torch.nn.functional
    z = torch.tensor([[3 + 4j, 1 + 1j], [2 - 1j, 0]])
    small = torch.tensor([200, 100, 90], dtype=torch.uint8)
    places = torch.tensor([1, 5, 200], dtype=torch.uint8)
    inf, nan = float("inf"), torch.tensor([[float("nan"), 1.0], [2.0, 1.0], [1.0, 1.0]])
    half = torch.ones(24, dtype=torch.bfloat16)
    calls: dict[str, Callable[[Any], Any]] = {
        "lengths of complex rows": lambda t: F.normalize(z, p=2.0, dim=1),
        "sums of complex rows": lambda t: F.normalize(z, p=1.0, dim=0),
        "between complex rows": lambda t: F.pairwise_distance(z, 2 * z),
        "area of bytes": lambda t: [t.trapezoid(small), t.trapezoid(small, places), t.trapezoid(small, dx=3)],
        "areas of bytes": lambda t: t.cumulative_trapezoid(small, places),
        "differences of NaN": lambda t: F.pdist(nan, 0),
        "normal": lambda t: t.normal(half, half)[::5],
        "truth as exponent": lambda t: t.ldexp(t.ones(2), t.tensor(True)),
        "imaginary diagonal": lambda t: t.linalg.cholesky(t.tensor([[4 + 1j, 1j], [-1 + 1j, 3 - 2j]])),
        "infinite parts": lambda t: t.view_as_complex(t.tensor([[-0.0, inf], [inf, 0.0], [nan[0, 0], 1.0]])),
        "order in memory": lambda t: t.arange(6.0).reshape(2, 3).t().clone().resize_(2, 2),
        "parts given": lambda t: t.unbind_copy(nan, out=[t.ones(2), t.ones(2), t.ones(2)]),
    }
    return all_said(torch, calls)
