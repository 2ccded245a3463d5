"""Sparse tensors: how they are made, print, compute and differentiate, as text.

Each scenario is a function of `torch`, PyTorch's or fnnet's, that returns the lines it would print.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from printed import Scenarios

scenario = Scenarios("sparse.json")


def said(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """What is given, or the type of the error and its first words."""
    try:
        made = function(*args, **kwargs)
    except Exception as error:
        text = str(error).splitlines()[0]
        if "Could not run" in text:
            text = "Could not run"  # PyTorch names the overload, or what the operation is made of
        return f"{type(error).__name__}: {text}"
    if hasattr(made, "is_sparse") and made.is_sparse:
        return f"{made.is_coalesced()} {made}"
    return str(made)


def matrices(torch: Any) -> tuple[Any, Any, Any]:
    """A matrix with two entries at one place, the same with them added, and a hybrid tensor."""
    places = torch.tensor([[1, 0, 1], [2, 0, 2]])
    loose = torch.sparse_coo_tensor(places, torch.tensor([3.0, -4.0, 5.0]), (2, 3))
    hybrid = torch.sparse_coo_tensor(places, torch.arange(6.0).reshape(3, 2), (2, 3, 2))
    return loose, loose.coalesce(), hybrid


@scenario
def making(torch: Any) -> list[str]:
    make = torch.sparse_coo_tensor
    i, v = torch.tensor([[0, 1, 1], [2, 0, 2]]), torch.tensor([3.0, 4.0, 5.0])
    none = torch.empty(2, 0, dtype=torch.long)
    lines = [
        said(make, i, v),
        said(make, i, v, (2, 3)),
        said(make, [[0, 1], [1, 0]], [1, 2]),
        said(make, [[0, 1], [1, 0]], [1.0, 2.0], (2, 2), dtype=torch.float64),
        said(make, (2, 3)),
        said(make, size=(2, 3)),
        said(make, i, v[:2], (2, 3)),
        said(make, i, v, (2,)),
        said(make, i[0], v, (2,)),
        said(make, i.int(), v, (2, 3)),
        said(make, none, torch.empty(0), (2, 3)),
        said(make, none, torch.empty(0)),
        said(make, i, torch.arange(6.0).reshape(3, 2), (2, 3, 2)),
        said(make, i, torch.arange(6.0).reshape(3, 2), (2, 3, 3)),
        said(make, i, v, requires_grad=True),
        said(make, i, v.clone().requires_grad_(), (2, 3)),
        said(make, i, torch.tensor([1j, 2, 3]), (2, 3)),
        said(make, i, v > 3, (2, 3)),
        said(make, torch.arange(1100).reshape(1, -1), torch.arange(1100.0), (1100,)),
        said(make, i, v.long(), (2, 3), requires_grad=True),
        said(make, [[0]], [1.0], (1,)),
        said(make, [[-1]], [1.0]),
    ]
    old = torch.sparse
    lines += [
        said(old.FloatTensor, i, v, torch.Size([2, 3])),
        said(old.FloatTensor, i, v),
        said(old.FloatTensor, 2, 3),
        said(old.DoubleTensor, i, v.double(), torch.Size([2, 3])),
        said(old.LongTensor, i, v.long(), (2, 3)),
        said(old.FloatTensor),
        str(isinstance(make(i, v), old.FloatTensor)),
        str(isinstance(make(i, v), old.DoubleTensor)),
        str(old.FloatTensor),
    ]
    with torch.sparse.check_sparse_tensor_invariants():
        lines.append(str(torch.sparse.check_sparse_tensor_invariants.is_enabled()))
        lines += [said(make, [[-1]], [1.0], (2,)), said(make, [[2]], [1.0], (2,))]
    return [*lines, said(make, [[5]], [1.0], (2,), check_invariants=True)]


@scenario
def attributes(torch: Any) -> list[str]:
    lines = []
    for s in matrices(torch):
        lines.append(
            str((s.dim(), s.ndim, s.shape, s.size(), s.size(0), s.sparse_dim(), s.dense_dim(), s._nnz()))
        )
        lines.append(str((s.layout, s.is_sparse, s.is_sparse_csr, s.device, s.dtype, s.is_coalesced())))
        lines.append(str((s.numel(), s.nelement(), len(s), s.is_leaf, s.requires_grad, s.grad_fn, s.grad)))
        lines.append(str((s.type(), s.element_size(), s.is_floating_point(), type(s), s.is_contiguous())))
        lines += [said(s.indices), said(s.values), said(s._indices), said(s._values)]
    x = torch.ones(2, 3)
    lines += [
        said(getattr(x, name))
        for name in (
            "indices",
            "values",
            "coalesce",
            "is_coalesced",
            "crow_indices",
            "col_indices",
            "ccol_indices",
            "row_indices",
            "sparse_dim",
            "dense_dim",
            "_nnz",
        )
    ]
    s = matrices(torch)[0]
    lines += [
        said(getattr(s, name))
        for name in (
            "crow_indices",
            "col_indices",
            "ccol_indices",
            "numpy",
            "tolist",
            "item",
            "data_ptr",
            "untyped_storage",
            "contiguous",
            "__bool__",
        )
    ]
    lines.append(said(lambda: s.nbytes))
    return lines


@scenario
def conversions(torch: Any) -> list[str]:
    x = torch.tensor([[0.0, 1, 0], [2, 0, 3]])
    lines = [
        said(x.to_sparse),
        said(x.to_sparse, 1),
        said(x.to_sparse, 2),
        said(x.to_sparse, 0),
        said(x.to_sparse, 3),
        said(x.to_sparse_coo),
        said(x.to_sparse, layout=torch.sparse_coo),
        said(torch.tensor(3.0).to_sparse),
        said(torch.zeros(2, 2).to_sparse),
        said((x > 0).to_sparse),
        said(x.long().to_sparse),
        said(x.clone().requires_grad_().to_sparse),
        said(x.reshape(1, 2, 3).to_sparse, 2),
    ]
    for s in matrices(torch):
        lines += [
            said(s.to_dense),
            said(s.coalesce),
            said(s.to_sparse),
            said(s.clone),
            said(s.detach),
            said(s.double),
            said(s.long),
            said(s.half),
            said(s.to, torch.float64),
            said(s.to, "cpu"),
            said(s.float),
            said(torch.zeros_like, s),
            said(torch.empty_like, s),
            said(s.new_zeros, 2, 3),
            said(torch.ones_like, s),
            said(s.type, torch.float64),
            str(s.to("cpu") is s),
        ]
    return [*lines, said(s.to_dense, torch.float64)]


@scenario
def functions_of_values(torch: Any) -> list[str]:
    names = (
        "abs neg sqrt sin tanh relu sign floor ceil round expm1 log1p asin atan sinh square isnan isinf "
        "trunc deg2rad "
        "rad2deg erf erfinv tan asinh atanh frac positive signbit sgn isposinf isneginf nan_to_num exp log "
        "cos "
        "sigmoid reciprocal"
    )
    lines = []
    for s in matrices(torch):
        lines += [f"{name} {said(getattr(torch, name), s)}" for name in names.split()]
        lines += [
            said(lambda s=s: -s),
            said(lambda s=s: s**2),
            said(s.pow, 0.5),
            said(s.pow, 0),
            said(lambda s=s: s * 2),
            said(lambda s=s: 2 * s),
            said(lambda s=s: s / 2),
            said(lambda s=s: s * torch.tensor(3.0)),
            said(lambda s=s: s / torch.tensor(4.0)),
            said(lambda s=s: s + 1),
            said(abs, s),
            said(lambda s=s: s == s),
            said(lambda s=s: s > 0),
        ]
    return lines


@scenario
def sums_of_tensors(torch: Any) -> list[str]:
    loose, tight, hybrid = matrices(torch)
    other = torch.sparse_coo_tensor([[0, 1, 1], [0, 0, 2]], [1.0, 2.0, 3.0], (2, 3))
    x = torch.arange(6.0).reshape(2, 3)
    pairs = [
        (loose, loose),
        (tight, tight),
        (tight, other.coalesce()),
        (hybrid, hybrid),
        (x, loose),
        (loose, x),
        (loose, loose.t()),
        (loose, hybrid),
        (tight, tight.double()),
        (torch.ones(3, 3), loose),
        (loose, other),
        (other, loose),
    ]
    lines = []
    for a, b in pairs:
        lines += [said(torch.add, a, b), said(torch.sub, a, b), said(torch.add, a, b, alpha=3)]
    lines += [said(torch.mul, a, b) for a, b in pairs[:5]]
    lines += [
        said(torch.mul, tight, x),
        said(torch.mul, x, loose),
        said(torch.mul, loose, loose.t()),
        said(torch.mul, loose, torch.tensor([1.0, 2.0, 3.0])),
        said(torch.div, loose, x),
        said(torch.mul, tight, tight.double()),
        said(torch.mul, tight, other.coalesce()),
        said(torch.mul, tight.long(), 2.5),
        said(torch.div, tight.long(), 2),
        said(torch.div, tight, 2, rounding_mode="floor"),
    ]
    return lines


@scenario
def in_place(torch: Any) -> list[str]:
    lines = []
    for s in matrices(torch):
        x = torch.ones(s.shape)
        lines += [
            said(s.clone().mul_, 2),
            said(s.clone().div_, 2),
            said(s.clone().add_, s),
            said(s.clone().sub_, s),
            said(s.clone().zero_),
            said(s.clone().neg_),
            said(torch.zeros_like(s).copy_, s),
            said(s.clone().copy_, x),
            said(x.copy_, s),
            said(x.add_, s),
            said(x.sub_, s, alpha=2),
            said(s.clone().fill_, 1),
            said(s.clone().add_, x),
            said(s.clone().abs_),
            said(s.clone().mul_, s),
            said(s.clone().pow_, 2),
        ]
    s = matrices(torch)[0]
    lines += [
        said(s.clone().sparse_resize_, (4, 5), 2, 0),
        said(s.clone().sparse_resize_, (2, 2), 2, 0),
        said(s.clone().sparse_resize_and_clear_, (2, 2), 2, 0),
        said(s.clone().sparse_resize_, (2, 3, 2), 2, 1),
        said(s.clone().t_),
        said(s.clone().transpose_, 0, 1),
    ]
    leaf = s.clone().requires_grad_()
    lines.append(said(leaf.mul_, 2))
    tight = matrices(torch)[1]
    tight.values().mul_(3)
    return [*lines, str(tight)]


@scenario
def places(torch: Any) -> list[str]:
    lines = []
    for s in matrices(torch)[:2]:
        lines += [
            said(s.t),
            said(s.transpose, 0, 1),
            said(s.transpose, -1, 0),
            said(s.permute, 1, 0),
            said(lambda s=s: s.T),
            said(lambda s=s: s.mT),
            said(s.unsqueeze, 0),
            said(s.unsqueeze, 1),
            said(s.unsqueeze, -1),
            said(s.index_select, 0, torch.tensor([1])),
            said(s.index_select, 1, torch.tensor([2, 0])),
            said(s.index_select, 1, torch.tensor([3])),
            said(s.narrow_copy, 1, 1, 2),
            said(s.narrow_copy, 0, 2, 1),
            said(s.select, 0, 1),
            said(s.select, 1, -1),
            said(lambda s=s: s[0]),
            said(lambda s=s: s[0, 2]),
            said(lambda s=s: s[:, 1]),
            said(lambda s=s: s[1][2]),
            said(lambda s=s: s[0:1]),
            said(lambda s=s: s[5]),
            said(torch.cat, [s, s]),
            said(torch.cat, [s, s], 1),
            said(torch.stack, [s, s]),
            said(torch.stack, [s, s], -1),
            said(torch.hstack, [s, s]),
            said(torch.vstack, [s, s]),
            said(torch.cat, [s, s.t()]),
            said(s.reshape, 3, 2),
            said(s.view, -1),
            said(s.squeeze),
            said(s.sparse_mask, s.coalesce()),
            said(torch.arange(6.0).reshape(2, 3).sparse_mask, s),
            said(s.t().coalesce),
            *[said(lambda r=r: r) for r in s],
        ]
    s = matrices(torch)[2]
    return [
        *lines,
        said(s.t),
        said(s.transpose, 0, 1),
        said(s.transpose, 1, 2),
        said(s.select, 0, 1),
        said(s.select, 2, 1),
        said(lambda: s[1, 2]),
        said(s.index_select, 2, torch.tensor([1, 1])),
        said(s.narrow_copy, 2, 1, 1),
        said(s.unsqueeze, 3),
        said(s.unsqueeze, 1),
    ]


@scenario
def sums(torch: Any) -> list[str]:
    lines = []
    for s in matrices(torch):
        lines += [
            said(s.sum),
            said(s.sum, 0),
            said(s.sum, 1),
            said(s.sum, (0, 1)),
            said(s.sum, 0, keepdim=True),
            said(torch.sparse.sum, s),
            said(torch.sparse.sum, s, 0),
            said(torch.sparse.sum, s, [0, 1]),
            said(torch.sparse.sum, s, -1),
            said(torch.sparse.sum, s, 1, dtype=torch.float64),
            said(s.norm),
            said(s.any),
            said(s.mean),
            said(s.max),
            said(torch.sparse.sum, s, 0).replace("x", "y"),
        ]
        for dim in range(s.ndim):
            lines += [said(torch.sparse.softmax, s, dim), said(torch.sparse.log_softmax, s, dim)]
        lines.append(said(torch.sparse.softmax, s, 0, dtype=torch.float64))
    wide = torch.sparse_coo_tensor([[0, 0, 0, 2], [0, 2, 3, 1]], [1.0, 2.0, 3.0, -1.0], (3, 4))
    return [
        *lines,
        said(torch.sparse.softmax, wide, 1),
        said(torch.sparse.log_softmax, wide, 1),
        said(torch.sparse.softmax, wide, 0),
        said(torch.softmax, wide, 0),
    ]


@scenario
def products(torch: Any) -> list[str]:
    s, tight, _ = matrices(torch)
    x, y, v = torch.arange(6.0).reshape(3, 2), torch.arange(8.0).reshape(4, 2), torch.tensor([1.0, -2.0, 3.0])
    mm = torch.sparse.mm
    return [
        said(mm, s, x),
        said(mm, tight, x),
        said(torch.spmm, s, x),
        said(torch.mm, s, x),
        said(s.mm, x),
        said(torch.matmul, s, x),
        said(lambda: s @ x),
        said(lambda: y @ s),
        said(torch.mm, y, s),
        said(mm, y, s),
        said(torch.mv, s, v),
        said(lambda: s @ v),
        said(s.matmul, v),
        said(mm, s, s.t()),
        said(lambda: s @ s.t()),
        said(mm, tight, tight.t()),
        said(mm, s.t(), s),
        said(mm, s, torch.ones(2, 2)),
        said(mm, s, x.double()),
        said(mm, s, torch.ones(3)),
        said(mm, s.long(), x.long()),
        said(mm, x, x.t()),
        said(mm, s, s),
        said(torch.mm, s, torch.ones(2, 2)),
        said(torch.mv, s, torch.ones(2)),
        said(torch.addmm, torch.ones(2, 2), s, x),
        said(torch.addmm, torch.ones(2, 2), s, x, beta=2, alpha=3),
        said(torch.sparse.addmm, torch.ones(2, 2), s, x, beta=2, alpha=3),
        said(torch.bmm, torch.stack([s, s.clone() * 2]), torch.stack([x, x])),
        said(torch.dsmm, s, x),
        said(torch.sparse.spdiags, torch.arange(9.0).reshape(3, 3), torch.tensor([0, -1, 2]), (3, 4)),
        said(mm, torch.sparse_coo_tensor((2, 3)), x),
        said(mm, s.double(), x.double()),
    ]
