"""Scenarios of tensors: NumPy's memory, dtypes, layouts, errors. Importing it fills `SCENARIOS` with all."""

from __future__ import annotations

import warnings
from typing import Any

import autograd_scenarios  # noqa: F401 - fills SCENARIOS
import numpy as np
import unseen_scenarios  # noqa: F401 - fills SCENARIOS
from scenarios import SCENARIOS as SCENARIOS
from scenarios import error, leaf, scenario


@scenario
def numpy_shares_memory(torch: Any) -> Any:
    t = torch.zeros(2, 3)
    a = t.numpy()
    t.add_(1)
    a[0, 0] = 5
    t[1] = 7
    row = t[0].numpy()
    row[1] = -1
    b = np.arange(4, dtype=np.float64)
    s = torch.from_numpy(b)
    v = s[1:3]
    b[1] = 10
    s[2] = 20
    v.mul_(2)
    np.add(b, 1, out=b)
    view = torch.from_numpy(b[::2])
    b[2] = 99
    view[0] = -5
    return [
        t,
        a.tolist(),
        b.tolist(),
        s,
        v,
        view,
        (s * 2).tolist(),
        str(s.dtype),
        error(lambda: torch.from_numpy(np.array(["a"]))),
        error(lambda: torch.from_numpy(b[::-1])),
    ]


@scenario
def numpy_of_views(torch: Any) -> Any:
    t = torch.arange(12.0).view(3, 4)
    a = t.t()[1:, ::2].numpy()
    strides = a.strides
    t[0, 1] = 100
    a[2, 1] = -7
    return [a.tolist(), list(strides), t]


@scenario
def promotion(torch: Any) -> Any:
    # Not float16 with complex: PyTorch's ComplexHalf has no counterpart in JAX.
    kinds = [
        torch.float32,
        torch.float64,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int8,
        torch.uint8,
        torch.bool,
        torch.complex64,
    ]
    found: list[Any] = []
    for one in kinds:
        a = torch.ones(2, dtype=one)
        for two in kinds:
            found.append(str((a * torch.ones(2, dtype=two)).dtype))
            found.append(str((a * torch.ones((), dtype=two)).dtype))
        found += [
            str((a * 2).dtype),
            str((a * 2.5).dtype),
            str((a / 2).dtype),
            str((a == 1).dtype),
            str((a * True).dtype),
        ]
        found.append(str(a.sum().dtype))
    found += [error(lambda: torch.ones(2, dtype=torch.bool) - torch.ones(2, dtype=torch.bool))[0]]
    found.append(torch.tensor([100, 27], dtype=torch.int8) + 1000)
    return found


@scenario
def shape_errors(torch: Any) -> Any:
    a, b = torch.ones(2, 3), torch.ones(4)
    return [
        error(lambda: a + b)[0:2],
        error(lambda: a.mm(a))[0:2],
        error(lambda: a.view(5))[0:2],
        error(lambda: a.t().view(-1))[0:2],
        error(lambda: a[2])[0:2],
        error(lambda: a[0, 0, 0])[0:2],
        error(lambda: a.sum(5))[0:2],
        error(lambda: bool(a))[0:2],
        error(lambda: a.item())[0:2],
        error(lambda: len(torch.ones(())))[0:2],
        error(lambda: a[torch.tensor([5])])[0:1],
        error(lambda: a.nonsense)[0:1],
        error(lambda: torch.ones(2, -1))[0:1],
    ]


@scenario
def layouts(torch: Any) -> Any:
    x = torch.arange(24.0).view(2, 3, 4)
    y = x.permute(2, 0, 1)
    made = [
        y + 1,
        y * y,
        y.clone(),
        y.contiguous(),
        torch.zeros_like(y),
        x[:, 1],
        x[..., ::2],
        x.unsqueeze(1),
        y.reshape(8, 3),
        x.expand(2, 2, 3, 4),
        x.diagonal(0, 1, 2),
        x.flatten(1),
        x.as_strided((2, 2), (3, 1), 4),
        y.exp(),
    ]
    return [[one.stride(), one.storage_offset(), one.is_contiguous(), one] for one in made]


@scenario
def conversions(torch: Any) -> Any:
    x = torch.tensor([1.7, -2.5, 300.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            x.int(),
            x.long(),
            x.to(torch.float64),
            x.bool(),
            x.half(),
            x.to("cpu") is x,
            x.type(),
            x.double().type(),
            x.type(torch.int32),
            torch.tensor(3).item(),
            torch.tensor([1, 2]).dtype,
            torch.tensor([True]).dtype,
            torch.tensor([1, 2.5]).dtype,
            torch.tensor(1j).dtype,
            x.tolist(),
            float(x[0]),
            int(x[2]),
            [v.item() for v in x],
            torch.tensor([[1, 2], [3, 4]]).shape,
            x.size(0),
            x.numel(),
            torch.full((2,), 3),
            torch.full((2,), 3.0),
        ]


@scenario
def out_arguments(torch: Any) -> Any:
    x = torch.arange(3.0)
    out = torch.empty(3)
    result = torch.add(x, 1, out=out)
    w = leaf(torch, 3)
    return [
        out,
        result is out,
        error(lambda: torch.add(w, 1, out=out))[0],
        error(lambda: torch.add(x, 1, out=torch.empty(3, dtype=torch.int64))),
    ]


@scenario
def indices_out_of_range(torch: Any) -> Any:
    x, w = torch.ones(2, 3), torch.ones(4, 3)
    F = torch.nn.functional
    data = torch.tensor([0, 1, 2, 3, 9])
    return [
        error(lambda: F.embedding(torch.tensor([1, 5]), w))[0],
        error(lambda: F.cross_entropy(x, torch.tensor([0, 3])))[0],
        F.cross_entropy(x, torch.tensor([0, -100])),
        error(lambda: F.embedding(data[3:], w))[0],
        F.embedding(data[:2], w),
        error(lambda: x.gather(1, torch.tensor([[3]])))[0],
        error(lambda: torch.index_select(x, 0, torch.tensor([2])))[0],
        error(lambda: x.scatter_(0, torch.tensor([[4]]), 1.0))[0],
        F.one_hot(torch.tensor([1, 2])),
        torch.masked_select(x, x > 0).shape,
        torch.nonzero(x).shape,
        x.unique(),
    ]
